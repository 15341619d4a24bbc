// SPDX-License-Identifier: Apache-2.0
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The keyed count in Kafka Streams: exactly-once v2, one thread, a RocksDB store with its changelog. A processor, not a
 * KTable: a table's cache would swallow outputs, and each input is to have one; the store's writes are cached, or not.
 *
 * <p>KeyedCount BROKERS IN OUT APPLICATION STATE_DIR COMMIT_MS CACHE_BYTES [NAME=VALUE of the main consumer]... until
 * SIGTERM
 */
public final class KeyedCount {
    private static final String STORE = "counts";

    private KeyedCount() {}

    private static final class Counter implements Processor<byte[], byte[], byte[], byte[]> {
        private final ObjectMapper mapper = new ObjectMapper();
        private ProcessorContext<byte[], byte[]> context;
        private KeyValueStore<String, Long> counts;

        @Override
        public void init(ProcessorContext<byte[], byte[]> given) {
            context = given;
            counts = given.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            JsonNode value;
            try {
                value = mapper.readTree(record.value());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            String key = value.get("key").textValue();
            Long before = counts.get(key);
            long count = before == null ? 1 : before + 1;
            counts.put(key, count);
            String output = "{\"key\":\"" + key + "\",\"count\":" + count + "}";
            context.forward(record.withValue(output.getBytes(StandardCharsets.UTF_8)));
        }
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length < 7) {
            System.err.println("usage: KeyedCount BROKERS IN OUT APPLICATION STATE_DIR COMMIT_MS CACHE_BYTES ...");
            System.exit(2);
        }
        boolean isCached = Long.parseLong(args[6]) > 0;
        Properties properties = new Properties();
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, args[3]);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, args[4]);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, args[5]);
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, args[6]);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "1");
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        properties.put(StreamsConfig.mainConsumerPrefix("auto.offset.reset"), "earliest");
        for (int i = 7; i < args.length; i++) {
            int split = args[i].indexOf('=');
            properties.put(StreamsConfig.mainConsumerPrefix(args[i].substring(0, split)), args[i].substring(split + 1));
        }

        StoreBuilder<KeyValueStore<String, Long>> store = Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.Long());
        store = isCached ? store.withCachingEnabled() : store.withCachingDisabled();
        Topology topology = new Topology();
        topology.addSource("in", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), args[1])
            .addProcessor("count", Counter::new, "in")
            .addStateStore(store, "count")
            .addSink("out", args[2], Serdes.ByteArray().serializer(), Serdes.ByteArray().serializer(), "count");

        CountDownLatch stopped = new CountDownLatch(1);
        KafkaStreams streams = new KafkaStreams(topology, properties);
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(Duration.ofSeconds(20));
            stopped.countDown();
        }));
        streams.start();
        stopped.await();
    }
}
