// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What stands under `kafka.` is librdkafka's; here it becomes the Java client's. What has no counterpart is an error
 * that names it, unless it only tunes librdkafka's own queues and threads, or says what weir decides anyway.
 * `flink.kafka.` goes to the Java client as it is, over all else.
 */
final class KafkaProperties {
    private static final Logger LOG = LoggerFactory.getLogger(KafkaProperties.class);

    /** librdkafka's name, and the Java client's. */
    private static final String[][] SAME = {
        { "bootstrap.servers", "bootstrap.servers" },
        { "metadata.broker.list", "bootstrap.servers" },
        { "client.id", "client.id" },
        { "client.rack", "client.rack" },
        { "client.dns.lookup", "client.dns.lookup" },
        { "sasl.mechanism", "sasl.mechanism" },
        { "sasl.mechanisms", "sasl.mechanism" },
        { "sasl.kerberos.service.name", "sasl.kerberos.service.name" },
        { "ssl.cipher.suites", "ssl.cipher.suites" },
        { "ssl.key.password", "ssl.key.password" },
        { "ssl.keystore.password", "ssl.keystore.password" },
        { "ssl.certificate.pem", "ssl.keystore.certificate.chain" },
        { "ssl.key.pem", "ssl.keystore.key" },
        { "ssl.ca.pem", "ssl.truststore.certificates" },
        { "socket.timeout.ms", "request.timeout.ms" },
        { "socket.send.buffer.bytes", "send.buffer.bytes" },
        { "socket.receive.buffer.bytes", "receive.buffer.bytes" },
        { "socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.ms" },
        { "connections.max.idle.ms", "connections.max.idle.ms" },
        { "reconnect.backoff.ms", "reconnect.backoff.ms" },
        { "reconnect.backoff.max.ms", "reconnect.backoff.max.ms" },
        { "retry.backoff.ms", "retry.backoff.ms" },
        { "retry.backoff.max.ms", "retry.backoff.max.ms" },
        { "metadata.max.age.ms", "metadata.max.age.ms" },
        { "metadata.recovery.strategy", "metadata.recovery.strategy" },
        { "metadata.recovery.rebootstrap.trigger.ms", "metadata.recovery.rebootstrap.trigger.ms" },
        { "fetch.wait.max.ms", "fetch.max.wait.ms" },
        { "fetch.min.bytes", "fetch.min.bytes" },
        { "fetch.max.bytes", "fetch.max.bytes" },
        { "max.partition.fetch.bytes", "max.partition.fetch.bytes" },
        { "fetch.message.max.bytes", "max.partition.fetch.bytes" },
        { "check.crcs", "check.crcs" },
        { "linger.ms", "linger.ms" },
        { "queue.buffering.max.ms", "linger.ms" },
        { "batch.size", "batch.size" },
        { "message.max.bytes", "max.request.size" },
        { "compression.type", "compression.type" },
        { "compression.codec", "compression.type" },
        { "max.in.flight", "max.in.flight.requests.per.connection" },
        { "max.in.flight.requests.per.connection", "max.in.flight.requests.per.connection" },
    };

    /** librdkafka's own tuning, or what weir and Flink decide: of no meaning here. */
    private static final Set<String> LEFT_OUT = new HashSet<>(Arrays.asList("queued.min.messages",
        "queued.max.messages.kbytes",
        "fetch.queue.backoff.ms", "fetch.error.backoff.ms", "statistics.interval.ms", "log_level", "debug",
        "log.thread.name",
        "log.connection.close", "topic.metadata.refresh.interval.ms", "topic.metadata.refresh.fast.interval.ms",
        "topic.metadata.refresh.sparse", "topic.metadata.propagation.max.ms", "socket.keepalive.enable",
        "socket.nagle.disable",
        "socket.max.fails", "broker.address.family", "broker.address.ttl", "broker.version.fallback",
        "api.version.request",
        "api.version.request.timeout.ms", "internal.termination.signal", "receive.message.max.bytes",
        "message.copy.max.bytes",
        "queue.buffering.max.messages", "queue.buffering.max.kbytes", "queue.buffering.backpressure.threshold",
        "batch.num.messages",
        "sticky.partitioning.linger.ms", "enable.sparse.connections", "consume.callback.max.messages",
        "compression.level",
        "auto.offset.reset", "group.id", "group.instance.id", "session.timeout.ms", "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "coordinator.query.interval.ms", "enable.auto.commit", "auto.commit.enable", "auto.commit.interval.ms",
        "enable.auto.offset.store", "isolation.level", "enable.idempotence", "acks", "request.required.acks", "retries",
        "message.send.max.retries", "transaction.timeout.ms", "enable.gapless.guarantee", "queuing.strategy",
        "partitioner",
        "partition.assignment.strategy", "group.protocol", "group.protocol.type", "enable.partition.eof",
        "delivery.report.only.error", "produce.offset.report", "offset.store.method", "allow.auto.create.topics",
        "log.queue"));

    private KafkaProperties() {
    }

    static Properties of(Settings settings) {
        Properties out = new Properties();
        Map<String, String> in = settings.beginningWith("kafka.");

        for (Map.Entry<String, String> entry : in.entrySet()) {
            add(out, entry.getKey(), entry.getValue(), in);
        }
        if (out.containsKey("ssl.keystore.certificate.chain") || out.containsKey("ssl.keystore.key")) {
            out.putIfAbsent("ssl.keystore.type", "PEM");
        }
        if (out.containsKey("ssl.truststore.certificates")) {
            out.putIfAbsent("ssl.truststore.type", "PEM");
        }
        /* librdkafka verifies host names unless told otherwise, as the Java client does. */
        out.putAll(settings.beginningWith("flink.kafka."));
        if (!out.containsKey("bootstrap.servers")) {
            throw new IllegalArgumentException("kafka.bootstrap.servers is not set: it says where the cluster is");
        }
        return out;
    }

    private static void add(Properties out, String name, String value, Map<String, String> in) {
        for (String[] pair : SAME) {
            if (pair[0].equals(name)) {
                out.put(pair[1], value);
                return;
            }
        }
        if (LEFT_OUT.contains(name)) {
            LOG.debug("kafka.{} is left out: it is of no meaning to the Java client, or decided by weir", name);
            return;
        }
        switch (name) {
        case "security.protocol":
            out.put(name, value.toUpperCase(Locale.ROOT));
            break;
        case "sasl.username":
        case "sasl.password":
            addLogin(out, in);
            break;
        case "ssl.ca.location":
            out.put("ssl.truststore.certificates", file(name, value));
            break;
        case "ssl.certificate.location":
            out.put("ssl.keystore.certificate.chain", file(name, value));
            break;
        case "ssl.key.location":
            out.put("ssl.keystore.key", file(name, value));
            break;
        case "ssl.keystore.location":
            out.put("ssl.keystore.type", "PKCS12");
            out.put(name, value);
            break;
        case "ssl.endpoint.identification.algorithm":
            out.put(name, value.equals("none") ? "" : value);
            break;
        case "enable.ssl.certificate.verification":
            if (!value.equals("true")) {
                throw new IllegalArgumentException("kafka." + name + ": the Java client cannot leave verification out");
            }
            break;
        default:
            throw new IllegalArgumentException("kafka." + name
                + " has no counterpart in the Java client, which Flink reads and writes by;"
                + " remove it for Flink, or say what is meant by flink.kafka.NAME, with the Java client's name");
        }
    }

    private static void addLogin(Properties out, Map<String, String> in) {
        String mechanism = in.getOrDefault("sasl.mechanism", in.getOrDefault("sasl.mechanisms", "GSSAPI"));
        String user = in.get("sasl.username");
        String password = in.get("sasl.password");
        String module;

        if (mechanism.equals("PLAIN")) {
            module = "org.apache.kafka.common.security.plain.PlainLoginModule";
        } else if (mechanism.startsWith("SCRAM-SHA-")) {
            module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        } else {
            throw new IllegalArgumentException("kafka.sasl.username: with kafka.sasl.mechanism " + mechanism
                + " the Java client needs flink.kafka.sasl.jaas.config");
        }
        if (user == null || password == null) {
            throw new IllegalArgumentException("kafka.sasl.username and kafka.sasl.password belong together");
        }
        out.put("sasl.jaas.config", module + " required username=\"" + quoted(user) + "\" password=\""
            + quoted(password) + "\";");
    }

    private static String quoted(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }

    private static String file(String name, String path) {
        try {
            return new String(Files.readAllBytes(Path.of(path)), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new IllegalArgumentException("kafka." + name + ": '" + path
                + "' cannot be read where flink run is called: "
                + e.getMessage(), e);
        }
    }

    /** Where a partition is read from that the job has not read yet. */
    static OffsetsInitializer firstOffsets(Settings settings) {
        String reset = settings.text("kafka.auto.offset.reset", "latest");

        switch (reset) {
        case "earliest":
        case "smallest":
        case "beginning":
            return OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST);
        case "latest":
        case "largest":
        case "end":
            return OffsetsInitializer.committedOffsets(OffsetResetStrategy.LATEST);
        case "error":
        case "none":
            return OffsetsInitializer.committedOffsets(OffsetResetStrategy.NONE);
        default:
            throw new IllegalArgumentException("kafka.auto.offset.reset: '" + reset
                + "' is none of earliest, latest, error");
        }
    }
}
