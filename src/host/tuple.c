/* SPDX-License-Identifier: Apache-2.0 */
/* Tuples as text, and the keys of the changelog. */
#include "host/tuple.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/big_endian.h"
#include "codec/json.h"

enum { TUPLE_VERSION = 1, DEPTH = 4 };

/* ---- printing ---------------------------------------------------------------------------------------------------- */

static weir_code add_text(weir_buffer *out, const char *name, const char *text)
{
    weir_code rc = weir__buffer_add_text(out, name);

    return rc == WEIR_OK ? weir__json_print_text(weir__bytes_text(text), out) : rc;
}

static weir_code add_number(weir_buffer *out, const char *name, int64_t number)
{
    weir_code rc = weir__buffer_add_text(out, name);

    return rc == WEIR_OK ? weir__json_print_int(number, out) : rc;
}

static weir_code add_open(const weir_tuple *tuple, weir_buffer *out)
{
    weir_code rc = add_number(out, ",\"next\":", tuple->next);

    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, ",\"open\":[");
    for (size_t i = 0; i < tuple->open_count && rc == WEIR_OK; i++)
        rc = add_number(out, i ? "," : "", tuple->open[i]);
    return rc == WEIR_OK ? weir__buffer_add_byte(out, ']') : rc;
}

weir_code weir__tuple_print(const weir_tuple *tuple, bool is_whole, weir_buffer *out)
{
    weir_code rc = add_number(out, "{\"v\":", TUPLE_VERSION);

    if (rc == WEIR_OK)
        rc = add_text(out, ",\"input\":", tuple->input);
    if (rc == WEIR_OK)
        rc = add_text(out, ",\"changelog\":", tuple->changelog);
    if (rc == WEIR_OK)
        rc = add_text(out, ",\"journal\":", tuple->journal);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"offset\":", tuple->offset);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"commit\":", tuple->commit);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"epoch\":", tuple->epoch);
    if (rc == WEIR_OK)
        rc = add_text(out, ",\"owner\":", tuple->owner);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"low\":", tuple->low);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"claim\":", tuple->claim);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"claimed\":", tuple->claimed);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"gap\":", tuple->gap);
    if (rc == WEIR_OK && is_whole)
        rc = add_open(tuple, out);
    return rc == WEIR_OK ? weir__buffer_add_byte(out, '}') : rc;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool read_number(const weir_json *json, const char *name, int64_t least, int64_t *out)
{
    const weir_json *member = weir__json_member(json, weir__bytes_text(name));

    if (!member || weir__json_kind(member) != WEIR__JSON_INT)
        return false;
    *out = weir__json_int(member);
    return *out >= least;
}

static bool read_text(const weir_json *json, const char *name, char *out, size_t size)
{
    const weir_json *member = weir__json_member(json, weir__bytes_text(name));
    weir_bytes text;

    if (!member || weir__json_kind(member) != WEIR__JSON_TEXT)
        return false;
    text = weir__json_text(member);
    if (text.size >= size || memchr(text.data, '\0', text.size))
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

static bool read_open(const weir_json *json, weir_arena *arena, weir_tuple *out)
{
    const weir_json *list = weir__json_member(json, weir__bytes_text("open")), *at = NULL, *item;
    int64_t *open, last = -1;

    out->next = out->offset;
    if (!list)
        return true;
    if (!read_number(json, "next", out->offset, &out->next))
        return false;
    open = weir__arena_alloc(arena, (weir__json_size(list) + 1) * sizeof *open);
    if (!open)
        return false;
    while (weir__json_next(list, &at, NULL, &item)) {
        if (weir__json_kind(item) != WEIR__JSON_INT || weir__json_int(item) <= last)
            return false;
        last = weir__json_int(item);
        open[out->open_count++] = last;
    }
    out->open = open;
    return last < out->next;
}

/* It came later than the others: one without it knows of the owner's own claim alone. */
static bool read_claimed(const weir_json *json, weir_tuple *out)
{
    if (weir__json_member(json, weir__bytes_text("claimed")))
        return read_number(json, "claimed", 0, &out->claimed);
    out->claimed = out->claim >= 0 && out->claim < out->low ? out->epoch : 0;
    return true;
}

bool weir__tuple_parse(weir_bytes text, weir_arena *arena, weir_tuple *out)
{
    const weir_json *json;
    int64_t version;

    memset(out, 0, sizeof *out);
    return weir__json_parse(text, DEPTH, arena, &json, NULL) == WEIR_OK && read_number(json, "v", 1, &version) &&
           version == TUPLE_VERSION && read_text(json, "input", out->input, sizeof out->input) &&
           read_text(json, "changelog", out->changelog, sizeof out->changelog) &&
           read_text(json, "journal", out->journal, sizeof out->journal) &&
           read_number(json, "offset", 0, &out->offset) && read_number(json, "commit", 1, &out->commit) &&
           read_number(json, "epoch", 0, &out->epoch) && read_text(json, "owner", out->owner, sizeof out->owner) &&
           read_number(json, "low", 0, &out->low) && read_number(json, "claim", -1, &out->claim) &&
           read_claimed(json, out) && read_number(json, "gap", 0, &out->gap) && read_open(json, arena, out);
}

/* ---- keys of the changelog --------------------------------------------------------------------------------------- */

/* C size(4) key path · I number(8) · J number(8) place(8) · T; numbers big-endian. */
weir_code weir__change_key_print(const weir_change_key *key, weir_buffer *out)
{
    uint8_t head[17] = { (uint8_t)key->kind };
    size_t size = 1;
    weir_code rc;

    weir__buffer_reset(out);
    switch (key->kind) {
    case WEIR__CHANGE_CELL:
        weir__put_32(head + 1, (uint32_t)key->key.size);
        size = 5;
        break;
    case WEIR__CHANGE_INPUT:
        weir__put_64(head + 1, (uint64_t)key->number);
        size = 9;
        break;
    case WEIR__CHANGE_ENTRY:
        weir__put_64(head + 1, (uint64_t)key->number);
        weir__put_64(head + 9, (uint64_t)key->place);
        size = 17;
        break;
    case WEIR__CHANGE_TUPLE:
        break;
    }
    rc = weir__buffer_add(out, head, size);
    if (rc == WEIR_OK && key->kind == WEIR__CHANGE_CELL)
        rc = weir__buffer_add(out, key->key.data, key->key.size);
    if (rc == WEIR_OK && key->kind == WEIR__CHANGE_CELL)
        rc = weir__buffer_add(out, key->path.data, key->path.size);
    return rc;
}

bool weir__change_key_parse(weir_bytes text, weir_change_key *out)
{
    memset(out, 0, sizeof *out);
    if (text.size < 1)
        return false;
    out->kind = (weir_change_kind)text.data[0];
    switch (out->kind) {
    case WEIR__CHANGE_CELL: {
        uint32_t size;

        if (text.size < 5)
            return false;
        size = weir__get_32(text.data + 1);
        if (size > text.size - 5)
            return false;
        out->key = weir__bytes(text.data + 5, size);
        out->path = weir__bytes(text.data + 5 + size, text.size - 5 - size);
        return true;
    }
    case WEIR__CHANGE_INPUT:
        if (text.size != 9)
            return false;
        out->number = (int64_t)weir__get_64(text.data + 1);
        return true;
    case WEIR__CHANGE_ENTRY:
        if (text.size != 17)
            return false;
        out->number = (int64_t)weir__get_64(text.data + 1);
        out->place = (int64_t)weir__get_64(text.data + 9);
        return true;
    case WEIR__CHANGE_TUPLE:
        return text.size == 1;
    }
    return false;
}
