// SPDX-License-Identifier: Apache-2.0
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * The keyed count as one writes it in Java: a KeyedProcessFunction with a ValueState, Jackson, Kafka in and out, exactly
 * once. {@code PlainCount BROKERS IN OUT GROUP}
 */
public final class PlainCount {
    private PlainCount() {
    }

    /** Key and payload of a record. */
    public static final class Reader implements KafkaRecordDeserializationSchema<Tuple2<String, byte[]>> {
        private static final long serialVersionUID = 1;

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Tuple2<String, byte[]>> out) {
            out.collect(Tuple2.of(new String(record.key(), StandardCharsets.UTF_8), record.value()));
        }

        @Override
        public TypeInformation<Tuple2<String, byte[]>> getProducedType() {
            return Types.TUPLE(Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE));
        }
    }

    /** The count. */
    public static final class Count extends KeyedProcessFunction<String, Tuple2<String, byte[]>, Tuple2<String, byte[]>> {
        private static final long serialVersionUID = 1;
        private transient ValueState<Long> count;
        private transient ObjectMapper mapper;

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
            mapper = new ObjectMapper();
        }

        @Override
        public void processElement(Tuple2<String, byte[]> record, Context context, Collector<Tuple2<String, byte[]>> out)
            throws IOException {
            JsonNode value = mapper.readTree(record.f1);
            Long before = count.value();
            long now = before == null ? 1 : before + 1;
            ObjectNode output = mapper.createObjectNode();

            count.update(now);
            output.put("key", value.get("key").textValue());
            output.put("count", now);
            out.collect(Tuple2.of(record.f0, mapper.writeValueAsBytes(output)));
        }
    }

    /** Key and output of a record. */
    public static final class Writer implements KafkaRecordSerializationSchema<Tuple2<String, byte[]>> {
        private static final long serialVersionUID = 1;
        private final String topic;

        Writer(String topic) {
            this.topic = topic;
        }

        @Override
        public ProducerRecord<byte[], byte[]> serialize(Tuple2<String, byte[]> output, KafkaSinkContext context, Long timestamp) {
            return new ProducerRecord<>(topic, null, timestamp, output.f0.getBytes(StandardCharsets.UTF_8), output.f1);
        }
    }

    /** The job. */
    public static void main(String[] arguments) throws Exception {
        Configuration ours = new Configuration();
        Properties producing = new Properties();

        ours.setString("pipeline.object-reuse", "true");
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(ours);
        KafkaSource<Tuple2<String, byte[]>> source = KafkaSource.<Tuple2<String, byte[]>>builder()
            .setBootstrapServers(arguments[0]).setTopics(arguments[1]).setGroupId(arguments[3])
            .setProperty("isolation.level", "read_committed").setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new Reader()).build();

        /* As weir's sink has it by default. */
        producing.put("compression.type", "lz4");
        producing.put("linger.ms", "5");
        producing.put("batch.size", "262144");
        producing.put("transaction.timeout.ms", "600000");
        environment.fromSource(source, WatermarkStrategy.forMonotonousTimestamps(), "records").uid("records")
            .keyBy(record -> record.f0, Types.STRING).process(new Count()).returns(
                Types.TUPLE(Types.STRING, Types.PRIMITIVE_ARRAY(Types.BYTE))).name("count").uid("count")
            .sinkTo(KafkaSink.<Tuple2<String, byte[]>>builder().setBootstrapServers(arguments[0])
                .setKafkaProducerConfig(producing).setRecordSerializer(new Writer(arguments[2]))
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE).setTransactionalIdPrefix(arguments[3]).build())
            .name("counts").uid("counts");
        environment.execute("plain-count");
    }
}
