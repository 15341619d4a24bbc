/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a job: agents, actions, and which actions an event type triggers. */
#ifndef WEIR__AGENT_JOB_H
#define WEIR__AGENT_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include <weir/job.h>

#include "agent/failure.h"

typedef struct weir_action {
    weir_agent *agent;
    char *name;      /* within its agent */
    char *full_name; /* "agent.action": in journals, events and messages */
    weir_action_fn fn;
    void *arg;
    unsigned flags;
    char **types; /* each once */
    size_t type_count;
} weir_action;

/* The actions that want one event type, in the order in which they were added. */
typedef struct weir_trigger {
    const char *type;
    const weir_action **actions;
    size_t action_count;
} weir_trigger;

struct weir_agent {
    weir_job *job;
    char *name;
};

struct weir_job {
    char *name;
    weir_agent **agents;
    size_t agent_count;
    weir_action **actions; /* of all agents, in the order in which they were added */
    size_t action_count;
    weir_trigger *triggers; /* made by weir__job_seal(); the first one is WEIR_INPUT_EVENT's */
    size_t trigger_count;
    bool is_sealed;
    weir_failure failure;
    weir_agent fallback; /* handed out when there was no memory for an agent; its actions are refused */
};

/**
 * Makes the triggers; further actions are refused. May be called again.
 *
 * @return WEIR_OK; the job's kept error (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__job_seal(weir_job *job, weir_error *err);

/** The trigger of a type; NULL when no action wants it. The job is sealed. */
const weir_trigger *weir__job_trigger(const weir_job *job, const char *type);

#endif
