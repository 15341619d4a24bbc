// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * What {@code flink run job.jar} runs: Kafka in, the job's agents, Kafka out, exactly once. {@code --set name=value}
 * after the JAR's name goes over the packaged configuration.
 */
public final class WeirJob {
    /** Names of Flink Agents that stand in Flink's configuration without a section. */
    private static final List<String> PEER_NAMES = Arrays.asList("actionStateStoreBackend", "kafkaBootstrapServers",
        "kafkaActionStateTopic", "kafkaActionStateTopicNumPartitions", "kafkaActionStateTopicReplicationFactor",
        "job-identifier",
        "short-term-memory.state-ttl.ms", "short-term-memory.state-ttl.update-type",
        "short-term-memory.state-ttl.visibility");

    private WeirJob() {
    }

    /**
     * Builds the job and submits it.
     *
     * @param arguments {@code --set name=value}, repeated
     * @throws Exception the job cannot be built, or has failed
     */
    public static void main(String[] arguments) throws Exception {
        JobFiles files = new JobFiles(null);
        Settings settings = files.settings(Thread.currentThread().getContextClassLoader());
        StreamExecutionEnvironment environment;

        override(settings, arguments);
        environment = environment(settings);
        build(environment, files, settings);
        environment.execute(nameOf(settings));
    }

    /* The configuration's, or the one that the job's code gives. */
    private static String nameOf(Settings settings) {
        String named = settings.text("job.name");

        return named.isEmpty() ? settings.required("weir.job-name", "`JOB package` writes it; or set job.name") : named;
    }

    static void override(Settings settings, String[] arguments) {
        for (int i = 0; i < arguments.length; i++) {
            String pair;

            if (arguments[i].startsWith("--set=")) {
                pair = arguments[i].substring(6);
            } else if (arguments[i].equals("--set") && i + 1 < arguments.length) {
                pair = arguments[++i];
            } else {
                throw new IllegalArgumentException("'" + arguments[i]
                    + "' is unknown here; after the JAR's name stands --set NAME=VALUE");
            }
            int at = pair.indexOf('=');
            if (at < 1) {
                throw new IllegalArgumentException("--set " + pair + ": NAME=VALUE is expected");
            }
            settings.set(pair.substring(0, at), pair.substring(at + 1));
        }
    }

    /* What the cluster or the command line says of checkpoints holds; where it says nothing there are some all the
     * same, since no output of a transactional sink is visible without. */
    private static StreamExecutionEnvironment environment(Settings settings) {
        ReadableConfig given = StreamExecutionEnvironment.getExecutionEnvironment().getConfiguration();
        Map<String, String> all = ((Configuration) given).toMap();
        Configuration ours = new Configuration();

        if (!all.containsKey("execution.checkpointing.interval")) {
            ours.setString("execution.checkpointing.interval", settings.number("flink.checkpoint-interval-ms") + " ms");
        }
        /* Two spellings over the versions; the cluster's own is kept. */
        if (!all.containsKey("execution.checkpointing.externalized-checkpoint-retention")) {
            ours.setString("execution.checkpointing.externalized-checkpoint-retention", "RETAIN_ON_CANCELLATION");
        }
        if (!all.containsKey("pipeline.object-reuse")) {
            ours.setString("pipeline.object-reuse", "true");
        }
        /* State of a job that was restored is never dropped in silence, and no record goes by a serializer that nobody
         * chose. */
        ours.setString("pipeline.generic-types", "false");
        takeFlinksOwn(all, settings);
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment(ours);
        if (!"EXACTLY_ONCE".equals(all.getOrDefault("execution.checkpointing.mode", "EXACTLY_ONCE")
            .toUpperCase(java.util.Locale.ROOT))) {
            throw new IllegalArgumentException("execution.checkpointing.mode is "
                + all.get("execution.checkpointing.mode")
                + ": outputs would not be exactly once; set it to EXACTLY_ONCE");
        }
        return environment;
    }

    /**
     * The block {@code agent:} of Flink's configuration, and the peer's names beside it: for the worker, beneath the
     * job's own.
     */
    static void takeFlinksOwn(Map<String, String> flink, Settings settings) {
        for (Map.Entry<String, String> entry : flink.entrySet()) {
            if (entry.getKey().startsWith("agent.")) {
                settings.setBeneath(entry.getKey().substring("agent.".length()), entry.getValue());
            } else if (PEER_NAMES.contains(entry.getKey())) {
                settings.setBeneath(entry.getKey(), entry.getValue());
            }
        }
    }

    static void build(StreamExecutionEnvironment environment, JobFiles files, Settings settings) {
        String job = nameOf(settings);
        List<String> topics = settings.list("input.topics");
        String agents = String.join(", ", settings.list("weir.agent-names"));
        String outputTopic = settings.text("output.topic");
        String deadTopic = settings.text("output.dlq-topic");
        boolean hasDeadLetters = settings.text("input.on-error").equals("dlq");
        boolean isKeyed = settings.text("input.key-by").isEmpty();
        Properties kafka = KafkaProperties.of(settings);
        DataStream<DeadLetter> unkeyed = null;
        DataStream<Input> inputs;

        if (topics.isEmpty()) {
            throw new IllegalArgumentException("input.topics is not set: it names the topics that are read");
        }
        if (hasDeadLetters && deadTopic.isEmpty()) {
            throw new IllegalArgumentException("input.on-error is dlq, and output.dlq-topic names no topic");
        }
        inputs = environment.fromSource(source(kafka, topics, isKeyed, job, settings), watermarks(settings),
            "weir-input " + String.join(", ", new TreeSet<>(topics)), InputType.INSTANCE).uid("weir-input");
        if (!isKeyed) {
            SingleOutputStreamOperator<Input> keyed = inputs.transform("weir-key " + settings.text("input.key-by"),
                InputType.INSTANCE,
                new WorkerOperatorFactory<>(KeyOperator.class, KeyOperator::new, files, settings)).uid("weir-key");

            unkeyed = keyed.getSideOutput(KeyOperator.DEAD_LETTERS);
            inputs = keyed;
        }
        SingleOutputStreamOperator<WeirOutput> outputs = Weir.agents(inputs, agents.isEmpty() ? job : agents,
            "weir-agent", files, settings);
        if (!outputTopic.isEmpty()) {
            outputs.sinkTo(sink(kafka, job, "output", new KafkaWriter(outputTopic), settings))
                .name("weir-output " + outputTopic)
                .uid("weir-output");
        } else {
            outputs.sinkTo(new NoOutputs()).name("weir-output (output.topic is not set)").uid("weir-no-output");
        }
        if (hasDeadLetters) {
            DataStream<DeadLetter> letters = outputs.getSideOutput(AgentOperator.DEAD_LETTERS);

            if (unkeyed != null) {
                letters = letters.union(unkeyed);
            }
            letters.sinkTo(sink(kafka, job, "dlq", new KafkaDeadLetters(deadTopic), settings))
                .name("weir-dead-letters " + deadTopic)
                .uid("weir-dead-letters");
        }
    }

    private static WatermarkStrategy<Input> watermarks(Settings settings) {
        long idleMs = settings.number("flink.source-idle-ms");
        WatermarkStrategy<Input> strategy = WatermarkStrategy.forMonotonousTimestamps();

        return idleMs > 0 ? strategy.withIdleness(Duration.ofMillis(idleMs)) : strategy;
    }

    private static TopicSource source(Properties kafka, List<String> topics, boolean isKeyed, String job,
        Settings settings) {
        Properties properties = new Properties();
        KafkaSourceBuilder<Input> builder = KafkaSource.builder();
        KafkaReader records = new KafkaReader(kafka, new ArrayList<>(topics), isKeyed);

        properties.putAll(kafka);
        properties.put("isolation.level", "read_committed");
        properties.put("allow.auto.create.topics", "false");
        properties.putIfAbsent("client.id.prefix", job);
        builder.setProperties(properties).setTopics(new ArrayList<>(topics)).setGroupId(job)
            .setStartingOffsets(KafkaProperties.firstOffsets(settings))
            .setDeserializer(records);
        if (settings.truth("flink.bounded")) {
            builder.setBounded(OffsetsInitializer.latest());
        }
        return new TopicSource(builder.build(), records, settings.text("flink.topic-made-anew").equals("begin"));
    }

    private static <T> KafkaSink<T> sink(Properties kafka, String job, String what,
        KafkaRecordSerializationSchema<T> schema,
        Settings settings) {
        Properties properties = new Properties();

        properties.putAll(kafka);
        properties.putIfAbsent("compression.type", "lz4");
        properties.putIfAbsent("linger.ms", "5");
        properties.putIfAbsent("batch.size", "262144");
        properties.put("transaction.timeout.ms", Long.toString(settings.number("flink.transaction-timeout-ms")));
        return KafkaSink.<T>builder().setKafkaProducerConfig(properties).setRecordSerializer(schema)
            .setBootstrapServers(properties.getProperty("bootstrap.servers"))
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(job + "-" + what).build();
    }
}
