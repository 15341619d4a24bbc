/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches aircraft, one key each: which flights land late, which departures they put at risk, who
 * is late all the time. README.md has the rules; reference.py computes the same lines without weir.
 */
#include <inttypes.h>
#include <time.h>

#include <weir/weir.h>

/* A flight is late when it lands so many minutes behind its schedule. */
#define LATE_MINUTES 15
/* Least time on the ground between two flights. */
#define TURNAROUND_MINUTES 30
/* An episode of chronic lateness: it begins and ends by how many of the last landings were late. */
#define WINDOW 20
#define CHRONIC_FROM 12
#define CHRONIC_UNTIL 6

#define MINUTE_MS INT64_C(60000)
/* Stands for a number that the data do not have; a cancelled flight has no delay. */
#define NOT_KNOWN INT64_MIN

/* Beyond these a number is a mistake of the data, and arithmetic could overflow. */
#define MOST_MINUTES 1000000
#define MOST_MS (INT64_C(10000) * 366 * 24 * 60 * MINUTE_MS)

/* Minutes of UTC: the data know no seconds. */
static json_t *time_text(int64_t at_ms)
{
    time_t at = (time_t)(at_ms / 1000);
    struct tm parts;
    char text[32];

    if (!gmtime_r(&at, &parts) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%MZ", &parts))
        return json_null();
    return json_string(text);
}

static json_t *text_or_null(weir_bytes text)
{
    return text.data ? json_stringn((const char *)text.data, text.size) : json_null();
}

static json_t *number_or_null(int64_t number)
{
    return number == NOT_KNOWN ? json_null() : json_integer(number);
}

static json_t *attribute(const weir_event *event, const char *pointer)
{
    return text_or_null(weir_event_text(event, pointer));
}

static int64_t kept(weir_memory *memory, const char *path)
{
    return weir_memory_int(memory, path, 0);
}

static void add(weir_memory *memory, const char *path, int64_t amount)
{
    weir_memory_set_int(memory, path, kept(memory, path) + amount);
}

/* A number of the flight: minutes, or miles. */
static int64_t read_number(weir_run *run, const weir_event *event, const char *pointer)
{
    int64_t number = weir_event_int(event, pointer, NOT_KNOWN);

    if (number != NOT_KNOWN && (number < -MOST_MINUTES || number > MOST_MINUTES)) {
        weir_fail(run, WEIR_INVALID, "%s is %" PRId64 ", at most %d allowed", pointer, number,
                  MOST_MINUTES);
        return NOT_KNOWN;
    }
    return number;
}

/* Shifts a landing into the window of the last ones, newest lowest; an episode may end with it. */
static void remember_landing(weir_memory *memory, bool is_late)
{
    uint64_t mask = (UINT64_C(1) << WINDOW) - 1;
    uint64_t recent = (uint64_t)kept(memory, "late.recent");

    recent = (recent << 1 | (uint64_t)is_late) & mask;
    weir_memory_set_int(memory, "late.recent", (int64_t)recent);
    if (__builtin_popcountll(recent) <= CHRONIC_UNTIL)
        weir_memory_delete(memory, "late.chronic");
}

/* Counts a late flight, keeps the worst, and tells the other actions. */
static weir_code remember_late(weir_run *run, const weir_event *event, int64_t minutes)
{
    weir_memory *memory = weir_short_term(run);

    add(memory, "late.count", 1);
    add(memory, "late.minutes", minutes);
    if (minutes > kept(memory, "worst.minutes")) {
        weir_memory_set_int(memory, "worst.minutes", minutes);
        weir_memory_set_text(memory, "worst.flight", weir_event_text(event, "/input/flight"));
    }
    weir_count(run, "late_flights", 1);
    return weir_send(run, "late_flight",
                     json_pack("{s:{s:o, s:o, s:o, s:o, s:I}}", "report",
                               "flight", attribute(event, "/input/flight"),
                               "from", attribute(event, "/input/from"),
                               "to", attribute(event, "/input/to"),
                               "scheduled", time_text(weir_now(run)),
                               "minutes", (json_int_t)minutes));
}

/* _input_event: keeps the aircraft's book. What later actions of the run need of this flight goes
 * into sensory memory. */
static weir_code record(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    weir_memory *flight = weir_sensory(run);
    int64_t dep_delay = read_number(run, event, "/input/dep_delay");
    int64_t arr_delay = read_number(run, event, "/input/arr_delay");
    int64_t air_time = read_number(run, event, "/input/air_time");
    int64_t miles = read_number(run, event, "/input/distance");
    int64_t landed_at;

    (void)arg;
    if (weir_event_bool(event, "/input/end", false))
        return weir_send(run, "end_of_data", json_object());
    if (!weir_event_text(event, "/input/flight").data)
        return weir_fail(run, WEIR_INVALID, "value is neither a flight nor an end marker");
    if (weir_now(run) < -MOST_MS || weir_now(run) > MOST_MS)
        return weir_fail(run, WEIR_INVALID, "timestamp is beyond the year 9999");

    if (dep_delay == NOT_KNOWN) {
        add(memory, "cancelled", 1);
        weir_count(run, "cancelled_flights", 1);
        return WEIR_OK;
    }
    weir_memory_set_bool(flight, "has_left", true);
    add(memory, "flights", 1);
    if (arr_delay == NOT_KNOWN || air_time == NOT_KNOWN) {
        /* It came down elsewhere, or nobody noted when. */
        add(memory, "diverted", 1);
        return weir_memory_delete(memory, "last");
    }

    landed_at = weir_now(run) + (dep_delay + air_time) * MINUTE_MS;
    weir_memory_set_int(flight, "landed_at", landed_at);
    weir_memory_set_int(flight, "air_minutes", air_time);
    add(memory, "miles", miles == NOT_KNOWN ? 0 : miles);
    weir_memory_set_text(memory, "last.airport", weir_event_text(event, "/input/to"));
    weir_memory_set_int(memory, "last.at", landed_at);
    remember_landing(memory, arr_delay >= LATE_MINUTES);
    return arr_delay >= LATE_MINUTES ? remember_late(run, event, arr_delay) : WEIR_OK;
}

/* _input_event: is the aircraft back from its late flight when this one should leave? */
static weir_code check_connection(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t back_at = weir_memory_int(memory, "back.at", NOT_KNOWN);
    int64_t dep_delay = weir_event_int(event, "/input/dep_delay", NOT_KNOWN);

    (void)arg;
    if (back_at == NOT_KNOWN || weir_event_bool(event, "/input/end", false))
        return WEIR_OK;
    if (back_at > weir_now(run)) {
        add(memory, "missed", 1);
        weir_count(run, "missed_connections", 1);
        weir_send(run, "missed_connection",
                  json_pack("{s:{s:o, s:o, s:o, s:o, s:o, s:I, s:o}}", "report",
                            "flight", attribute(event, "/input/flight"),
                            "from", attribute(event, "/input/from"),
                            "scheduled", time_text(weir_now(run)),
                            "after", text_or_null(weir_memory_text(memory, "back.flight")),
                            "back_at", time_text(back_at),
                            "short_by", (json_int_t)((back_at - weir_now(run)) / MINUTE_MS),
                            "left_late", number_or_null(dep_delay)));
    }
    /* A cancelled flight moves no aircraft: it is still to come back. */
    if (weir_memory_bool(weir_sensory(run), "has_left", false))
        weir_memory_delete(memory, "back");
    return WEIR_OK;
}

/* late_flight: works out when the aircraft can leave again from where the flight began. */
static weir_code expect_back(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t away_minutes = 2 * TURNAROUND_MINUTES + kept(weir_sensory(run), "air_minutes");

    (void)arg;
    weir_memory_set_int(memory, "back.at",
                        kept(weir_sensory(run), "landed_at") + away_minutes * MINUTE_MS);
    return weir_memory_set_text(memory, "back.flight", weir_event_text(event, "/report/flight"));
}

/* late_flight: raises one alarm an episode, however many late flights it has. */
static weir_code find_chronic(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int late = __builtin_popcountll((uint64_t)kept(memory, "late.recent"));

    (void)arg;
    if (late < CHRONIC_FROM || weir_memory_bool(memory, "late.chronic", false))
        return WEIR_OK;
    weir_memory_set_bool(memory, "late.chronic", true);
    add(memory, "late.episodes", 1);
    weir_count(run, "chronic_episodes", 1);
    return weir_send(run, "chronic_lateness",
                     json_pack("{s:{s:o, s:o, s:i, s:i}}", "report",
                               "flight", attribute(event, "/report/flight"),
                               "scheduled", time_text(weir_now(run)),
                               "late", late,
                               "of_last", WINDOW));
}

/* late_flight, missed_connection, chronic_lateness: tells the outside, under the event's type. */
static weir_code alert(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return weir_output(
        run, json_pack("{s:O?}", weir_event_type(event), weir_event_get(event, "report")));
}

/* end_of_data: the aircraft's year. */
static weir_code summarize(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    json_t *last = json_null();

    (void)event;
    (void)arg;
    if (weir_memory_exists(memory, "last"))
        last = json_pack("{s:o, s:o}",
                         "airport", text_or_null(weir_memory_text(memory, "last.airport")),
                         "at", time_text(kept(memory, "last.at")));
    return weir_output(
        run, json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:o}, s:I, s:I, s:o}}", "summary",
                       "flights", (json_int_t)kept(memory, "flights"),
                       "cancelled", (json_int_t)kept(memory, "cancelled"),
                       "diverted", (json_int_t)kept(memory, "diverted"),
                       "miles", (json_int_t)kept(memory, "miles"),
                       "late", (json_int_t)kept(memory, "late.count"),
                       "late_minutes", (json_int_t)kept(memory, "late.minutes"),
                       "worst",
                       "minutes", (json_int_t)kept(memory, "worst.minutes"),
                       "flight", text_or_null(weir_memory_text(memory, "worst.flight")),
                       "missed_connections", (json_int_t)kept(memory, "missed"),
                       "chronic_episodes", (json_int_t)kept(memory, "late.episodes"),
                       "last", last));
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("flight-watch");
    weir_agent *logbook = weir_job_agent(job, "logbook");
    weir_agent *connections = weir_job_agent(job, "connections");
    weir_agent *punctuality = weir_job_agent(job, "punctuality");
    weir_agent *desk = weir_job_agent(job, "desk");

    weir_agent_action(logbook, "record", record, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
    weir_agent_action(connections, "check-connection", check_connection, NULL, WEIR_ACTION_PURE,
                      WEIR_INPUT_EVENT, NULL);
    weir_agent_action(connections, "expect-back", expect_back, NULL, WEIR_ACTION_PURE,
                      "late_flight", NULL);
    weir_agent_action(punctuality, "find-chronic", find_chronic, NULL, WEIR_ACTION_JOURNALED,
                      "late_flight", NULL);
    weir_agent_action(desk, "alert", alert, NULL, WEIR_ACTION_PURE, "late_flight",
                      "missed_connection", "chronic_lateness", NULL);
    weir_agent_action(desk, "summarize", summarize, NULL, WEIR_ACTION_JOURNALED, "end_of_data",
                      NULL);
    return weir_main(job, argc, argv);
}
