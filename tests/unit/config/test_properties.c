/* SPDX-License-Identifier: Apache-2.0 */
/* What the table promises, and the search in it. */
#include "support.h"

#include "config/properties.h"

START_TEST(a_name_is_there_once_in_small_letters)
{
    for (size_t i = 0; i < weir__property_count; i++) {
        const char *name = weir__properties[i].name;

        ck_assert_int_eq(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")], 0);
        ck_assert_ptr_eq(weir__property_find(name), &weir__properties[i]);
    }
}
END_TEST

/* Two properties must not be one variable of the environment. */
START_TEST(a_variable_names_one_property)
{
    for (size_t i = 0; i < weir__property_count; i++) {
        for (size_t j = i + 1; j < weir__property_count; j++) {
            const char *a = weir__properties[i].name, *b = weir__properties[j].name;

            while (*a && (*a == *b || (strchr(".-", *a) && *b && strchr(".-", *b))))
                a++, b++;
            ck_assert_msg(*a || *b, "'%s' and '%s'", weir__properties[i].name, weir__properties[j].name);
        }
    }
}
END_TEST

/* The command line's JSON opens each section once, one level deep. */
START_TEST(a_section_stands_in_one_piece)
{
    for (size_t i = 1; i < weir__property_count; i++) {
        const char *name = weir__properties[i].name, *before = weir__properties[i - 1].name;
        const char *dot = strchr(name, '.');
        size_t size = dot ? (size_t)(dot - name) + 1 : 0;

        ck_assert(!dot || !strchr(dot + 1, '.'));
        if (!dot || strncmp(name, before, size) == 0)
            continue;
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(strncmp(name, weir__properties[j].name, size) != 0, "section of '%s'", name);
    }
}
END_TEST

START_TEST(every_property_is_documented)
{
    for (size_t i = 0; i < weir__property_count; i++) {
        const weir_property *property = &weir__properties[i];

        ck_assert_msg(property->doc && strlen(property->doc) > 20, "%s", property->name);
        ck_assert_msg(property->doc[strlen(property->doc) - 1] == '.', "%s", property->name);
        ck_assert_msg(property->used_by, "%s", property->name);
        ck_assert_msg((property->type == WEIR__PROPERTY_CHOICE) == (property->choices != NULL), "%s", property->name);
        ck_assert_msg(property->low <= property->high, "%s", property->name);
        if (property->type == WEIR__PROPERTY_INT || property->type == WEIR__PROPERTY_BOOL)
            ck_assert_msg(property->fallback, "%s", property->name);
    }
}
END_TEST

static const struct {
    const char *given;
    const char *nearest;
} slips[] = {
    { "limts.depth", "limits.depth" },
    { "limits.dept", "limits.depth" },
    { "limits.detph", "limits.depth" },
    { "depth", "limits.depth" },
    { "limits_depth", "limits.depth" },
    { "Limits.Depth", "limits.depth" },
    { "state.events-per-run", "limits.events-per-run" },
    { "max-crashes", "input.max-crashes" },
    { "state.cache_mb", "state.cache-mb" },
    { "state.cache", "state.cache-mb" },
    { "commit-interval", "commit-interval-ms" },
    { "limits.commit-interval-ms", "commit-interval-ms" },
    { "commit.interval.ms", "commit-interval-ms" },
    { "application.id", "job.name" },
    { "pipeline.name", "job.name" },
    { "short-term-memory.state-ttl.ms", "state.ttl-ms" },
    { "short-term-memory.state-ttl.update-type", "state.ttl-update" },
    { "kafkaActionStateTopic", "action-state.topic" },
    { "thread", "threads" },
    { "job.nam", "job.name" },
    { "frobnicate", NULL },
    { "x", NULL },
    { "", NULL },
    { ".", NULL },
};

START_TEST(a_slip_finds_what_was_meant)
{
    const char *nearest = weir__property_nearest(slips[_i].given);

    if (slips[_i].nearest) {
        ck_assert_msg(nearest, "nothing is near '%s'", slips[_i].given);
        ck_assert_str_eq(nearest, slips[_i].nearest);
    } else {
        ck_assert_msg(!nearest, "'%s' is near '%s'", nearest ? nearest : "", slips[_i].given);
    }
}
END_TEST

START_TEST(a_very_long_name_is_near_nothing)
{
    char name[300];

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ck_assert_ptr_null(weir__property_nearest(name));
}
END_TEST

START_TEST(sections_are_known)
{
    ck_assert(weir__property_is_section("limits"));
    ck_assert(weir__property_is_section("action-state"));
    ck_assert(weir__property_is_section("kafka"));
    ck_assert(!weir__property_is_section("threads"));
    ck_assert(!weir__property_is_section("limit"));
    ck_assert(!weir__property_is_section("limits.depth"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/properties");
    TCase *table = tcase_create("table"), *search = tcase_create("search");

    tcase_add_test(table, a_name_is_there_once_in_small_letters);
    tcase_add_test(table, a_variable_names_one_property);
    tcase_add_test(table, a_section_stands_in_one_piece);
    tcase_add_test(table, every_property_is_documented);
    tcase_add_loop_test(search, a_slip_finds_what_was_meant, 0, sizeof slips / sizeof *slips);
    tcase_add_test(search, a_very_long_name_is_near_nothing);
    tcase_add_test(search, sections_are_known);
    suite_add_tcase(suite, table);
    suite_add_tcase(suite, search);
    return weir__suite_run(suite);
}
