/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB describe`: what the job is made of. */
#include "cli/describe.h"

#include <stdio.h>

#include "agent/job.h"
#include "cli/configuration.h"
#include "cli/options.h"

static json_t *action_tree(const weir_action *action)
{
    return json_pack("{s:s, s:o, s:b}", "name", action->name, "events",
                     weir__strings_tree((const char *const *)action->types, action->type_count), "journaled",
                     !(action->flags & WEIR_ACTION_PURE));
}

static json_t *agent_tree(const weir_job *job, const weir_agent *agent)
{
    json_t *actions = json_array();

    for (size_t i = 0; i < job->action_count; i++) {
        if (job->actions[i]->agent == agent && json_array_append_new(actions, action_tree(job->actions[i])) != 0) {
            json_decref(actions);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o}", "name", agent->name, "actions", actions);
}

static json_t *job_tree(const weir_job *job, const weir_config *config)
{
    const char *name = weir__config_text(config, "job.name");
    json_t *agents = json_array();

    for (size_t i = 0; i < job->agent_count; i++) {
        if (json_array_append_new(agents, agent_tree(job, job->agents[i])) != 0) {
            json_decref(agents);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "job", name ? name : job->name, "weir", PACKAGE_VERSION, "agents", agents,
                     "config", weir__configuration_tree(config, false));
}

int weir__cli_describe(weir_job *job, const char *program, int argc, char **argv)
{
    static const weir_option options[] = { { NULL, NULL, NULL } };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);
    int status = 0;

    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s describe [option...]\n\n"
                     "Prints agents, actions and the configuration as one JSON object.\n\n",
                     program);
        weir__options_print(options);
        weir__arguments_clear(&arguments);
        return 0;
    }
    if (rc == WEIR_OK)
        rc = weir__job_seal(job, &err);
    if (rc == WEIR_OK) {
        status = weir__cli_print_tree(program, job_tree(job, arguments.config));
    } else {
        weir__cli_complain(program, &err);
        status = weir__cli_status(rc);
    }
    weir__arguments_clear(&arguments);
    return status;
}
