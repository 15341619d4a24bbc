/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink. The one mutable global of the house; set before threads start. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"

enum {
    MESSAGE_BYTES = 1024,
    LINE_BYTES = 3072,
    WHERE_BYTES = 256,
    FORMAT_BYTES = 512, /* of a longer one the facts stay in the message */
    FACTS_MAXIMUM = 16,
    ROOMS_MAXIMUM = 16,
    ROOM_BYTES = 64,
    WORD_BYTES = ROOM_BYTES + 8 /* one room and its level */
};

typedef struct room_level {
    char room[ROOM_BYTES];
    weir_log_level level;
} room_level;

static struct {
    weir_log_level level; /* of rooms that are not named */
    weir_log_level highest;
    weir_log_format format;
    room_level rooms[ROOMS_MAXIMUM];
    size_t room_count;
    void (*divert)(void *context, weir_log_level level, const char *line, size_t size); /* NULL: stderr */
    void *divert_context;
} sink = { .level = WEIR__LOG_WARN, .highest = WEIR__LOG_WARN, .format = WEIR__LOG_TEXT };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

/* ---- which lines are written ------------------------------------------------------------------------------------ */

void weir__log_configure(weir_log_level level, weir_log_format format)
{
    sink.level = level;
    sink.highest = level;
    sink.format = format;
    sink.room_count = 0;
}

bool weir__log_level_named(const char *name, weir_log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (weir_log_level)i;
            return true;
        }
    }
    return false;
}

static weir_code fail_levels(weir_error *err, const char *word, const char *why)
{
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "log.levels: '%.64s' %s; want levels (error, warn, info, debug) by room, as in warn,kafka:debug",
                      word, why);
}

/* One word, "warn" or "kafka:debug", into the levels. */
static weir_code add_level(const char *word, room_level *rooms, size_t *count, weir_log_level *others, bool *has_others,
                           weir_error *err)
{
    const char *colon = strchr(word, ':');
    size_t size = colon ? (size_t)(colon - word) : 0;
    weir_log_level level;

    if (!weir__log_level_named(colon ? colon + 1 : word, &level))
        return fail_levels(err, word, "has no known level");
    if (!colon) {
        if (*has_others)
            return fail_levels(err, word, "is a second level for all rooms");
        *has_others = true;
        *others = level;
        return WEIR_OK;
    }
    if (size == 0 || size >= ROOM_BYTES)
        return fail_levels(err, word, "has no room's name, of 1..63 bytes");
    if (*count == ROOMS_MAXIMUM)
        return fail_levels(err, word, "is one room too many, over 16");
    for (size_t i = 0; i < *count; i++) {
        if (strncmp(rooms[i].room, word, size) == 0 && rooms[i].room[size] == '\0')
            return fail_levels(err, word, "names a room for a second time");
    }
    memcpy(rooms[*count].room, word, size);
    rooms[*count].room[size] = '\0';
    rooms[*count].level = level;
    (*count)++;
    return WEIR_OK;
}

weir_code weir__log_configure_rooms(const char *levels, weir_error *err)
{
    room_level rooms[ROOMS_MAXIMUM];
    weir_log_level others = sink.level;
    bool has_others = false;
    size_t count = 0;

    for (const char *at = levels;;) {
        size_t size = strcspn(at, ",");
        char word[WORD_BYTES];
        weir_code rc;

        (void)snprintf(word, sizeof word, "%.*s", (int)size, at); /* cut, it is refused as too long */
        rc = add_level(word, rooms, &count, &others, &has_others, err);
        if (rc != WEIR_OK)
            return rc;
        at += size;
        if (*at == '\0')
            break;
        at++;
    }
    memcpy(sink.rooms, rooms, count * sizeof *rooms);
    sink.room_count = count;
    sink.level = others;
    sink.highest = others;
    for (size_t i = 0; i < count; i++) {
        if (rooms[i].level > sink.highest)
            sink.highest = rooms[i].level;
    }
    return WEIR_OK;
}

void weir__log_divert(void (*to)(void *context, weir_log_level level, const char *line, size_t size), void *context)
{
    sink.divert = to;
    sink.divert_context = context;
}

bool weir__log_wants(weir_log_level level)
{
    return level <= sink.highest;
}

static bool is_wanted_of(weir_log_level level, const char *where)
{
    size_t size;

    if (sink.room_count == 0)
        return level <= sink.level;
    size = strcspn(where, "/");
    for (size_t i = 0; i < sink.room_count; i++) {
        if (strncmp(sink.rooms[i].room, where, size) == 0 && sink.rooms[i].room[size] == '\0')
            return level <= sink.rooms[i].level;
    }
    return level <= sink.level;
}

/* ---- facts ------------------------------------------------------------------------------------------------------ */

/* One ` name=value` of a format, and of the message made with it. */
typedef struct log_fact {
    size_t format_at, format_end; /* the name's first byte, and behind the value */
    size_t name_size;
    size_t at, end; /* the same in the message; an end beyond it: it was cut */
} log_fact;

/* How many bytes a fact's name has, 0 when the word is none: a name, `=`, and something behind it. */
static size_t fact_name(const char *word, size_t size)
{
    static const char *const taken[] = { "time", "level", "where", "message" };
    size_t name = 0;

    while (name < size && ((word[name] >= 'a' && word[name] <= 'z') ||
                           (name > 0 && ((word[name] >= '0' && word[name] <= '9') || word[name] == '-' ||
                                         word[name] == '_'))))
        name++;
    if (name == 0 || name + 1 >= size || word[name] != '=')
        return 0;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strlen(taken[i]) == name && strncmp(taken[i], word, name) == 0)
            return 0;
    }
    return name;
}

/* The facts that a format ends with, the last one first; they are found there, and not in what it was filled with. */
static size_t find_facts(const char *format, log_fact facts[FACTS_MAXIMUM])
{
    size_t end = strlen(format), count = 0;

    while (count < FACTS_MAXIMUM && end < FORMAT_BYTES) {
        size_t at = end, name;

        while (at > 0 && format[at - 1] != ' ')
            at--;
        name = at > 0 ? fact_name(format + at, end - at) : 0; /* the first word is the message's */
        if (name == 0)
            break;
        facts[count++] = (log_fact){ .format_at = at, .format_end = end, .name_size = name };
        end = at - 1;
    }
    return count;
}

/* How long what the first `size` bytes of a format make is; SIZE_MAX: nobody knows. */
static size_t length_of(const char *format, size_t size, va_list args)
{
    char part[FORMAT_BYTES];
    va_list copy;
    int length;

    memcpy(part, format, size);
    part[size] = '\0';
    va_copy(copy, args);
    length = vsnprintf(NULL, 0, part, copy);
    va_end(copy);
    return length < 0 ? SIZE_MAX : (size_t)length;
}

/* Whether a value's format is one integer and nothing else: "%d", "%llu". */
static bool is_integer(const char *format, size_t size)
{
    size_t at = 1;

    if (size < 2 || format[0] != '%')
        return false;
    while (at < size && strchr("hljzt", format[at]))
        at++;
    return at + 1 == size && strchr("diu", format[at]);
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

typedef struct log_line {
    char text[LINE_BYTES];
    size_t size;
} log_line;

/* What a line always has room for: the end of a string, of its object, and of the line. */
enum { LINE_END_BYTES = 4 };

static void add_text(log_line *line, const char *text, size_t size)
{
    if (line->size + size + LINE_END_BYTES > sizeof line->text)
        size = sizeof line->text - LINE_END_BYTES - line->size;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

/* A JSON string without its closing quote's room: cut where the line is full. */
static void add_string(log_line *line, const char *text, size_t size)
{
    line->text[line->size++] = '"';
    line->size += weir__json_escape(text, size, line->text + line->size,
                                    sizeof line->text - LINE_END_BYTES + 2 - line->size);
    line->text[line->size++] = '"';
}

static void add_fact(log_line *line, const char *format, const char *message, size_t message_size, const log_fact *fact)
{
    const char *value = message + fact->at + fact->name_size + 1;
    const char *value_format = format + fact->format_at + fact->name_size + 1;
    size_t size;

    if (fact->at + fact->name_size + 1 > message_size)
        return; /* the message was cut before it */
    size = (fact->end < message_size ? fact->end : message_size) - (fact->at + fact->name_size + 1);
    /* Room for its name, and for a value of some use. */
    if (line->size + fact->name_size + 64 > sizeof line->text)
        return;
    if (is_integer(value_format, fact->format_end - (size_t)(value_format - format))) {
        if (fact->end > message_size)
            return; /* a number that is cut is another number */
        add_text(line, ",\"", 2);
        add_text(line, message + fact->at, fact->name_size);
        add_text(line, "\":", 2);
        add_text(line, value, size);
        return;
    }
    if (size >= 2 && value_format[0] == '"' && format[fact->format_end - 1] == '"') {
        value++;
        size -= fact->end > message_size ? 1 : 2;
    }
    add_text(line, ",\"", 2);
    add_text(line, message + fact->at, fact->name_size);
    add_text(line, "\":", 2);
    add_string(line, value, size);
}

static void add_json(log_line *line, weir_log_level level, const char *where, const char *format, va_list args,
                     const char *message)
{
    log_fact facts[FACTS_MAXIMUM];
    size_t count = find_facts(format, facts), message_size = strlen(message), text_size = message_size;
    size_t where_size = strnlen(where, WHERE_BYTES);

    while (where_size > 0 && ((unsigned char)where[where_size] & 0xC0) == 0x80)
        where_size--; /* never in the middle of a character */
    for (size_t i = 0; i < count; i++) {
        facts[i].at = length_of(format, facts[i].format_at, args);
        facts[i].end = length_of(format, facts[i].format_end, args);
        if (facts[i].at == SIZE_MAX || facts[i].end == SIZE_MAX)
            count = 0;
    }
    if (count && facts[count - 1].at <= message_size)
        text_size = facts[count - 1].at - 1;
    add_text(line, "\",\"level\":\"", 11);
    add_text(line, level_names[level], strlen(level_names[level]));
    add_text(line, "\",\"where\":", 10);
    add_string(line, where, where_size);
    add_text(line, ",\"message\":", 11);
    add_string(line, message, text_size);
    while (count-- > 0)
        add_fact(line, format, message, message_size, &facts[count]);
    line->text[line->size++] = '}';
}

static void add_plain(log_line *line, weir_log_level level, const char *where, char *message)
{
    for (char *at = message; *at; at++) {
        if ((unsigned char)*at < 0x20)
            *at = ' ';
    }
    if (!sink.divert) {
        add_text(line, " ", 1);
        add_text(line, level_names[level], strlen(level_names[level]));
        add_text(line, " ", 1);
    }
    add_text(line, where, strnlen(where, WHERE_BYTES));
    add_text(line, ": ", 2);
    add_text(line, message, strlen(message));
}

/* "2026-11-22T10:04:05.120Z" */
static void add_time(log_line *line)
{
    struct timespec now;
    struct tm utc;
    char text[64];
    int size;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900, utc.tm_mon + 1,
                    utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
    add_text(line, text, (size_t)size);
}

void weir__log(weir_log_level level, const char *where, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    log_line line;
    int saved = errno;
    va_list args;
    ssize_t ignored;

    if (!weir__log_wants(level) || !is_wanted_of(level, where))
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    weir__text_trim(message);
    line.size = 0;
    if (sink.format == WEIR__LOG_JSON) {
        add_text(&line, "{\"time\":\"", 9);
        add_time(&line);
        va_start(args, format);
        add_json(&line, level, where, format, args, message);
        va_end(args);
    } else {
        if (!sink.divert)
            add_time(&line);
        add_plain(&line, level, where, message);
    }
    if (sink.divert) {
        sink.divert(sink.divert_context, level, line.text, line.size);
        errno = saved;
        return;
    }
    line.text[line.size++] = '\n';
    /* One write a line, so that lines of threads do not mix; a log that cannot be written has nobody to tell. */
    ignored = write(STDERR_FILENO, line.text, line.size);
    (void)ignored;
    errno = saved;
}
