// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Kafka's records as inputs, with the ids that they would have on the Kafka host: `TOPIC-ID/partition/offset`. */
final class KafkaReader implements KafkaRecordDeserializationSchema<Input> {
    private static final long serialVersionUID = 1;
    private final Properties properties;
    private final List<String> topics;
    /** Whether a key is needed here, or is found later, by `input.key-by`. */
    private final boolean isKeyed;

    private transient TopicIds ids;
    private transient Map<String, Map<Integer, Source>> sources;
    private transient Source last;
    private transient RunIds runIds;

    KafkaReader(Properties properties, List<String> topics, boolean isKeyed) {
        this.properties = properties;
        this.topics = topics;
        this.isKeyed = isKeyed;
    }

    /* On each start, not once for the job: a topic may have been made anew since. */
    @Override
    public void open(DeserializationSchema.InitializationContext context) throws IOException {
        ids = TopicIds.ask(properties, topics);
        sources = new HashMap<>();
        runIds = new RunIds();
    }

    /** As they were when this was opened. */
    TopicIds topics() {
        return ids;
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Input> out) {
        Input input = new Input();

        input.source = sourceOf(record);
        input.index = record.offset();
        input.timestampMs = record.timestamp();
        input.payload = record.value();
        if (record.key() != null) {
            input.key = Bytes.of(record.key());
        } else if (isKeyed) {
            input.key = runIds.keyOf(input.source, input.index);
            input.flags |= Input.HAS_MADE_KEY;
        }
        out.collect(input);
    }

    private Source sourceOf(ConsumerRecord<byte[], byte[]> record) {
        if (last == null || last.partition != record.partition() || !last.topic.equals(record.topic())) {
            last = sources.computeIfAbsent(record.topic(), topic -> new HashMap<>()).computeIfAbsent(record.partition(),
                partition -> new Source(ids.id(record.topic()) + "/" + partition, record.topic(), partition));
        }
        return last;
    }

    @Override
    public TypeInformation<Input> getProducedType() {
        return InputType.INSTANCE;
    }
}
