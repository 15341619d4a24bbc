/* SPDX-License-Identifier: Apache-2.0 */
/* `weir new NAME`: a folder with a job that builds with one `make`. */
#include "cli/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/job.h"
#include "cli/options.h"

/* Writes a text with every @NAME@ replaced. */
static int write_file(const char *path, const char *text, const char *name)
{
    static const char mark[] = "@NAME@";
    FILE *file = fopen(path, "wxe");
    const char *at;
    int failed;

    if (!file)
        return -1;
    while ((at = strstr(text, mark))) {
        (void)fwrite(text, 1, (size_t)(at - text), file); /* errors stick to the file, */
        (void)fputs(name, file);                          /* and are asked for below */
        text = at + sizeof mark - 1;
    }
    (void)fputs(text, file);
    failed = ferror(file);
    return fclose(file) != 0 || failed ? -1 : 0;
}

/* The job's program stands in its folder, and its name in the Makefile: neither may be taken. */
static weir_code check_name(const char *name, weir_error *err)
{
    static const char *const taken[] = { "run", "clean", "state", "output.jsonl", NULL };
    bool is_taken = false;
    weir_job *job = weir_job_new(name); /* it knows which names are good */
    weir_code rc = weir__job_seal(job, err);

    weir_job_free(job);
    if (rc != WEIR_OK)
        return rc;
    if (name[0] == '.' || name[0] == '-')
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "'%s' begins with '%c', which make and shells take for something else", name, name[0]);
    for (const char *const *other = taken; *other; other++)
        is_taken = is_taken || strcmp(name, *other) == 0;
    for (const struct weir__text_file *file = weir__template; file->name; file++)
        is_taken = is_taken || strcmp(name, file->name) == 0;
    if (is_taken)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "'%s' is the name of something else in a job's folder; choose another", name);
    return WEIR_OK;
}

static weir_code make_job(const char *name, weir_error *err)
{
    char path[512];

    if (mkdir(name, 0777) != 0) {
        if (errno == EEXIST)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "'%s' exists already; choose another name, or remove it",
                              name);
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot make folder '%s'", name);
    }
    for (const struct weir__text_file *file = weir__template; file->name; file++) {
        (void)snprintf(path, sizeof path, "%s/%s", name, file->name); /* names are short */
        if (write_file(path, file->text, name) != 0)
            return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write '%s'", path);
    }
    (void)printf("a job in ./%s; next: cd %s && make run\n", name, name);
    return WEIR_OK;
}

int weir__cli_new(const char *program, int argc, char **argv)
{
    static const weir_option options[] = { { NULL, NULL, NULL } };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 1, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s new NAME\n\nMakes a folder NAME with a job that builds with one `make`.\n"
                     "NAME: 1..128 of A-Z a-z 0-9 . _ -\n",
                     program);
    } else if (rc == WEIR_OK && arguments.operand_count == 0) {
        rc = weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "new needs a name; see %s new --help", program);
    } else if (rc == WEIR_OK) {
        rc = check_name(arguments.operands[0], &err);
        if (rc == WEIR_OK)
            rc = make_job(arguments.operands[0], &err);
    }
    weir__arguments_clear(&arguments);
    if (rc == WEIR_OK)
        return 0;
    weir__cli_complain(program, &err);
    return weir__cli_status(rc);
}
