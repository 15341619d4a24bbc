/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a replay, step by step. */
#include "replay/replay.h"

#include "replay/internal.h"

weir_code weir__replay_run(const weir_replay_options *options, weir_comparison *comparison, weir_error *err)
{
    weir_replay replay = { .options = options, .comparison = comparison };
    weir_code rc = weir__replay_plan(&replay, err);

    if (rc == WEIR_OK)
        rc = weir__replay_gather(&replay, err);
    if (rc == WEIR_OK)
        rc = weir__replay_run_parts(&replay, err);
    if (rc == WEIR_OK)
        rc = weir__replay_look_for_left(&replay, err);
    weir__evidence_close(&replay.evidence);
    weir__replay_plan_clear(&replay);
    return rc;
}
