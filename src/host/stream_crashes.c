/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a task that crashed this process in an earlier life. A note is dropped once a commit is known that holds
 * the record's end; or when recovery finds it over, since another process got past it, or a kill came before the note
 * was dropped.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/stream_internal.h"

weir_code weir__stream_find_crashes(weir_stream_task *task, weir_error *err)
{
    const weir_crashes *crashes = task->stream->options->crashes;
    size_t count = 0;

    for (size_t i = 0; crashes && i < crashes->count; i++)
        count += strcmp(crashes->notes[i].source, task->source) == 0;
    if (!count)
        return WEIR_OK;
    task->crashed = calloc(count, sizeof *task->crashed);
    if (!task->crashed)
        return weir__fail_memory(err, "the crash notes");
    for (size_t i = 0; i < crashes->count; i++) {
        weir_crash_note *note = &crashes->notes[i];

        if (strcmp(note->source, task->source) == 0 && weir__crash_note_counts(note))
            task->crashed[task->crashed_count++].note = note;
    }
    return WEIR_OK;
}

void weir__stream_drop_crashes(weir_stream_task *task)
{
    free(task->crashed);
    task->crashed = NULL;
    task->crashed_count = 0;
}

static void forget(weir_stream_task *task, size_t at)
{
    weir_crash_note *note = task->crashed[at].note;

    weir__log(WEIR__LOG_INFO, task->name, "record that crashed the process is over offset=%" PRIu64, note->index);
    weir__crashes_forget(task->stream->options->crashes, note);
    task->crashed[at] = task->crashed[--task->crashed_count];
}

static bool is_kept(const weir_stream_task *task, int64_t offset)
{
    for (size_t i = 0; i < task->done_but_count; i++) {
        if (task->done_but[i] == offset)
            return true;
    }
    for (size_t i = 0; i < task->input_count; i++) {
        if (task->inputs[i].number == offset)
            return true;
    }
    return false;
}

void weir__stream_look_at_crashes(weir_stream_task *task)
{
    for (size_t i = task->crashed_count; i-- > 0;) {
        int64_t offset = (int64_t)task->crashed[i].note->index;

        if (offset < task->done_until && !is_kept(task, offset))
            forget(task, i);
    }
}

weir_code weir__stream_judge(weir_run *run, weir_error *err)
{
    const weir_stream_task *task = ((const weir_stream_input *)run->host)->task;
    weir_code rc = weir__crashes_judge(task->stream->options->crashes, run, err);

    for (size_t i = 0; i < task->crashed_count && rc == WEIR_OK; i++) {
        const weir_crash_note *note = task->crashed[i].note;

        if (note->index == run->index)
            weir__log(WEIR__LOG_WARN, task->name,
                      "record crashed the process, it is run again offset=%" PRIu64 " times=%" PRIu64 " last=\"%s\"",
                      note->index, note->times, note->last);
    }
    return rc;
}

void weir__stream_survived(weir_stream_task *task, int64_t offset)
{
    for (size_t i = 0; i < task->crashed_count; i++) {
        if ((int64_t)task->crashed[i].note->index == offset)
            task->crashed[i].over_with = task->stream->next_commit;
    }
}

void weir__stream_forget_crashes(weir_stream_task *task, uint64_t commit)
{
    for (size_t i = task->crashed_count; i-- > 0;) {
        if (task->crashed[i].over_with && task->crashed[i].over_with <= commit)
            forget(task, i);
    }
}
