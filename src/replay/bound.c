/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of a replay, as words. Source: RFC 3339. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay/replay.h"

static bool read_digits(const char **at, int count, int *number)
{
    *number = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        *number = *number * 10 + (**at - '0');
    }
    return true;
}

static bool skip(const char **at, char what)
{
    if (**at != what)
        return false;
    ++*at;
    return true;
}

/* Behind the seconds: a fraction, of which milliseconds count. */
static bool read_fraction(const char **at, int *ms)
{
    int weight = 100;

    *ms = 0;
    if (!skip(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at, weight /= 10)
        *ms += weight * (**at - '0');
    return true;
}

/* In minutes, east of Greenwich. */
static bool read_zone(const char **at, int *minutes)
{
    int sign, hour, minute;

    *minutes = 0;
    if (skip(at, 'Z') || skip(at, 'z'))
        return true;
    sign = **at == '-' ? -1 : 1;
    if (!skip(at, '+') && !skip(at, '-'))
        return false;
    if (!read_digits(at, 2, &hour) || !skip(at, ':') || !read_digits(at, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

static bool is_day(const struct tm *day)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year = day->tm_year + 1900;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return day->tm_mon >= 0 && day->tm_mon < 12 && day->tm_mday >= 1 &&
           day->tm_mday <= days[day->tm_mon] + (is_leap && day->tm_mon == 1);
}

static bool read_time(const char *text, int64_t *time_ms)
{
    struct tm day = { .tm_sec = 0 };
    int ms = 0, zone = 0;
    const char *at = text;

    if (!read_digits(&at, 4, &day.tm_year) || !skip(&at, '-') || !read_digits(&at, 2, &day.tm_mon) || !skip(&at, '-') ||
        !read_digits(&at, 2, &day.tm_mday))
        return false;
    day.tm_year -= 1900;
    day.tm_mon--;
    if (*at) {
        if (!skip(&at, 'T') && !skip(&at, 't') && !skip(&at, ' '))
            return false;
        if (!read_digits(&at, 2, &day.tm_hour) || !skip(&at, ':') || !read_digits(&at, 2, &day.tm_min) ||
            !skip(&at, ':') || !read_digits(&at, 2, &day.tm_sec) || !read_fraction(&at, &ms) || !read_zone(&at, &zone))
            return false;
    }
    if (*at || !is_day(&day) || day.tm_hour > 23 || day.tm_min > 59 || day.tm_sec > 60)
        return false;
    *time_ms = ((int64_t)timegm(&day) - zone * 60) * 1000 + ms;
    return true;
}

bool weir__replay_bound_parse(const char *text, weir_replay_bound *bound)
{
    char *end;

    *bound = (weir_replay_bound){ .point = WEIR__REPLAY_EARLIEST };
    if (strcmp(text, "earliest") == 0)
        return true;
    bound->point = WEIR__REPLAY_COMMITTED;
    if (strcmp(text, "committed") == 0)
        return true;
    bound->point = WEIR__REPLAY_TIME;
    if (read_time(text, &bound->number))
        return true;
    bound->point = WEIR__REPLAY_OFFSET;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    bound->number = strtoll(text, &end, 10);
    return errno == 0 && !*end;
}
