// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Outputs as Kafka's records, with the headers that say of which run they are. */
final class KafkaWriter implements KafkaRecordSerializationSchema<WeirOutput> {
    private static final long serialVersionUID = 1;
    private static final byte[] ZERO = { '0' };
    private final String topic;

    KafkaWriter(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(WeirOutput output, KafkaSinkContext context, Long timestamp) {
        ProducerRecord<byte[], byte[]> record =
            new ProducerRecord<>(topic, null, Math.max(output.timestampMs, 0), output.key, output.value);
        Headers headers = record.headers();

        headers.add(new RecordHeader("weir-run", output.runIdBytes()));
        headers.add(new RecordHeader("weir-seq", output.number == 0 ? ZERO
            : Integer.toString(output.number).getBytes(StandardCharsets.UTF_8)));
        return record;
    }
}
