/* SPDX-License-Identifier: Apache-2.0 */
/* What of the configuration is the engine's, for every host that has one. */
#ifndef WEIR__HOST_ENGINE_OPTIONS_H
#define WEIR__HOST_ENGINE_OPTIONS_H

#include "config/config.h"
#include "engine/engine.h"

/** Fills in what the configuration says; job, port, host and the other ports are the caller's. Text is borrowed. */
void weir__engine_options_read(const weir_config *config, weir_engine_options *out);

#endif
