/* SPDX-License-Identifier: Apache-2.0 */
/* `weir journal`. */
#ifndef WEIR__CLI_JOURNAL_H
#define WEIR__CLI_JOURNAL_H

/** Prints the entries of a state folder's journal, a JSON object a line; returns the exit status. */
int weir__cli_journal(const char *program, int argc, char **argv);

#endif
