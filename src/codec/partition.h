/* SPDX-License-Identifier: Apache-2.0 */
/* Which partition a key belongs to, as Kafka's Java client has it. */
#ifndef WEIR__CODEC_PARTITION_H
#define WEIR__CODEC_PARTITION_H

#include <stdint.h>

#include <weir/bytes.h>

/** Kafka's murmur2 (32 bits, seed 0x9747b28c). Source: org.apache.kafka.common.utils.Utils.murmur2. */
uint32_t weir__murmur2(weir_bytes bytes);

/**
 * The partition of a key. An empty key is one like others; what happens with records without a key is the producer's
 * affair.
 *
 * @param partitions  1..2^31-1
 * @return 0..partitions-1
 * Source: org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey.
 */
int32_t weir__partition_of(weir_bytes key, int32_t partitions);

#endif
