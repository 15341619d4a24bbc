/* SPDX-License-Identifier: Apache-2.0 */
/* How well a value fits a type. For the files of this room. */
#ifndef WEIR__CODEC_AVRO_WRITE_H
#define WEIR__CODEC_AVRO_WRITE_H

#include "codec/avro_type.h"

typedef enum weir_fit { WEIR__FIT_NOT, WEIR__FIT_LOOSELY, WEIR__FIT_WELL } weir_fit;

enum { WEIR__FIT_LEVELS = 4 }; /* of containers that are looked into; the work is their values, times branches^levels */

/** Whether a value can be written as a type, `levels` deep: what lies deeper is taken to fit. */
weir_fit weir__avro_fit(const weir_avro_node *node, const weir_json *json, int levels);

/** "NaN", "Infinity", "-Infinity". */
bool weir__avro_real_named(weir_bytes text, double *out);

/** Whether a double is within float's range, rounded. */
bool weir__avro_is_float(double number);

#endif
