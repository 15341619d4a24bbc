/* SPDX-License-Identifier: Apache-2.0 */
/* Building jobs. */
#include "agent/job.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

enum { NAME_BYTES = 128 };

/* Why a name is refused, or NULL. */
static const char *name_fault(const char *name, bool is_file_name)
{
    size_t size;

    if (!name)
        return "is NULL";
    size = strlen(name);
    if (size == 0)
        return "is empty";
    if (size > NAME_BYTES)
        return "has more than 128 bytes";
    if (is_file_name) {
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

        if (name[strspn(name, allowed)] != '\0')
            return "has a character other than A-Z a-z 0-9 . _ -";
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            return "is a folder's";
    }
    if (!weir__utf8_is_valid(weir__bytes_text(name)))
        return "is not UTF-8";
    return NULL;
}

/* What is handed out when there is no memory: it keeps that error and refuses all, so all may share it. */
static weir_job no_memory_job = {
    .failure = { { WEIR_NO_MEMORY, WEIR_REMEDY_STOP, NULL, 0, "no memory for a job" } },
    .fallback = { &no_memory_job, NULL },
};

weir_job *weir_job_new(const char *name)
{
    weir_job *job = calloc(1, sizeof *job);
    const char *fault;

    if (!job)
        return &no_memory_job;
    job->fallback.job = job;
    fault = name_fault(name, true);
    if (fault) {
        (void)weir__failure_keep(&job->failure, WEIR_INVALID, "job name '%s' %s", name ? name : "", fault);
        return job;
    }
    job->name = strdup(name);
    if (!job->name)
        (void)weir__failure_keep(&job->failure, WEIR_NO_MEMORY, "no memory for job '%s'", name);
    return job;
}

static void free_action(weir_action *action)
{
    if (!action)
        return;
    for (size_t i = 0; i < action->type_count; i++)
        free(action->types[i]);
    free(action->types);
    free(action->full_name);
    free(action->name);
    free(action);
}

static void free_triggers(weir_job *job)
{
    for (size_t i = 0; i < job->trigger_count; i++)
        free(job->triggers[i].actions);
    free(job->triggers);
    job->triggers = NULL;
    job->trigger_count = 0;
}

void weir_job_free(weir_job *job)
{
    if (!job || job == &no_memory_job)
        return;
    free_triggers(job);
    for (size_t i = 0; i < job->action_count; i++)
        free_action(job->actions[i]);
    free(job->actions);
    for (size_t i = 0; i < job->agent_count; i++) {
        free(job->agents[i]->name);
        free(job->agents[i]);
    }
    free(job->agents);
    free(job->name);
    free(job);
}

weir_agent *weir_job_agent(weir_job *job, const char *name)
{
    const char *fault = name_fault(name, false);
    weir_agent **agents;
    weir_agent *agent;

    if (weir__failure_is_kept(&job->failure))
        return &job->fallback;
    if (fault) {
        (void)weir__failure_keep(&job->failure, WEIR_INVALID, "agent name '%s' %s", name ? name : "", fault);
        return &job->fallback;
    }
    for (size_t i = 0; i < job->agent_count; i++) {
        if (strcmp(job->agents[i]->name, name) == 0)
            return job->agents[i];
    }
    agent = calloc(1, sizeof *agent);
    agents = realloc(job->agents, (job->agent_count + 1) * sizeof *agents);
    if (agents)
        job->agents = agents;
    if (agent)
        agent->name = strdup(name);
    if (!agents || !agent || !agent->name) {
        (void)weir__failure_keep(&job->failure, WEIR_NO_MEMORY, "no memory for agent '%s'", name);
        free(agent);
        return &job->fallback;
    }
    agent->job = job;
    job->agents[job->agent_count++] = agent;
    return agent;
}

static bool wants(const weir_action *action, const char *type)
{
    for (size_t i = 0; i < action->type_count; i++) {
        if (strcmp(action->types[i], type) == 0)
            return true;
    }
    return false;
}

static weir_code add_type(weir_failure *failure, weir_action *action, const char *type)
{
    char **types;

    if (*type == '\0')
        return weir__failure_keep(failure, WEIR_INVALID, "action '%s': an event type is empty", action->full_name);
    if (strcmp(type, WEIR_OUTPUT_EVENT) == 0)
        return weir__failure_keep(failure, WEIR_INVALID, "action '%s': %s never triggers an action",
                                  action->full_name, WEIR_OUTPUT_EVENT);
    if (!weir__utf8_is_valid(weir__bytes_text(type)))
        return weir__failure_keep(failure, WEIR_INVALID, "action '%s': an event type is not UTF-8",
                                  action->full_name);
    if (wants(action, type))
        return WEIR_OK;
    types = realloc(action->types, (action->type_count + 1) * sizeof *types);
    if (!types)
        return weir__failure_keep(failure, WEIR_NO_MEMORY, "no memory for action '%s'", action->full_name);
    action->types = types;
    action->types[action->type_count] = strdup(type);
    if (!action->types[action->type_count])
        return weir__failure_keep(failure, WEIR_NO_MEMORY, "no memory for action '%s'", action->full_name);
    action->type_count++;
    return WEIR_OK;
}

/* "agent.action" */
static char *join_names(const char *agent, const char *action)
{
    size_t agent_size = strlen(agent), action_size = strlen(action);
    char *joined = malloc(agent_size + 1 + action_size + 1);

    if (!joined)
        return NULL;
    memcpy(joined, agent, agent_size);
    joined[agent_size] = '.';
    memcpy(joined + agent_size + 1, action, action_size + 1);
    return joined;
}

weir_code weir_agent_action(weir_agent *agent, const char *name, weir_action_fn fn, void *arg, unsigned flags,
                            const char *type, ...)
{
    weir_job *job = agent->job;
    weir_action *action = NULL;
    const char *fault = name_fault(name, false);
    weir_action **actions;
    weir_code rc = WEIR_OK;
    va_list types;

    if (agent == &job->fallback)
        return job->failure.error.code; /* kept when the agent was made */
    if (fault)
        return weir__failure_keep(&job->failure, WEIR_INVALID, "agent '%s': action name '%s' %s", agent->name,
                                  name ? name : "", fault);
    if (job->is_sealed)
        return weir__failure_keep(&job->failure, WEIR_INVALID, "action '%s' comes after the job was first run", name);
    for (size_t i = 0; i < job->action_count; i++) {
        if (job->actions[i]->agent == agent && strcmp(job->actions[i]->name, name) == 0)
            return weir__failure_keep(&job->failure, WEIR_INVALID, "agent '%s' has two actions named '%s'",
                                      agent->name, name);
    }
    if (!fn)
        return weir__failure_keep(&job->failure, WEIR_INVALID, "action '%s.%s' has no function", agent->name, name);
    if (flags & ~(unsigned)WEIR_ACTION_PURE)
        return weir__failure_keep(&job->failure, WEIR_INVALID, "action '%s.%s': unknown flags %#x", agent->name, name,
                                  flags);
    if (!type)
        return weir__failure_keep(&job->failure, WEIR_INVALID, "action '%s.%s' names no event type", agent->name,
                                  name);

    action = calloc(1, sizeof *action);
    if (action) {
        action->agent = agent;
        action->name = strdup(name);
        action->full_name = join_names(agent->name, name);
        action->fn = fn;
        action->arg = arg;
        action->flags = flags;
    }
    actions = realloc(job->actions, (job->action_count + 1) * sizeof *actions);
    if (actions)
        job->actions = actions;
    if (!action || !action->name || !action->full_name || !actions) {
        rc = weir__failure_keep(&job->failure, WEIR_NO_MEMORY, "no memory for action '%s'", name);
        goto out;
    }
    va_start(types, type);
    for (; type && rc == WEIR_OK; type = va_arg(types, const char *))
        rc = add_type(&job->failure, action, type);
    va_end(types);
    if (rc != WEIR_OK)
        goto out;
    job->actions[job->action_count++] = action;
    action = NULL; /* now the job's */
out:
    free_action(action);
    return rc;
}

static weir_code add_trigger(weir_job *job, const char *type)
{
    size_t count = 0;
    weir_trigger *triggers;
    const weir_action **actions;

    for (size_t i = 0; i < job->trigger_count; i++) {
        if (strcmp(job->triggers[i].type, type) == 0)
            return WEIR_OK;
    }
    triggers = realloc(job->triggers, (job->trigger_count + 1) * sizeof *triggers);
    if (!triggers)
        return WEIR_NO_MEMORY;
    job->triggers = triggers;
    actions = calloc(job->action_count ? job->action_count : 1, sizeof *actions);
    if (!actions)
        return WEIR_NO_MEMORY;
    for (size_t i = 0; i < job->action_count; i++) {
        if (wants(job->actions[i], type))
            actions[count++] = job->actions[i];
    }
    triggers[job->trigger_count++] = (weir_trigger){ type, actions, count };
    return WEIR_OK;
}

weir_code weir__job_seal(weir_job *job, weir_error *err)
{
    weir_code rc;

    if (weir__failure_is_kept(&job->failure)) {
        if (err)
            *err = job->failure.error;
        return job->failure.error.code;
    }
    if (job->is_sealed)
        return WEIR_OK;
    rc = add_trigger(job, WEIR_INPUT_EVENT);
    for (size_t i = 0; i < job->action_count && rc == WEIR_OK; i++) {
        for (size_t j = 0; j < job->actions[i]->type_count && rc == WEIR_OK; j++)
            rc = add_trigger(job, job->actions[i]->types[j]);
    }
    if (rc != WEIR_OK) {
        free_triggers(job);
        return weir__fail_memory(err, "the job's triggers");
    }
    job->is_sealed = true;
    return WEIR_OK;
}

const weir_trigger *weir__job_trigger(const weir_job *job, const char *type)
{
    /* A job has a handful of types; a compare of the first bytes tells them apart faster than a hash would. */
    for (size_t i = 0; i < job->trigger_count; i++) {
        if (strcmp(job->triggers[i].type, type) == 0)
            return &job->triggers[i];
    }
    return NULL;
}
