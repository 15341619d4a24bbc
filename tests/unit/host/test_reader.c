/* SPDX-License-Identifier: Apache-2.0 */
/* The record reader, over a disk that gives its bytes in any pieces, and compared with a plain splitter. */
#include "host/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "naive_records.h"
#include "suite.h"

/* ---- a disk of one file ------------------------------------------------------------------------------------------ */

typedef struct fake_disk {
    weir_disk disk;
    const uint8_t *data;
    size_t size;  /* of the file now; more may come */
    size_t at;
    size_t piece; /* most bytes a read gives; 0: any number */
    size_t split; /* a read never goes over this offset; 0: none */
    bool stutters; /* every other read is interrupted, or would block */
    unsigned reads;
    int fails_with; /* at the end, instead of the end */
    uint64_t invented; /* bytes 'x' to be given before `data` */
    uint64_t seed; /* not 0: pieces of random sizes */
} fake_disk;

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static ssize_t fake_read(void *context, int fd, void *data, size_t size)
{
    fake_disk *fake = context;
    size_t give = fake->size - fake->at;

    ck_assert_int_eq(fd, 7);
    fake->reads++;
    if (fake->stutters && fake->reads % 2) {
        errno = fake->reads % 4 == 1 ? EINTR : EAGAIN;
        return -1;
    }
    if (fake->invented) {
        give = size < fake->invented ? size : (size_t)fake->invented;
        memset(data, 'x', give);
        fake->invented -= give;
        return (ssize_t)give;
    }
    if (give == 0 && fake->fails_with) {
        errno = fake->fails_with;
        return -1;
    }
    if (fake->split > fake->at && give > fake->split - fake->at)
        give = fake->split - fake->at;
    if (fake->piece && give > fake->piece)
        give = fake->piece;
    if (fake->seed && give > 1)
        give = 1 + next_random(&fake->seed) % (give < 40 ? give : 40);
    if (give > size)
        give = size;
    if (give)
        memcpy(data, fake->data + fake->at, give);
    fake->at += give;
    return (ssize_t)give;
}

static void fake_init(fake_disk *fake, const void *data, size_t size)
{
    memset(fake, 0, sizeof *fake);
    fake->disk.read = fake_read;
    fake->disk.context = fake;
    fake->data = data;
    fake->size = size;
}

static weir_reader *reader_over(fake_disk *fake, const weir_reader_place *place, size_t record_bytes, bool follow)
{
    weir_reader_options options = { &fake->disk, 7, { 0, 0, 0, false, false }, record_bytes, follow, false };
    weir_reader *reader = NULL;
    weir_error err;

    if (place) {
        options.place = *place;
        fake->at = (size_t)place->offset;
    }
    ck_assert_int_eq(weir__reader_new(&options, &reader, &err), WEIR_OK);
    return reader;
}

static weir_reader_result next(weir_reader *reader, weir_record *record, weir_error *err)
{
    weir_reader_result rc;

    memset(record, 0xa5, sizeof *record);
    do
        rc = weir__reader_next(reader, record, err);
    while (rc == WEIR__READER_WAIT);
    return rc;
}

static void assert_text(weir_bytes text, const char *expected)
{
    ck_assert_msg(text.size == strlen(expected) && memcmp(text.data, expected, text.size) == 0, "'%.*s', expected '%s'",
                  (int)text.size, (const char *)text.data, expected);
}

static void assert_record(weir_reader *reader, const char *text, uint64_t line)
{
    weir_record record;
    weir_error err;

    ck_assert_int_eq(next(reader, &record, &err), WEIR__READER_RECORD);
    assert_text(record.text, text);
    ck_assert_uint_eq(record.at.line + 1, line);
    ck_assert(!record.too_long);
    ck_assert_uint_eq(record.bytes, strlen(text));
}

static void assert_end(weir_reader *reader)
{
    weir_record record;

    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_END);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_END);
}

static void assert_failed(weir_reader *reader, const char *message)
{
    weir_record record;
    weir_error err;
    int i;

    for (i = 0; i < 2; i++) {
        memset(&err, 0, sizeof err);
        ck_assert_int_eq(next(reader, &record, &err), WEIR__READER_FAILED);
        ck_assert_str_eq(err.message, message);
        ck_assert_int_eq(err.code, WEIR_INVALID);
        ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    }
    ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_FAILED);
}

/* The texts, joined by '|', then the end's word or message. */
static void assert_all(const char *input, size_t size, const char *expected)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;
    weir_error err;
    weir_reader_result rc;
    char got[4096];
    size_t used = 0;

    fake_init(&fake, input, size);
    reader = reader_over(&fake, NULL, 1000, false);
    while ((rc = next(reader, &record, &err)) == WEIR__READER_RECORD)
        used += (size_t)snprintf(got + used, sizeof got - used, "%.*s|", (int)record.text.size,
                                 (const char *)record.text.data);
    snprintf(got + used, sizeof got - used, "%s", rc == WEIR__READER_END ? "end" : err.message);
    ck_assert_str_eq(got, expected);
    weir__reader_free(reader);
}

#define ASSERT_ALL(input, expected) assert_all(input, sizeof input - 1, expected)

/* ---- comparing with the plain splitter --------------------------------------------------------------------------- */

static void assert_same_place(const weir_reader_place *a, const weir_reader_place *b)
{
    ck_assert_uint_eq(a->offset, b->offset);
    ck_assert_uint_eq(a->line, b->line);
    ck_assert_uint_eq(a->index, b->index);
    ck_assert_int_eq(a->in_array, b->in_array);
    ck_assert_int_eq(a->after_value, b->after_value);
}

/* Reads on from the first record that is not below `from`, and from the place given. */
static void assert_as_split(fake_disk *fake, const weir_reader_place *place, size_t from, size_t limit,
                            const naive_records *expected)
{
    weir_reader *reader = reader_over(fake, place, limit, false);
    weir_record record;
    weir_error err;
    weir_reader_result rc;
    size_t i;

    for (i = from; (rc = next(reader, &record, &err)) == WEIR__READER_RECORD; i++) {
        const naive_record *want = &expected->items[i];
        size_t size = want->end - want->begin;

        ck_assert_uint_lt(i, expected->count);
        ck_assert_uint_eq(record.bytes, size);
        ck_assert_int_eq(record.too_long, size > limit);
        if (size > limit && size > 256)
            size = 256;
        ck_assert_uint_eq(record.text.size, size);
        ck_assert_mem_eq(record.text.data, fake->data + want->begin, size);
        assert_same_place(&record.at, &want->at);
        assert_same_place(&record.next, &want->next);
    }
    ck_assert_uint_eq(i, expected->count);
    if (expected->is_invalid) {
        weir_reader_place where = naive_place(fake->data, NULL, expected->where, 0);
        char begin[64];

        ck_assert_int_eq(rc, WEIR__READER_FAILED);
        snprintf(begin, sizeof begin, "line %" PRIu64 ", byte %" PRIu64 " of", where.line + 1, where.offset);
        ck_assert_msg(strncmp(err.message, begin, strlen(begin)) == 0, "'%s', expected '%s'", err.message, begin);
    } else {
        ck_assert_int_eq(rc, WEIR__READER_END);
    }
    weir__reader_free(reader);
}

/* In one piece, by single bytes, split at each position, stuttering; resumed at each record, before and behind it. */
static void assert_every_chunking(const void *data, size_t size)
{
    naive_records expected = naive_split(data, size);
    fake_disk fake;
    size_t i;

    for (i = 0; i <= size; i++) {
        fake_init(&fake, data, size);
        fake.split = i;
        assert_as_split(&fake, NULL, 0, 1000, &expected);
    }
    for (i = 0; i <= 3; i++) {
        fake_init(&fake, data, size);
        fake.piece = i;
        fake.stutters = true;
        assert_as_split(&fake, NULL, 0, 6, &expected);
    }
    for (i = 0; i < expected.count; i++) {
        fake_init(&fake, data, size);
        fake.piece = i % 3;
        assert_as_split(&fake, &expected.items[i].at, i, 1000, &expected);
        fake_init(&fake, data, size);
        assert_as_split(&fake, &expected.items[i].next, i + 1, 1000, &expected);
    }
    free(expected.items);
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

START_TEST(each_line_is_a_record_without_its_blanks)
{
    fake_disk fake;
    weir_reader *reader;

    fake_init(&fake, "{\"a\":1}\n\n  \t\n {\"b\": 2} \t\r\n\r\nnot json\nlast", 41);
    reader = reader_over(&fake, NULL, 1000, false);
    assert_record(reader, "{\"a\":1}", 1);
    assert_record(reader, "{\"b\": 2}", 4);
    assert_record(reader, "not json", 6);
    assert_record(reader, "last", 7);
    assert_end(reader);
    weir__reader_free(reader);
}
END_TEST

START_TEST(a_lone_cr_is_a_blank)
{
    ASSERT_ALL("\ra\rb\r\r\n\r\n\rc\r", "a\rb|c|end");
}
END_TEST

START_TEST(a_bom_is_skipped_at_the_beginning_only)
{
    ASSERT_ALL("\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n", "{}|\xef\xbb\xbf{}|end");
    ASSERT_ALL(" \xef\xbb\xbf{}", "\xef\xbb\xbf{}|end");
    ASSERT_ALL("\xef\xbb\xbf[1]", "1|end");
    ASSERT_ALL("\xef\xbb", "\xef\xbb|end");
    ASSERT_ALL("\xef\n\xbb", "\xef|\xbb|end");
}
END_TEST

START_TEST(a_stream_of_blanks_is_empty)
{
    ASSERT_ALL("", "end");
    ASSERT_ALL("\xef\xbb\xbf", "end");
    ASSERT_ALL("\xef\xbb\xbf \r\n\n\t", "end");
    ASSERT_ALL("\n", "end");
}
END_TEST

START_TEST(a_nul_byte_is_part_of_a_record)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;

    fake_init(&fake, "a\0b\n\0\n", 6);
    reader = reader_over(&fake, NULL, 1000, false);
    ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_RECORD);
    ck_assert_uint_eq(record.text.size, 3);
    ck_assert_mem_eq(record.text.data, "a\0b", 3);
    ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_RECORD);
    ck_assert_uint_eq(record.text.size, 1);
    assert_end(reader);
    weir__reader_free(reader);
}
END_TEST

START_TEST(only_the_first_byte_makes_an_array)
{
    ASSERT_ALL("1\n[2]\n", "1|[2]|end");
    ASSERT_ALL("\n \n[2,3]\n", "2|3|end");
    ASSERT_ALL("[1]\n[2]\n", "1|line 2, byte 4 of the input: only blanks may follow the array, found '['");
}
END_TEST

/* ---- too long ---------------------------------------------------------------------------------------------------- */

START_TEST(a_record_as_long_as_the_limit_is_returned_and_one_byte_more_is_too_long)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;
    char data[1000];
    size_t piece;

    memset(data, 'y', sizeof data);
    data[300] = '\n'; /* 0..299: 300 bytes; 301..601: 301 bytes; 603..: 300 bytes and blanks */
    data[602] = '\n';
    memset(data + 903, ' ', 96);
    data[999] = '\n';
    for (piece = 0; piece < 320; piece++) {
        fake_init(&fake, data, sizeof data);
        fake.piece = piece;
        reader = reader_over(&fake, NULL, 300, false);
        ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_RECORD);
        ck_assert(!record.too_long);
        ck_assert_uint_eq(record.text.size, 300);
        ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_RECORD);
        ck_assert(record.too_long);
        ck_assert_uint_eq(record.text.size, 256);
        ck_assert_uint_eq(record.bytes, 301);
        ck_assert_uint_eq(record.at.line, 1);
        ck_assert_uint_eq(record.at.index, 1);
        ck_assert_uint_eq(record.next.offset, 603);
        ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_RECORD);
        ck_assert(!record.too_long);
        ck_assert_uint_eq(record.text.size, 300);
        assert_end(reader);
        weir__reader_free(reader);
    }
}
END_TEST

START_TEST(a_short_limit_still_shows_the_beginning)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;

    fake_init(&fake, "[\"too long\",\"ok\"]", 17);
    fake.piece = 3;
    reader = reader_over(&fake, NULL, 4, false);
    ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_RECORD);
    ck_assert(record.too_long);
    assert_text(record.text, "\"too long\"");
    assert_record(reader, "\"ok\"", 1);
    assert_end(reader);
    weir__reader_free(reader);
}
END_TEST

static uint64_t peak_kb(void)
{
    struct rusage usage;

    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return (uint64_t)usage.ru_maxrss;
}

START_TEST(a_line_of_100_mb_is_counted_and_not_held)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;
    uint64_t before = peak_kb();

    fake_init(&fake, "y \n{}\n", 6);
    fake.invented = 100 * 1000 * 1000;
    reader = reader_over(&fake, NULL, 1024 * 1024, false);
    ck_assert_int_eq(next(reader, &record, NULL), WEIR__READER_RECORD);
    ck_assert(record.too_long);
    ck_assert_uint_eq(record.bytes, 100 * 1000 * 1000 + 1);
    ck_assert_uint_eq(record.text.size, 256);
    ck_assert_int_eq(record.text.data[255], 'x');
    ck_assert_uint_eq(record.next.offset, 100 * 1000 * 1000 + 3);
    assert_record(reader, "{}", 2);
    assert_end(reader);
    weir__reader_free(reader);
    ck_assert_uint_lt(peak_kb() - before, 12 * 1024);
}
END_TEST

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

START_TEST(each_element_of_an_array_is_a_record)
{
    fake_disk fake;
    weir_reader *reader;
    const char *input = " [\n{\"a\": [1, \"]\\\"\"]},\r\n 17 ,\"x\\\\\",\n[[],{}],null]\n \n";

    fake_init(&fake, input, strlen(input));
    reader = reader_over(&fake, NULL, 1000, false);
    assert_record(reader, "{\"a\": [1, \"]\\\"\"]}", 2);
    assert_record(reader, "17", 3);
    assert_record(reader, "\"x\\\\\"", 3);
    assert_record(reader, "[[],{}]", 4);
    assert_record(reader, "null", 4);
    assert_end(reader);
    weir__reader_free(reader);
}
END_TEST

START_TEST(an_empty_array_is_empty)
{
    ASSERT_ALL("[]", "end");
    ASSERT_ALL(" [ \n ] \n", "end");
}
END_TEST

START_TEST(line_breaks_within_elements_count)
{
    fake_disk fake;
    weir_reader *reader;

    fake_init(&fake, "[{\n\n},\"\n\\\n\",\n1]", 15);
    reader = reader_over(&fake, NULL, 1000, false);
    assert_record(reader, "{\n\n}", 1);
    assert_record(reader, "\"\n\\\n\"", 3);
    assert_record(reader, "1", 6);
    assert_end(reader);
    weir__reader_free(reader);
}
END_TEST

START_TEST(what_an_element_holds_is_not_judged)
{
    ASSERT_ALL("[nonsense,{\"a\"},[},-,\"\xff\\q\"]", "nonsense|{\"a\"}|[}|-|\"\xff\\q\"|end");
}
END_TEST

#define BEHIND "',' or ']' must follow an element of the array, found "
#define BEGINS "an element of the array must begin, found "

static const struct {
    const char *input;
    const char *expected;
} garbage[] = {
    { "[1 2]", "1|line 1, byte 3 of the input: " BEHIND "'2'" },
    { "[,1]", "line 1, byte 1 of the input: " BEGINS "','" },
    { "[1,\n]", "1|line 2, byte 4 of the input: " BEGINS "']'" },
    { "[1,,2]", "1|line 1, byte 3 of the input: " BEGINS "','" },
    { "[]x", "line 1, byte 2 of the input: only blanks may follow the array, found 'x'" },
    { "[1]\n\n\x01", "1|line 3, byte 5 of the input: only blanks may follow the array, found 0x01" },
    { "[1]]", "1|line 1, byte 3 of the input: only blanks may follow the array, found ']'" },
    { "[}", "line 1, byte 1 of the input: " BEGINS "'}'" },
    { "[:1]", "line 1, byte 1 of the input: " BEGINS "':'" },
    { "[{}{}]", "{}|line 1, byte 3 of the input: " BEHIND "'{'" },
    { "[\"a\"\"b\"]", "\"a\"|line 1, byte 4 of the input: " BEHIND "'\"'" },
    { "[1\"b\"]", "1|line 1, byte 2 of the input: " BEHIND "'\"'" },
    { "[1:2]", "1|line 1, byte 2 of the input: " BEHIND "':'" },
    { "[1}", "1|line 1, byte 2 of the input: " BEHIND "'}'" },
    { "[", "line 1, byte 1 of the input: truncated: the array does not end" },
    { "[1,\n", "1|line 2, byte 4 of the input: truncated: the array does not end" },
    { "[1,2", "1|line 1, byte 4 of the input: truncated: the element that begins in line 1 does not end" },
    { "[{},\n[\n\"a\n", "{}|line 4, byte 10 of the input: truncated: the element that begins in line 2 does not end" },
    { "[\"\\\"]", "line 1, byte 5 of the input: truncated: the element that begins in line 1 does not end" },
};

START_TEST(garbage_in_an_array_is_refused_with_line_and_byte)
{
    assert_all(garbage[_i].input, strlen(garbage[_i].input), garbage[_i].expected);
    assert_every_chunking(garbage[_i].input, strlen(garbage[_i].input));
}
END_TEST

START_TEST(a_failure_stays)
{
    fake_disk fake;
    weir_reader *reader;

    fake_init(&fake, "[1 2,3]", 7);
    reader = reader_over(&fake, NULL, 1000, false);
    assert_record(reader, "1", 1);
    assert_failed(reader, "line 1, byte 3 of the input: " BEHIND "'2'");
    weir__reader_free(reader);
}
END_TEST

/* ---- chunks, resuming -------------------------------------------------------------------------------------------- */

static const char *const inputs[] = {
    "",
    "\n",
    "a",
    "a\n",
    "\xef\xbb\xbf\r\n a b \r\n\r\n{\"k\":\"\\n\"}\n\nz\nlast line",
    "\xef\xbb\xbf[1,{\"a\":\"]\\\\\\\"\"},\n[ [\n] ] , -1.5e3\r\n,\"\"]\n\n",
    "\xef\xbb\xbf",
    "\xef\xbb",
    "\xef\xbb\xbe\n",
    " \t\r\n[\n]",
    "[ 1 , 2 , 3 ]",
    "[\"\\u005d\",\"\\\\\",\"\\\"\"]",
    "[[[]],{\"a\":{}}]trailing",
    "x\ry\n\r\r\nz",
};

START_TEST(the_records_do_not_depend_on_how_the_bytes_come)
{
    assert_every_chunking(inputs[_i], strlen(inputs[_i]));
}
END_TEST

START_TEST(a_long_stream_over_many_chunks_reads_as_split)
{
    enum { SIZE = 1200 * 1000 };
    uint8_t *data = malloc(SIZE);
    naive_records expected;
    fake_disk fake;
    uint64_t seed = 88172645463325252u;
    size_t size = 0, i;

    ck_assert_ptr_nonnull(data);
    while (size < SIZE - 70000) {
        size_t length = 1 + next_random(&seed) % (next_random(&seed) % 64 ? 200 : 60000);

        memset(data + size, 'a' + (int)(length % 26), length);
        size += length;
        data[size++] = '\n';
    }
    expected = naive_split(data, size);
    fake_init(&fake, data, size);
    assert_as_split(&fake, NULL, 0, 50000, &expected);
    for (i = 0; i < expected.count; i += expected.count / 7) {
        fake_init(&fake, data, size);
        fake.piece = 65536;
        assert_as_split(&fake, &expected.items[i].next, i + 1, 50000, &expected);
    }
    free(expected.items);
    free(data);
}
END_TEST

START_TEST(random_bytes_read_as_split)
{
    /* Few letters, so that brackets, quotes and line breaks meet; the NUL at the end is one. */
    static const char letters[] = "[[]]{},,::\"\"\\\n\n\r  1a\xef\xbb\xbf";
    uint64_t seed = 0x9e3779b97f4a7c15u + (uint64_t)_i;
    int round;

    for (round = 0; round < 2000; round++) {
        uint8_t data[64];
        size_t size = next_random(&seed) % sizeof data, i;
        naive_records expected;
        fake_disk fake;

        for (i = 0; i < size; i++)
            data[i] = (uint8_t)letters[next_random(&seed) % sizeof letters];
        if (size && round % 2)
            data[0] = '[';
        expected = naive_split(data, size);
        fake_init(&fake, data, size);
        fake.seed = next_random(&seed);
        fake.stutters = round % 5 == 0;
        assert_as_split(&fake, NULL, 0, next_random(&seed) % 20, &expected);
        for (i = 0; i < expected.count; i++) {
            fake_init(&fake, data, size);
            fake.seed = next_random(&seed);
            assert_as_split(&fake, round % 3 ? &expected.items[i].next : &expected.items[i].at,
                            round % 3 ? i + 1 : i, 1000, &expected);
        }
        free(expected.items);
    }
}
END_TEST

START_TEST(a_record_within_a_chunk_is_not_copied)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record first, second;

    fake_init(&fake, "one\ntwo\n", 8);
    reader = reader_over(&fake, NULL, 1000, false);
    ck_assert_int_eq(next(reader, &first, NULL), WEIR__READER_RECORD);
    ck_assert_int_eq(next(reader, &second, NULL), WEIR__READER_RECORD);
    ck_assert_ptr_eq(first.text.data + 4, second.text.data);
    ck_assert_uint_eq(fake.reads, 1);
    weir__reader_free(reader);
}
END_TEST

START_TEST(a_place_behind_an_element_but_in_no_array_is_refused)
{
    fake_disk fake;
    weir_reader_options options = { &fake.disk, 7, { 17, 1, 1, false, true }, 1000, false, false };
    weir_reader *reader = NULL;
    weir_error err;

    fake_init(&fake, "", 0);
    ck_assert_int_eq(weir__reader_new(&options, &reader, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "place 17 of the input is behind an element, but in no array");
    ck_assert_ptr_null(reader);
}
END_TEST

/* ---- waiting, failing -------------------------------------------------------------------------------------------- */

START_TEST(a_descriptor_that_would_block_waits_and_goes_on)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;

    fake_init(&fake, "abc\nd", 2);
    fake.fails_with = EAGAIN;
    reader = reader_over(&fake, NULL, 1000, false);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.size = 5;
    assert_record(reader, "abc", 1);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.fails_with = 0;
    assert_record(reader, "d", 2);
    assert_end(reader);
    weir__reader_free(reader);
}
END_TEST

START_TEST(a_bom_that_comes_in_parts_waits)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;

    fake_init(&fake, "\xef\xbb\xbf\n1\n", 1);
    reader = reader_over(&fake, NULL, 1000, true);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.size = 2;
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.size = 6;
    assert_record(reader, "1", 2);
    weir__reader_free(reader);
}
END_TEST

START_TEST(a_followed_line_counts_only_with_its_newline)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;

    fake_init(&fake, "one\ntwo three\nfour", 7);
    reader = reader_over(&fake, NULL, 1000, true);
    assert_record(reader, "one", 1);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.size = 10;
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.size = 14;
    assert_record(reader, "two three", 2);
    fake.size = 18;
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    weir__reader_free(reader);
}
END_TEST

START_TEST(a_followed_array_waits_at_its_end_too)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;

    fake_init(&fake, "[1,22]\nx", 5);
    reader = reader_over(&fake, NULL, 1000, true);
    assert_record(reader, "1", 1);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.size = 7;
    assert_record(reader, "22", 1);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    fake.size = 8;
    assert_failed(reader, "line 2, byte 7 of the input: only blanks may follow the array, found 'x'");
    weir__reader_free(reader);
}
END_TEST

START_TEST(the_growth_of_a_file_is_seen_at_the_next_call)
{
    char path[] = "reader-grows-XXXXXX";
    int out = mkstemp(path), in = open(path, O_RDONLY | O_CLOEXEC);
    weir_reader_options options = { weir__disk_system(), in, { 0, 0, 0, false, false }, 1000, true, false };
    weir_reader *reader = NULL;
    weir_record record;

    ck_assert_int_ge(in, 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(weir__reader_new(&options, &reader, NULL), WEIR_OK);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    ck_assert_int_eq(write(out, "ha", 2), 2);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    ck_assert_int_eq(write(out, "lf\nx", 4), 4);
    assert_record(reader, "half", 1);
    ck_assert_int_eq(weir__reader_next(reader, &record, NULL), WEIR__READER_WAIT);
    weir__reader_free(reader);
    ck_assert_int_eq(fcntl(in, F_GETFD), FD_CLOEXEC); /* the fd stays open */
    close(in);
    close(out);
}
END_TEST

START_TEST(without_follow_the_end_is_final)
{
    fake_disk fake;
    weir_reader *reader;

    fake_init(&fake, "a\nb\n", 2);
    reader = reader_over(&fake, NULL, 1000, false);
    assert_record(reader, "a", 1);
    assert_end(reader);
    fake.size = 4;
    assert_end(reader);
    weir__reader_free(reader);
}
END_TEST

START_TEST(a_read_that_fails_stops_and_says_where)
{
    fake_disk fake;
    weir_reader *reader;
    weir_record record;
    weir_error err;

    fake_init(&fake, "a\nbc", 4);
    fake.fails_with = EIO;
    reader = reader_over(&fake, NULL, 1000, false);
    assert_record(reader, "a", 1);
    ck_assert_int_eq(next(reader, &record, &err), WEIR__READER_FAILED);
    ck_assert_str_eq(err.message, "the input cannot be read at byte 4: Input/output error");
    ck_assert_int_eq(err.code, WEIR_IO);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
    ck_assert_int_eq(err.origin_code, EIO);
    ck_assert_int_eq(next(reader, &record, &err), WEIR__READER_FAILED);
    weir__reader_free(reader);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    weir__reader_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host/reader");
    TCase *lines = tcase_create("lines");
    TCase *arrays = tcase_create("arrays");
    TCase *chunks = tcase_create("chunks");
    TCase *ends = tcase_create("ends");

    tcase_add_test(lines, each_line_is_a_record_without_its_blanks);
    tcase_add_test(lines, a_lone_cr_is_a_blank);
    tcase_add_test(lines, a_bom_is_skipped_at_the_beginning_only);
    tcase_add_test(lines, a_stream_of_blanks_is_empty);
    tcase_add_test(lines, a_nul_byte_is_part_of_a_record);
    tcase_add_test(lines, only_the_first_byte_makes_an_array);
    tcase_add_test(lines, a_record_as_long_as_the_limit_is_returned_and_one_byte_more_is_too_long);
    tcase_add_test(lines, a_short_limit_still_shows_the_beginning);
    tcase_add_test(lines, a_line_of_100_mb_is_counted_and_not_held);
    tcase_add_test(arrays, each_element_of_an_array_is_a_record);
    tcase_add_test(arrays, an_empty_array_is_empty);
    tcase_add_test(arrays, line_breaks_within_elements_count);
    tcase_add_test(arrays, what_an_element_holds_is_not_judged);
    tcase_add_loop_test(arrays, garbage_in_an_array_is_refused_with_line_and_byte, 0, sizeof garbage / sizeof *garbage);
    tcase_add_test(arrays, a_failure_stays);
    tcase_set_timeout(chunks, 60);
    tcase_add_loop_test(chunks, the_records_do_not_depend_on_how_the_bytes_come, 0, sizeof inputs / sizeof *inputs);
    tcase_add_test(chunks, a_long_stream_over_many_chunks_reads_as_split);
    tcase_add_loop_test(chunks, random_bytes_read_as_split, 0, 4);
    tcase_add_test(chunks, a_record_within_a_chunk_is_not_copied);
    tcase_add_test(chunks, a_place_behind_an_element_but_in_no_array_is_refused);
    tcase_add_test(ends, a_descriptor_that_would_block_waits_and_goes_on);
    tcase_add_test(ends, a_bom_that_comes_in_parts_waits);
    tcase_add_test(ends, a_followed_line_counts_only_with_its_newline);
    tcase_add_test(ends, a_followed_array_waits_at_its_end_too);
    tcase_add_test(ends, the_growth_of_a_file_is_seen_at_the_next_call);
    tcase_add_test(ends, without_follow_the_end_is_final);
    tcase_add_test(ends, a_read_that_fails_stops_and_says_where);
    tcase_add_test(ends, freeing_nothing_is_fine);
    suite_add_tcase(suite, lines);
    suite_add_tcase(suite, arrays);
    suite_add_tcase(suite, chunks);
    suite_add_tcase(suite, ends);
    return weir__suite_run(suite);
}
