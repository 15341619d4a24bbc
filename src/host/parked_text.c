/* SPDX-License-Identifier: Apache-2.0 */
/* Printing what waits for somebody. */
#include "host/parked_text.h"

#include <stdio.h>
#include <time.h>

#include "codec/json.h"
#include "engine/recall.h"

typedef struct line {
    weir_buffer *out;
    weir_code rc; /* one failed append makes the rest no-ops */
} line;

static void add(line *to, const char *text)
{
    if (to->rc == WEIR_OK)
        to->rc = weir__buffer_add_text(to->out, text);
}

static void add_bytes(line *to, const char *name, weir_bytes value)
{
    add(to, name);
    if (to->rc == WEIR_OK)
        to->rc = weir__json_print_bytes(value, to->out);
}

static void add_number(line *to, const char *name, int64_t value)
{
    add(to, name);
    if (to->rc == WEIR_OK)
        to->rc = weir__json_print_int(value, to->out);
}

static void add_time(line *to, const char *name, int64_t wall_ms)
{
    char text[64];
    struct tm parts;
    time_t seconds = (time_t)(wall_ms / 1000);
    size_t size;

    (void)gmtime_r(&seconds, &parts);
    size = strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + size, sizeof text - size, ".%03dZ\"", (int)(wall_ms % 1000)); /* it fits */
    add(to, name);
    add(to, text);
}

/* What to type: one of the ends is to be chosen. */
static void add_command(line *to, const weir_entry *parked, const char *program, const char *where)
{
    char text[512];

    (void)snprintf(text, sizeof text, "%.100s resolve %s %.200s --attempt %u %s", program, where, parked->run,
                   parked->attempt,
                   parked->call ? "--result JSON | --retry | --fail" : "--retry | --fail"); /* an action: no result */
    add_bytes(to, ",\"resolve\":", weir__bytes_text(text));
}

weir_code weir__parked_print(const weir_entry *parked, const char *program, const char *where, weir_buffer *out)
{
    line to = { out, WEIR_OK };

    add_bytes(&to, "{\"run\":", weir__bytes_text(parked->run));
    add_bytes(&to, ",\"key\":", parked->key);
    add_bytes(&to, ",\"action\":", weir__bytes_text(parked->action));
    add_bytes(&to, ",\"call\":", weir__bytes_text(parked->name));
    add_number(&to, ",\"number\":", parked->call);
    add_bytes(&to, ",\"kind\":", weir__bytes_text(weir__call_kind_name(parked->call_kind)));
    add_number(&to, ",\"attempt\":", parked->attempt);
    add_bytes(&to, ",\"reason\":", weir__bytes_text(weir__park_reason_name(parked->reason)));
    add_time(&to, ",\"since\":", parked->written_ms);
    if (parked->args.data)
        add_bytes(&to, ",\"args\":", parked->args);
    if (parked->reason == WEIR__PARK_DIVERGENCE) {
        add_bytes(&to, ",\"recorded\":", weir__bytes_text(parked->recorded ? parked->recorded : ""));
        add_bytes(&to, ",\"asked\":", weir__bytes_text(parked->asked ? parked->asked : ""));
    }
    add_command(&to, parked, program, where);
    add(&to, "}");
    return to.rc;
}
