// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;

/** Dead letters as Kafka's records, with the headers that the Kafka host gives them. */
final class KafkaDeadLetters implements KafkaRecordSerializationSchema<DeadLetter> {
    private static final long serialVersionUID = 1;
    private final String topic;

    KafkaDeadLetters(String topic) {
        this.topic = topic;
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(DeadLetter letter, KafkaSinkContext context, Long timestamp) {
        ProducerRecord<byte[], byte[]> record =
            new ProducerRecord<>(topic, null, Math.max(letter.timestampMs, 0), letter.key, letter.payload);
        Headers headers = record.headers();

        add(headers, "weir-topic", letter.source.topic);
        add(headers, "weir-partition", Integer.toString(letter.source.partition));
        add(headers, "weir-offset", Long.toString(letter.index));
        headers.add(new RecordHeader("weir-key", letter.key));
        add(headers, "weir-reason", letter.message);
        add(headers, "weir-code", letter.code);
        add(headers, "weir-attempt", "1");
        return record;
    }

    private static void add(Headers headers, String name, String text) {
        headers.add(new RecordHeader(name, text.getBytes(StandardCharsets.UTF_8)));
    }
}
