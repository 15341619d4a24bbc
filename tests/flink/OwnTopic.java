// SPDX-License-Identifier: Apache-2.0
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.producer.ProducerRecord;
import weir.flink.Weir;
import weir.flink.WeirOutput;

/**
 * Reads a topic by itself, and tells the job nothing of positions; writes outputs exactly once. A record's value is
 * {@code KEY:JSON}. Arguments: the brokers, and a name: {@code NAME-in} is read, {@code NAME-out} written.
 */
public final class OwnTopic {
    private OwnTopic() {
    }

    /**
     * Builds the program and runs it.
     *
     * @param arguments brokers and name
     * @throws Exception it failed
     */
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        String brokers = arguments[0];
        String name = arguments[1];
        KafkaSource<String> source = KafkaSource.<String>builder().setBootstrapServers(brokers).setTopics(name + "-in")
            .setGroupId(name).setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new SimpleStringSchema()).build();
        KafkaSink<WeirOutput> sink = KafkaSink.<WeirOutput>builder().setBootstrapServers(brokers)
            .setRecordSerializer((output, context, timestampMs) -> new ProducerRecord<>(name + "-out",
                output.keyBytes(), output.valueBytes()))
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE).setProperty("transaction.timeout.ms", "60000")
            .setTransactionalIdPrefix(name).build();
        DataStream<String> records = environment.fromSource(source, WatermarkStrategy.noWatermarks(), "records")
            .uid("records");
        DataStream<WeirOutput> outputs = Weir.job().named("unplaced")
            .apply(records, OwnTopic::keyOf, OwnTopic::valueOf);

        outputs.sinkTo(sink).name("outputs").uid("outputs");
        environment.execute(name);
    }

    private static String keyOf(String record) {
        return record.substring(0, record.indexOf(':'));
    }

    private static String valueOf(String record) {
        return record.substring(record.indexOf(':') + 1);
    }
}
