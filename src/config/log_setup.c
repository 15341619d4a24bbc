/* SPDX-License-Identifier: Apache-2.0 */
/* The log, as the configuration says. */
#include <string.h>

#include "base/log.h"
#include "config/config.h"

weir_code weir__config_log(const weir_config *config, weir_error *err)
{
    const char *levels = weir__config_text(config, "log.levels");
    weir_log_level level = WEIR__LOG_WARN;

    (void)weir__log_level_named(weir__config_text(config, "log.level"), &level); /* checked when it was read */
    weir__log_configure(level, strcmp(weir__config_text(config, "log.format"), "json") == 0 ? WEIR__LOG_JSON
                                                                                             : WEIR__LOG_TEXT);
    return levels ? weir__log_configure_rooms(levels, err) : WEIR_OK;
}
