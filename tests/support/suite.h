/* SPDX-License-Identifier: Apache-2.0 */
/* One way to run a Check program: TAP on stdout, fork mode, status 0 (the driver reads the TAP). */
#ifndef WEIR_TESTS_SUITE_H
#define WEIR_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

static inline int weir__suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    srunner_free(runner);
    return EXIT_SUCCESS;
}

#endif
