/* SPDX-License-Identifier: Apache-2.0 */
/* Reading crash notes, and judging by them. */
#include "host/crashes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES = 1 << 20 };

static const char over[] = "over";

static weir_crash_note *find(const weir_crashes *crashes, const char *source, uint64_t index)
{
    for (size_t i = 0; i < crashes->count; i++) {
        weir_crash_note *note = &crashes->notes[i];

        if (note->index == index && strcmp(note->source, source) == 0)
            return note;
    }
    return NULL;
}

static weir_code add(weir_crashes *crashes, const char *source, uint64_t index, const char *what, weir_error *err)
{
    weir_crash_note *note = find(crashes, source, index);

    if (!note && crashes->count == crashes->capacity) {
        size_t capacity = crashes->capacity ? crashes->capacity * 2 : 8;
        weir_crash_note *notes = realloc(crashes->notes, capacity * sizeof *notes);

        if (!notes)
            return weir__fail_memory(err, "the crash notes");
        crashes->notes = notes;
        crashes->capacity = capacity;
    }
    if (!note) {
        note = &crashes->notes[crashes->count++];
        memset(note, 0, sizeof *note);
        atomic_init(&note->is_over, false);
        (void)snprintf(note->source, sizeof note->source, "%s", source); /* it fits: see read_line() */
        note->index = index;
    }
    note->times = strcmp(what, over) == 0 ? 0 : note->times + 1;
    (void)snprintf(note->last, sizeof note->last, "%s", what); /* cut, it still tells enough */
    return WEIR_OK;
}

/* One that was cut off, or is nothing of ours, says nothing. */
static weir_code read_line(weir_crashes *crashes, char *line, weir_error *err)
{
    char *number = strchr(line, ' ');
    char *what;
    unsigned long long index;

    if (!number || (size_t)(number - line) >= sizeof crashes->notes->source)
        return WEIR_OK;
    *number++ = '\0';
    index = strtoull(number, &what, 10);
    return what != number && *what == ' ' ? add(crashes, line, index, what + 1, err) : WEIR_OK;
}

static bool seek_newest(const weir_crashes *crashes)
{
    const weir_disk *disk = crashes->disk;
    off_t end = disk->lseek(disk->context, crashes->fd, 0, SEEK_END);

    return end >= 0 &&
           disk->lseek(disk->context, crashes->fd, end > FILE_BYTES ? end - FILE_BYTES : 0, SEEK_SET) >= 0;
}

weir_code weir__crashes_read(weir_crashes *crashes, const weir_disk *disk, int fd, uint64_t maximum, weir_error *err)
{
    char *text = malloc(FILE_BYTES + 1);
    weir_code rc = WEIR_OK;
    ssize_t size;
    char *line;

    memset(crashes, 0, sizeof *crashes);
    crashes->disk = disk;
    crashes->fd = fd;
    crashes->maximum = maximum;
    if (!text)
        return weir__fail_memory(err, "the crash notes");
    size = seek_newest(crashes) ? weir__disk_read_full(disk, fd, text, FILE_BYTES) : -1;
    if (size < 0) {
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read the crash notes");
        goto out;
    }
    text[size] = '\0';
    line = text;
    while (rc == WEIR_OK && line < text + size) {
        char *end = strchr(line, '\n');

        if (!end)
            break;
        *end = '\0';
        rc = read_line(crashes, line, err);
        line = end + 1;
    }
out:
    free(text);
    return rc;
}

void weir__crashes_clear(weir_crashes *crashes)
{
    free(crashes->notes);
    memset(crashes, 0, sizeof *crashes);
}

bool weir__crash_note_counts(const weir_crash_note *note)
{
    return note->times > 0 && !atomic_load(&note->is_over);
}

weir_code weir__crashes_judge(const weir_crashes *crashes, weir_run *run, weir_error *err)
{
    const weir_crash_note *note = crashes->count ? find(crashes, run->source, run->index) : NULL;

    if (!note || !weir__crash_note_counts(note) || !crashes->maximum || note->times < crashes->maximum)
        return WEIR_OK;
    if (strstr(note->last, ", reconciler of call '")) {
        run->is_reconciler_feared = true;
        return WEIR_OK;
    }
    return weir__fail(err, WEIR_FAILED, WEIR_REMEDY_FIX,
                      "the record crashed the process %" PRIu64 " times (input.max-crashes), last in %s", note->times,
                      note->last);
}

void weir__crashes_forget(const weir_crashes *crashes, weir_crash_note *note)
{
    char line[128];
    int size = snprintf(line, sizeof line, "%s %" PRIu64 " %s\n", note->source, note->index, over);

    /* What stays behind after a failure is found to be over by the next start, as after a kill. */
    (void)weir__disk_write_all(crashes->disk, crashes->fd, line, (size_t)size);
    atomic_store(&note->is_over, true);
}

void weir__crashes_forget_all(weir_crashes *crashes)
{
    /* What stays behind after a failure here is read again, and says nothing of later records. */
    if (crashes->disk && crashes->count)
        (void)crashes->disk->ftruncate(crashes->disk->context, crashes->fd, 0);
    crashes->count = 0;
}
