/* SPDX-License-Identifier: Apache-2.0 */
/* `weir state`. */
#ifndef WEIR__CLI_STATE_H
#define WEIR__CLI_STATE_H

/** Prints what a state folder keeps for each key, or for one: {KEY: {…}} a line; returns the exit status. */
int weir__cli_state(const char *program, int argc, char **argv);

#endif
