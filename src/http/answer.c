/* SPDX-License-Identifier: Apache-2.0 */
/* What comes back: headers and body, gathered within their limits, and the headers printed as JSON. */
#include "http/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* A server that asks for more is asked again after that. */
enum { RETRY_AFTER_MAXIMUM_MS = 3600000 };

/* One header; views into the lines. */
typedef struct header {
    weir_bytes name; /* as written */
    weir_bytes value;
} header;

void weir__http_answer_init(weir_http_answer *answer, size_t max_body_bytes)
{
    memset(answer, 0, sizeof *answer);
    weir__buffer_init(&answer->lines, WEIR__HTTP_HEADER_BYTES + 1);
    weir__buffer_init(&answer->body, max_body_bytes);
}

void weir__http_answer_clear(weir_http_answer *answer)
{
    weir__buffer_clear(&answer->lines);
    weir__buffer_clear(&answer->body);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static weir_bytes trim(weir_bytes text)
{
    while (text.size && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size && (is_blank(text.data[text.size - 1]) || text.data[text.size - 1] == '\r'))
        text.size--;
    return text;
}

static weir_code add_line(weir_http_answer *answer, const char *line, size_t size)
{
    weir_buffer *lines = &answer->lines;
    weir_code rc;

    /* A line that is folded goes on where the last one ended (RFC 9112, 5.2). */
    if (size && is_blank((uint8_t)line[0]) && lines->size)
        lines->data[lines->size - 1] = ' ';
    rc = weir__buffer_add(lines, line, size);
    return rc == WEIR_OK ? weir__buffer_add_byte(lines, '\n') : rc;
}

bool weir__http_answer_add_line(weir_http_answer *answer, const char *line, size_t size)
{
    weir_code rc = WEIR_OK;

    answer->header_bytes += size;
    if (answer->header_bytes > WEIR__HTTP_HEADER_BYTES) {
        answer->overflow = WEIR__HTTP_LARGE_HEADERS;
        return false;
    }
    if (size && line[size - 1] == '\n')
        size--;
    if (size && line[size - 1] == '\r')
        size--;
    if (!answer->is_in_headers) {
        /* A status line begins an answer: the first, or the one behind a 1xx. What else comes here is a trailer. */
        if (size >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
            weir__buffer_reset(&answer->lines);
            answer->is_in_headers = true;
            answer->is_headed = false;
        }
    } else if (size == 0) {
        answer->is_in_headers = false;
        answer->is_headed = true;
    } else {
        rc = add_line(answer, line, size);
    }
    if (rc == WEIR_OK)
        return true;
    answer->overflow = rc == WEIR_LIMIT ? WEIR__HTTP_LARGE_HEADERS : WEIR__HTTP_NO_ROOM;
    return false;
}

bool weir__http_answer_add_body(weir_http_answer *answer, const void *data, size_t size)
{
    weir_code rc = weir__buffer_add(&answer->body, data, size);

    if (rc == WEIR_OK)
        return true;
    answer->overflow = rc == WEIR_LIMIT ? WEIR__HTTP_LARGE_BODY : WEIR__HTTP_NO_ROOM;
    return false;
}

/* The next header behind `*at`; false: no more. What has no colon is passed over. */
static bool next_header(const weir_http_answer *answer, size_t *at, header *found)
{
    while (*at < answer->lines.size) {
        const uint8_t *line = answer->lines.data + *at;
        const uint8_t *end = memchr(line, '\n', answer->lines.size - *at);
        const uint8_t *colon;

        *at += (size_t)(end - line) + 1;
        colon = memchr(line, ':', (size_t)(end - line));
        if (!colon)
            continue;
        found->name = trim(weir__bytes(line, (size_t)(colon - line)));
        found->value = trim(weir__bytes(colon + 1, (size_t)(end - colon) - 1));
        return true;
    }
    return false;
}

static int compare_names(weir_bytes a, weir_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? strncasecmp((const char *)a.data, (const char *)b.data, shorter) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

weir_bytes weir__http_answer_find(const weir_http_answer *answer, const char *name)
{
    header each;

    for (size_t at = 0; next_header(answer, &at, &each);) {
        if (compare_names(each.name, weir__bytes_text(name)) == 0)
            return each.value;
    }
    return (weir_bytes){ NULL, 0 };
}

/* ---- as JSON -----------------------------------------------------------------------------------------------------*/

/* Names in order; those of one name as they came (all are views into one buffer). */
static int compare_headers(const void *a, const void *b)
{
    const header *x = a, *y = b;
    int order = compare_names(x->name, y->name);

    return order ? order : (x->name.data > y->name.data) - (x->name.data < y->name.data);
}

/* Bytes of the character that begins there, 0 if none does (RFC 3629, section 4). */
static size_t character_size(const uint8_t *at, size_t size)
{
    uint8_t low = 0x80, high = 0xBF;
    size_t need;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    need = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
    if (size < need)
        return 0;
    if (at[0] == 0xE0)
        low = 0xA0;
    else if (at[0] == 0xED)
        high = 0x9F;
    else if (at[0] == 0xF0)
        low = 0x90;
    else if (at[0] == 0xF4)
        high = 0x8F;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    }
    return need;
}

static weir_code print_control(weir_buffer *out, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

    return weir__buffer_add(out, text, sizeof text);
}

static weir_code print_text(weir_buffer *out, weir_bytes text, bool lower)
{
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < text.size && rc == WEIR_OK;) {
        size_t size = character_size(text.data + i, text.size - i);
        uint8_t c = text.data[i];

        if (size == 0 || c == 0)
            rc = weir__buffer_add_text(out, "\xEF\xBF\xBD"); /* U+FFFD; not every reader of JSON takes a NUL */
        else if (size > 1)
            rc = weir__buffer_add(out, text.data + i, size);
        else if (c < 0x20)
            rc = print_control(out, c);
        else if (c == '"' || c == '\\')
            rc = weir__buffer_add(out, (const uint8_t[]){ '\\', c }, 2);
        else
            rc = weir__buffer_add_byte(out, lower ? (uint8_t)tolower(c) : c);
        i += size ? size : 1;
    }
    return rc;
}

/* Those from `first` on that have its name, as one member. */
static weir_code print_member(weir_buffer *out, const header *first, size_t count)
{
    /* A cookie has commas of its own (RFC 9110, 5.3). */
    bool is_cookie = compare_names(first->name, weir__bytes_text("set-cookie")) == 0;
    weir_code rc = weir__buffer_add_byte(out, '"');

    if (rc == WEIR_OK)
        rc = print_text(out, first->name, true);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, "\":\"");
    for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
        if (i > 0)
            rc = weir__buffer_add_text(out, is_cookie ? "\\n" : ", ");
        if (rc == WEIR_OK)
            rc = print_text(out, first[i].value, false);
    }
    return rc == WEIR_OK ? weir__buffer_add_byte(out, '"') : rc;
}

weir_code weir__http_answer_print(const weir_http_answer *answer, weir_buffer *out)
{
    header each, *all = NULL;
    size_t count = 0, filled = 0;
    weir_code rc = weir__buffer_add_byte(out, '{');

    for (size_t at = 0; next_header(answer, &at, &each);)
        count++;
    if (count) {
        all = calloc(count, sizeof *all);
        if (!all)
            return WEIR_NO_MEMORY;
        for (size_t at = 0; next_header(answer, &at, &each);)
            all[filled++] = each;
        qsort(all, count, sizeof *all, compare_headers);
    }
    for (size_t i = 0; i < count && rc == WEIR_OK;) {
        size_t same = 1;

        while (i + same < count && compare_names(all[i].name, all[i + same].name) == 0)
            same++;
        if (i > 0)
            rc = weir__buffer_add_byte(out, ',');
        if (rc == WEIR_OK)
            rc = print_member(out, all + i, same);
        i += same;
    }
    free(all);
    return rc == WEIR_OK ? weir__buffer_add_byte(out, '}') : rc;
}

/* ---- Retry-After -------------------------------------------------------------------------------------------------*/

int64_t weir__http_answer_retry_after(const weir_http_answer *answer, int64_t now_ms)
{
    weir_bytes value = weir__http_answer_find(answer, "retry-after");
    char text[64];
    int64_t wait_ms = 0;
    size_t digits = 0;

    if (value.size == 0 || value.size >= sizeof text)
        return -1;
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    for (; isdigit((unsigned char)text[digits]); digits++) {
        if (wait_ms < RETRY_AFTER_MAXIMUM_MS)
            wait_ms = wait_ms * 10 + (text[digits] - '0') * INT64_C(1000);
    }
    if (text[digits]) {
        int64_t then = curl_getdate(text, NULL);

        if (digits == value.size || then < 0)
            return -1;
        wait_ms = then * 1000 - now_ms;
    }
    return wait_ms < 0 ? 0 : wait_ms > RETRY_AFTER_MAXIMUM_MS ? RETRY_AFTER_MAXIMUM_MS : wait_ms;
}
