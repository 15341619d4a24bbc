/* SPDX-License-Identifier: Apache-2.0 */
/* `weir topics`. */
#ifndef WEIR__CLI_TOPICS_H
#define WEIR__CLI_TOPICS_H

/**
 * Lists the topics that a Kafka job needs, and what is not right with them; --create makes what is missing. Returns the
 * exit status: 3 when one is missing or wrong.
 */
int weir__cli_topics(const char *program, int argc, char **argv);

#endif
