// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The job's configuration and files, and what becomes of librdkafka's names. */
class JobTest {
    @TempDir
    Path root;

    private static Settings settings(String... lines) throws IOException {
        return Settings.read(new ByteArrayInputStream(String.join("\n", lines).getBytes(StandardCharsets.UTF_8)),
            "test");
    }

    private static String refusal(String... lines) throws IOException {
        Settings settings = settings(lines);

        return assertThrows(IllegalArgumentException.class, () -> KafkaProperties.of(settings)).getMessage();
    }

    @Test
    void names_of_librdkafka_become_the_java_clients() throws IOException {
        Path ca = Files.writeString(root.resolve("ca.pem"), "CA");
        Properties found = KafkaProperties.of(settings("kafka.bootstrap.servers=a:1",
            "kafka.security.protocol=sasl_ssl",
            "kafka.sasl.mechanism=SCRAM-SHA-512", "kafka.sasl.username=me", "kafka.sasl.password=it\"s",
            "kafka.ssl.ca.location=" + ca,
            "kafka.queued.min.messages=5", "kafka.linger.ms=7", "flink.kafka.linger.ms=8"));

        assertEquals("SASL_SSL", found.get("security.protocol"));
        assertEquals("org.apache.kafka.common.security.scram.ScramLoginModule required username=\"me\" "
            + "password=\"it\\\"s\";",
            found.get("sasl.jaas.config"));
        assertEquals("CA", found.get("ssl.truststore.certificates"));
        assertEquals("PEM", found.get("ssl.truststore.type"));
        assertEquals("8", found.get("linger.ms"));
        assertFalse(found.containsKey("queued.min.messages"));
    }

    @Test
    void what_has_no_counterpart_is_named() throws IOException {
        assertTrue(refusal("kafka.bootstrap.servers=a:1", "kafka.ssl.providers=legacy")
            .startsWith("kafka.ssl.providers has no counter"));
        assertTrue(refusal("kafka.linger.ms=5").startsWith("kafka.bootstrap.servers is not set"));
        assertTrue(refusal("kafka.bootstrap.servers=a:1", "kafka.sasl.username=me", "kafka.sasl.mechanism=PLAIN")
            .contains("belong together"));
        assertTrue(refusal("kafka.bootstrap.servers=a:1", "kafka.ssl.ca.location=/nowhere")
            .contains("'/nowhere' cannot be read"));
    }

    @Test
    void secrets_are_filled_in_when_they_are_asked_for() throws IOException {
        Path file = Files.writeString(root.resolve("secret"), "s3cret\n");
        Settings settings = settings("a=${file:" + file + "}!", "b=$${file:x}", "c=${env:WEIR_NO_SUCH_VARIABLE}");

        assertEquals("s3cret!", settings.text("a", ""));
        assertEquals("${file:x}", settings.text("b", ""));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> settings.text("c", "")).getMessage()
            .contains("'WEIR_NO_SUCH_VARIABLE'"));
        settings.set("kafka.sasl.password", "${env:X}");
        assertEquals("${env:X}", settings.overrides().get("kafka.sasl.password"));
    }

    @Test
    void a_property_of_flinks_section_that_is_unknown_or_out_of_range_is_refused() throws IOException {
        assertTrue(assertThrows(IllegalArgumentException.class, () -> settings("flink.worker-key=1")).getMessage()
            .contains("'flink.worker-key' is no property of weir's"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> settings("flink.worker-keys=0")).getMessage()
            .contains("out of range"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> settings("flink.bounded=yes")).getMessage()
            .contains("'yes' is neither true nor false"));
        assertTrue(assertThrows(IllegalArgumentException.class, () -> settings("flink.topic-made-anew=go")).getMessage()
            .contains("'go' is none of fail, begin"));
    }

    @Test
    void what_is_not_set_is_as_the_table_says() throws IOException {
        Settings settings = settings("flink.worker-keys=");

        assertEquals(200_000, settings.number("flink.worker-keys"));
        assertEquals(3_153_600_000_000L, Property.find("flink.state-gc-ms").most);
        assertEquals(30_000, settings.number("calls.stop-timeout-ms"));
        assertFalse(settings.truth("flink.bounded"));
        assertEquals("fail", settings.text("input.on-error"));
        assertEquals("", settings.text("flink.work-dir"));
    }

    @Test
    void flinks_agent_block_goes_to_the_worker() throws IOException {
        Settings settings = settings("a=b");

        WeirJob.takeFlinksOwn(Map.of("agent.kafkaActionStateTopic", "x", "actionStateStoreBackend", "kafka",
            "rest.port", "1"), settings);
        assertEquals(Map.of("kafkaActionStateTopic", "x", "actionStateStoreBackend", "kafka"), settings.beneath());
        WeirJob.override(settings, new String[] { "--set", "output.topic=y", "--set=flink.bounded=true" });
        assertEquals(Map.of("output.topic", "y"), settings.overrides());
        assertTrue(settings.truth("flink.bounded"));
        assertThrows(IllegalArgumentException.class, () -> WeirJob.override(settings, new String[] { "--bounded" }));
    }

    @Test
    void a_made_key_is_the_workers() {
        /* As src/base/uuid.c makes it: python3 -c "import uuid; print(uuid.uuid5(uuid.UUID(NAME_SPACE), 'a/0/7'))" */
        assertEquals("913b3517-1bec-56e0-bd7c-b79ac2d41654", new RunIds().keyOf(new Source("a/0", "t", 0), 7)
            .toString());
    }

    @Test
    void files_are_unpacked_once_and_made_anew_when_one_is_gone() throws IOException {
        JobFiles files = new JobFiles(JobFolder.make(root, Map.of()).toString());
        String work = root.resolve("work").toString();
        JobFiles.Unpacked first = files.unpack(work, getClass().getClassLoader());
        JobFiles.Unpacked second = files.unpack(work, getClass().getClassLoader());

        assertEquals(first.folder, second.folder);
        assertTrue(Files.isExecutable(first.binary));
        Files.delete(first.binary);
        files.unpack(work, getClass().getClassLoader());
        assertTrue(Files.isExecutable(first.binary));
        try (java.util.stream.Stream<Path> left = Files.list(Path.of(work))) {
            assertEquals(1, left.count());
        }
    }

    @Test
    void a_binary_that_cannot_run_says_why() throws IOException {
        Path folder = Files.createDirectories(root.resolve("job/bin"));
        Path binary = Files.write(folder.resolve("job"), new byte[] { 0x7F, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 2, 0,
            (byte) 183, 0 });
        Path plain = Files.writeString(folder.resolve("plain"), "x");

        assertTrue(WorkerFailure.ofStart(binary, new IOException("error=8, Exec format error")).getMessage()
            .contains("it is for aarch64, and this machine is"));
        assertTrue(assertThrows(WorkerFailure.class, () -> WorkerFailure.checkMachine(binary)).getMessage()
            .contains("it is for aarch64"));
        assertTrue(WorkerFailure.ofStart(binary, new IOException("error=2, No such file or directory")).getMessage()
            .contains("it needs glibc"));
        Files.setPosixFilePermissions(binary, java.nio.file.attribute.PosixFilePermissions.fromString("rwx------"));
        assertTrue(WorkerFailure.ofStart(binary, new IOException("error=13, Permission denied")).getMessage()
            .contains("noexec"));
        assertTrue(WorkerFailure.ofStart(plain, new IOException("Exec failed, error: 8 (x)")).getMessage()
            .contains("no program of Linux"));
    }

    @Test
    void a_row_is_an_object_of_its_columns() {
        Row row = Row.withNames(RowKind.INSERT);

        row.setField("name", "a\"b\n");
        row.setField("amount", new BigDecimal("12.50"));
        row.setField("whole", new BigDecimal("12"));
        row.setField("day", LocalDate.of(2026, 1, 31));
        row.setField("bytes", new byte[] { 1 });
        row.setField("list", new Object[] { 1, null, true, 1.5 });
        assertEquals("{\"amount\":\"12.50\",\"bytes\":{\"$bytes\":\"AQ==\"},\"day\":\"2026-01-31\","
            + "\"list\":[1,null,true,1.5],"
            + "\"name\":\"a\\\"b\\u000a\",\"whole\":12}", RowJson.print(row));
    }
}
