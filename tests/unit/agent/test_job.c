/* SPDX-License-Identifier: Apache-2.0 */
/* Building jobs: what is refused and how it is said, and which actions a type triggers in which order. */
#include "agent/job.h"

#include <string.h>

#include "suite.h"

static weir_job *job;
static weir_agent *agent;

static weir_code act(weir_run *run, const weir_event *event, void *arg)
{
    (void)run;
    (void)event;
    (void)arg;
    return WEIR_OK;
}

static void set_up(void)
{
    job = weir_job_new("test");
    agent = weir_job_agent(job, "a");
}

static void tear_down(void)
{
    weir_job_free(job);
}

static void assert_refused(const char *message)
{
    weir_error err;

    ck_assert_int_eq(weir__job_seal(job, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_INVALID);
}

/* A text of `size` bytes. */
static const char *named(size_t size)
{
    static char name[256];

    memset(name, 'n', size);
    name[size] = '\0';
    return name;
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void assert_job_refused(const char *name, const char *message)
{
    weir_job_free(job);
    job = weir_job_new(name);
    ck_assert_ptr_nonnull(job);
    ck_assert_ptr_nonnull(weir_job_agent(job, "a"));
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "x", act, NULL, 0, "t", NULL), WEIR_INVALID);
    assert_refused(message);
}

START_TEST(a_bad_job_name_is_kept_and_all_that_follows_is_refused)
{
    assert_job_refused(NULL, "job name '' is NULL");
    assert_job_refused("", "job name '' is empty");
    assert_job_refused("a b", "job name 'a b' has a character other than A-Z a-z 0-9 . _ -");
    assert_job_refused("a/b", "job name 'a/b' has a character other than A-Z a-z 0-9 . _ -");
    assert_job_refused("é", "job name 'é' has a character other than A-Z a-z 0-9 . _ -");
    assert_job_refused(".", "job name '.' is a folder's");
    assert_job_refused("..", "job name '..' is a folder's");
    weir_job_free(job);
    job = weir_job_new(named(129));
    ck_assert_ptr_nonnull(strstr(job->failure.error.message, "has more than 128 bytes"));
    weir_job_free(job);
    job = weir_job_new(named(128));
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    weir_job_free(job);
    job = weir_job_new("Az09._-");
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
}
END_TEST

START_TEST(a_bad_agent_name_is_kept_and_its_actions_are_refused)
{
    agent = weir_job_agent(job, "");
    ck_assert_ptr_nonnull(agent);
    ck_assert_int_eq(weir_agent_action(agent, "x", act, NULL, 0, "t", NULL), WEIR_INVALID);
    assert_refused("agent name '' is empty");
}
END_TEST

START_TEST(agent_and_action_names_are_any_utf8_of_128_bytes)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "größe / ✓"), "a b", act, NULL, 0, "t", NULL), WEIR_OK);
    ck_assert_int_eq(weir_agent_action(agent, named(128), act, NULL, 0, "t", NULL), WEIR_OK);
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    ck_assert_str_eq(job->actions[0]->full_name, "größe / ✓.a b");
}
END_TEST

START_TEST(an_agent_of_a_known_name_is_the_same_one)
{
    ck_assert_ptr_eq(weir_job_agent(job, "a"), agent);
    ck_assert_ptr_ne(weir_job_agent(job, "b"), agent);
    ck_assert_uint_eq(job->agent_count, 2);
}
END_TEST

START_TEST(a_null_or_broken_name_is_refused)
{
    ck_assert_int_eq(weir_agent_action(agent, NULL, act, NULL, 0, "t", NULL), WEIR_INVALID);
    assert_refused("agent 'a': action name '' is NULL");
    tear_down();
    set_up();
    ck_assert_int_eq(weir_agent_action(agent, "x\xff", act, NULL, 0, "t", NULL), WEIR_INVALID);
    ck_assert_ptr_nonnull(strstr(job->failure.error.message, "is not UTF-8"));
    tear_down();
    set_up();
    (void)weir_job_agent(job, NULL);
    assert_refused("agent name '' is NULL");
}
END_TEST

/* ---- actions ----------------------------------------------------------------------------------------------------- */

START_TEST(an_action_name_is_taken_once_in_its_agent)
{
    ck_assert_int_eq(weir_agent_action(agent, "x", act, NULL, 0, "t", NULL), WEIR_OK);
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "b"), "x", act, NULL, 0, "t", NULL), WEIR_OK);
    ck_assert_int_eq(weir_agent_action(agent, "x", act, NULL, 0, "u", NULL), WEIR_INVALID);
    assert_refused("agent 'a' has two actions named 'x'");
    ck_assert_uint_eq(job->action_count, 2);
}
END_TEST

START_TEST(an_action_needs_a_function_known_flags_and_types)
{
    static const struct {
        weir_action_fn fn;
        unsigned flags;
        const char *type, *message;
    } cases[] = {
        { NULL, 0, "t", "action 'a.x' has no function" },
        { act, 2, "t", "action 'a.x': unknown flags 0x2" },
        { act, 0, NULL, "action 'a.x' names no event type" },
        { act, 0, "", "action 'a.x': an event type is empty" },
        { act, 0, WEIR_OUTPUT_EVENT, "action 'a.x': _output_event never triggers an action" },
        { act, 0, "\xc0\x80", "action 'a.x': an event type is not UTF-8" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tear_down();
        set_up();
        ck_assert_int_eq(weir_agent_action(agent, "x", cases[i].fn, NULL, cases[i].flags, cases[i].type, NULL),
                         WEIR_INVALID);
        assert_refused(cases[i].message);
        ck_assert_uint_eq(job->action_count, 0);
    }
}
END_TEST

START_TEST(a_bad_type_behind_a_good_one_refuses_the_whole_action)
{
    ck_assert_int_eq(weir_agent_action(agent, "x", act, NULL, 0, "t", WEIR_OUTPUT_EVENT, NULL), WEIR_INVALID);
    ck_assert_uint_eq(job->action_count, 0);
}
END_TEST

START_TEST(the_first_error_of_a_job_is_kept)
{
    (void)weir_agent_action(agent, "x", NULL, NULL, 0, "t", NULL);
    (void)weir_agent_action(agent, "y", act, NULL, 0, "", NULL);
    (void)weir_job_agent(job, "");
    assert_refused("action 'a.x' has no function");
}
END_TEST

START_TEST(a_sealed_job_takes_no_more_actions)
{
    ck_assert_int_eq(weir_agent_action(agent, "x", act, NULL, 0, "t", NULL), WEIR_OK);
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    ck_assert_int_eq(weir_agent_action(agent, "y", act, NULL, 0, "t", NULL), WEIR_INVALID);
    assert_refused("action 'y' comes after the job was first run");
}
END_TEST

/* ---- triggers ---------------------------------------------------------------------------------------------------- */

/* The names of the actions of a type, in order. */
static const char *triggered(const char *type)
{
    static char names[256];
    const weir_trigger *trigger = weir__job_trigger(job, type);

    *names = '\0';
    for (size_t i = 0; trigger && i < trigger->action_count; i++) {
        strcat(names, trigger->actions[i]->full_name);
        strcat(names, " ");
    }
    return names;
}

START_TEST(actions_of_a_type_stand_in_the_order_added_over_all_agents)
{
    weir_agent *b = weir_job_agent(job, "b");

    (void)weir_agent_action(b, "z", act, NULL, 0, "t", "u", NULL);
    (void)weir_agent_action(agent, "m", act, NULL, 0, "u", "t", NULL);
    (void)weir_agent_action(b, "a", act, NULL, 0, "t", NULL);
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    ck_assert_str_eq(triggered("t"), "b.z a.m b.a ");
    ck_assert_str_eq(triggered("u"), "b.z a.m ");
    ck_assert_ptr_null(weir__job_trigger(job, "nobody"));
}
END_TEST

START_TEST(a_type_named_twice_counts_once)
{
    (void)weir_agent_action(agent, "x", act, NULL, 0, "t", "u", "t", NULL);
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    ck_assert_str_eq(triggered("t"), "a.x ");
    ck_assert_uint_eq(job->actions[0]->type_count, 2);
}
END_TEST

START_TEST(the_first_trigger_is_the_inputs_even_when_nobody_wants_it)
{
    (void)weir_agent_action(agent, "x", act, NULL, 0, "t", NULL);
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    ck_assert_str_eq(job->triggers[0].type, WEIR_INPUT_EVENT);
    ck_assert_uint_eq(job->triggers[0].action_count, 0);
}
END_TEST

START_TEST(an_empty_job_can_be_sealed_and_null_can_be_freed)
{
    ck_assert_int_eq(weir__job_seal(job, NULL), WEIR_OK);
    weir_job_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent/job");
    TCase *names = tcase_create("names"), *actions = tcase_create("actions"), *triggers = tcase_create("triggers");

    tcase_add_checked_fixture(names, set_up, tear_down);
    tcase_add_test(names, a_bad_job_name_is_kept_and_all_that_follows_is_refused);
    tcase_add_test(names, a_bad_agent_name_is_kept_and_its_actions_are_refused);
    tcase_add_test(names, agent_and_action_names_are_any_utf8_of_128_bytes);
    tcase_add_test(names, an_agent_of_a_known_name_is_the_same_one);
    tcase_add_test(names, a_null_or_broken_name_is_refused);
    suite_add_tcase(suite, names);
    tcase_add_checked_fixture(actions, set_up, tear_down);
    tcase_add_test(actions, an_action_name_is_taken_once_in_its_agent);
    tcase_add_test(actions, an_action_needs_a_function_known_flags_and_types);
    tcase_add_test(actions, a_bad_type_behind_a_good_one_refuses_the_whole_action);
    tcase_add_test(actions, the_first_error_of_a_job_is_kept);
    tcase_add_test(actions, a_sealed_job_takes_no_more_actions);
    suite_add_tcase(suite, actions);
    tcase_add_checked_fixture(triggers, set_up, tear_down);
    tcase_add_test(triggers, actions_of_a_type_stand_in_the_order_added_over_all_agents);
    tcase_add_test(triggers, a_type_named_twice_counts_once);
    tcase_add_test(triggers, the_first_trigger_is_the_inputs_even_when_nobody_wants_it);
    tcase_add_test(triggers, an_empty_job_can_be_sealed_and_null_can_be_freed);
    suite_add_tcase(suite, triggers);
    return weir__suite_run(suite);
}
