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

static int make_job(const char *program, const char *name)
{
    char path[512];

    if (mkdir(name, 0777) != 0) {
        (void)fprintf(stderr, "%s: cannot make folder '%s': %s\n", program, name, strerror(errno));
        return 3;
    }
    for (const struct weir__text_file *file = weir__template; file->name; file++) {
        (void)snprintf(path, sizeof path, "%s/%s", name, file->name); /* names are short */
        if (write_file(path, file->text, name) != 0) {
            (void)fprintf(stderr, "%s: cannot write '%s': %s\n", program, path, strerror(errno));
            return 3;
        }
    }
    (void)printf("%s: a job in ./%s; next: cd %s && make run\n", program, name, name);
    return 0;
}

int weir__cli_new(const char *program, int argc, char **argv)
{
    static const weir_option options[] = { { NULL, NULL, NULL } };
    weir_arguments arguments;
    weir_job *job = NULL;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 1, argc, argv, &err);
    int status = 0;

    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s new NAME\n\nMakes a folder NAME with a job that builds with one `make`.\n", program);
    } else if (rc == WEIR_OK && arguments.operand_count == 0) {
        rc = weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "new needs a name; see %s new --help", program);
    } else if (rc == WEIR_OK) {
        job = weir_job_new(arguments.operands[0]); /* it knows which names are good */
        rc = weir__job_seal(job, &err);
        if (rc == WEIR_OK)
            status = make_job(program, arguments.operands[0]);
    }
    if (rc != WEIR_OK) {
        weir__cli_complain(program, &err);
        status = weir__cli_status(rc);
    }
    weir_job_free(job);
    weir__arguments_clear(&arguments);
    return status;
}
