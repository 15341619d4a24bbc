/* SPDX-License-Identifier: Apache-2.0 */
/* A job has a handful of metrics: they are found by walking. */
#include "host/counters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static weir_counter *find(weir_counters *counters, const char *metric)
{
    for (size_t i = 0; i < counters->count; i++) {
        if (strcmp(counters->items[i].metric, metric) == 0)
            return &counters->items[i];
    }
    return NULL;
}

static weir_counter *add(weir_counters *counters, const char *metric)
{
    weir_counter *counter;

    if (counters->count == counters->capacity) {
        size_t capacity = counters->capacity ? counters->capacity * 2 : 16;
        weir_counter *items = realloc(counters->items, capacity * sizeof *items);

        if (!items)
            return NULL;
        counters->items = items;
        counters->capacity = capacity;
    }
    counter = &counters->items[counters->count];
    counter->metric = strdup(metric);
    counter->total = 0;
    if (!counter->metric)
        return NULL;
    counters->count++;
    return counter;
}

weir_code weir__counters_add(weir_counters *counters, const weir_run *run)
{
    for (const weir_count_item *item = run->counts; item; item = item->next) {
        weir_counter *counter = find(counters, item->metric);

        if (!counter)
            counter = add(counters, item->metric);
        if (!counter)
            return WEIR_NO_MEMORY;
        if (__builtin_add_overflow(counter->total, item->add, &counter->total))
            counter->total = item->add < 0 ? INT64_MIN : INT64_MAX;
    }
    return WEIR_OK;
}

void weir__counters_log(const weir_counters *counters)
{
    for (size_t i = 0; i < counters->count; i++)
        weir__log(WEIR__LOG_INFO, "host/local", "counted metric=%s total=%" PRId64, counters->items[i].metric,
                  counters->items[i].total);
}

void weir__counters_clear(weir_counters *counters)
{
    for (size_t i = 0; i < counters->count; i++)
        free(counters->items[i].metric);
    free(counters->items);
    memset(counters, 0, sizeof *counters);
}
