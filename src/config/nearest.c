/* SPDX-License-Identifier: Apache-2.0 */
/* Which property was meant by a name that is none. */
#include "config/properties.h"

#include <ctype.h>
#include <string.h>

/* Longer names are nobody's slip of the pen; also bounds the work. */
enum { NEAR_MAXIMUM = 64 };

/* Ways of writing that are never the difference meant: max_retries, maxRetries' case. */
static char plain(char c)
{
    return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits from a to b: insert, delete, replace, swap two neighbours. Both at most NEAR_MAXIMUM bytes. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][NEAR_MAXIMUM + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_size; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *free_row = before;

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            bool same = plain(a[i - 1]) == plain(b[j - 1]);

            row[j] = least(least(above[j] + 1, row[j - 1] + 1), above[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) && plain(a[i - 2]) == plain(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_size];
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot ? dot + 1 : name;
}

static size_t cost_of(const char *name, const char *known)
{
    const char *name_end = last_part(name), *known_end = last_part(known);
    size_t cost = distance(name, strlen(name), known, strlen(known));
    size_t end_cost = distance(name_end, strlen(name_end), known_end, strlen(known_end));

    /* The right name in the wrong section, or in none: as good as two slips. */
    if (known_end != known && end_cost <= strlen(name_end) / 4)
        cost = least(cost, 2 + end_cost);
    return cost;
}

/* "Flink: x, Kafka: y" holds `name`: a whole word behind a space. */
static bool has_alias(const char *aliases, const char *name)
{
    size_t size = strlen(name);
    const char *at = aliases;

    while (at && (at = strstr(at, name))) {
        if (at > aliases && at[-1] == ' ' && (at[size] == ',' || at[size] == '\0'))
            return true;
        at++;
    }
    return false;
}

const char *weir__property_nearest(const char *name)
{
    const char *nearest = NULL;
    size_t size = strlen(name);
    size_t best = size / 3 > 2 ? size / 3 : 2;

    if (size == 0 || size > NEAR_MAXIMUM)
        return NULL;
    for (size_t i = 0; i < weir__property_count; i++) {
        if (has_alias(weir__properties[i].aliases, name))
            return weir__properties[i].name;
    }
    for (size_t i = 0; i < weir__property_count; i++) {
        const char *known = weir__properties[i].name;
        size_t cost = strlen(known) <= NEAR_MAXIMUM ? cost_of(name, known) : best + 1;

        if (cost < best || (cost == best && !nearest)) {
            best = cost;
            nearest = known;
        }
    }
    return nearest;
}
