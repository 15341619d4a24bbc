/* SPDX-License-Identifier: Apache-2.0 */
/* The job as one JAR: shim, binary, libraries, configuration. */
#ifndef WEIR__PACKAGE_PACKAGE_H
#define WEIR__PACKAGE_PACKAGE_H

#include <limits.h>

#include "config/config.h"
#include "package/libraries.h"

typedef struct weir_package_options {
    const char *program;     /* the binary's file */
    const char *name;        /* what it is called in the JAR; without `/` */
    const char *shim;        /* the JAR to begin with */
    const char *config_file; /* goes into the JAR as it is; NULL: none */
    const weir_config *config; /* what was read of that file: kept as it is written */
    const char *job_name;    /* where the configuration has no job.name */
    const char *version;
    const char *const *agents; /* names */
    size_t agent_count;
    const char *output;
    weir_search search;
} weir_package_options;

/* What was made. */
typedef struct weir_package_report {
    size_t jar_size;
    size_t shim_size;
    size_t program_size; /* as it is in the JAR, unpacked */
    size_t library_count;
    size_t libraries_size;  /* unpacked */
    weir_glibc glibc;       /* the newest that is asked for; 0.0: none */
    char glibc_file[64];    /* which asks for it, and for which symbol; cut to fit */
    char glibc_symbol[64];
    const char *secret; /* the name of a property whose secret is in the JAR in clear; NULL: none */
} weir_package_report;

/** What official images of Flink 1.20 and 2.x have at least: Ubuntu 22.04's. */
#define WEIR__PACKAGE_GLIBC ((weir_glibc){ 2, 35 })

/**
 * Finds the shim: `given`, else what WEIR_FLINK_JAR names, else flink/weir-flink.jar in a folder above the program (a
 * build tree), else the installed one.
 *
 * @param path  set on success
 * @return WEIR_OK; WEIR_IO: there is none, or not the one that was named; says how to have one (fix)
 */
WEIR_CHECK weir_code weir__package_shim(const char *given, const char *program, char path[static PATH_MAX],
                                        weir_error *err);

/**
 * Makes the JAR. The output is there whole or as it was before. The same input gives the same bytes.
 *
 * @return WEIR_OK;
 *         WEIR_IO         a library is missing, or a file cannot be read or written (fix)
 *         WEIR_CONFIG     this build has no libzip (fix)
 *         WEIR_NO_MEMORY  (stop)
 */
WEIR_CHECK weir_code weir__package_make(const weir_package_options *options, weir_package_report *report,
                                        weir_error *err);

#endif
