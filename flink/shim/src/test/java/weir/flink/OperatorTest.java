// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.CloseableIterator;
import org.apache.flink.util.Collector;
import org.apache.flink.util.ExceptionUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bounded streams through the operator, on a cluster in this JVM, with the fake worker. */
class OperatorTest {
    @TempDir
    Path root;

    /** No worker is left, whatever happened. */
    @AfterEach
    void noWorkerIsLeft() {
        assertFalse(ProcessHandle.current().children().anyMatch(ProcessHandle::isAlive), "a worker is left");
    }

    private Weir job(String... settings) throws Exception {
        Weir job = Weir.job(JobFolder.make(root, Map.of()).toString());

        for (int i = 0; i < settings.length; i += 2) {
            job.set(settings[i], settings[i + 1]);
        }
        return job;
    }

    private static StreamExecutionEnvironment environment(String restarts) {
        Configuration configuration = new Configuration();

        configuration.setString("restart-strategy.type", restarts);
        configuration.setString("restart-strategy.fixed-delay.attempts", "3");
        configuration.setString("restart-strategy.fixed-delay.delay", "100 ms");
        configuration.setString("execution.checkpointing.interval", "100 ms");
        configuration.setString("pipeline.generic-types", "false");
        return StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    }

    private interface Key extends org.apache.flink.api.java.functions.KeySelector<String, String>, Serializable { }

    private static SingleOutputStreamOperator<WeirOutput> outputs(StreamExecutionEnvironment environment, Weir job,
        List<String> lines) {
        DataStream<String> stream = environment.fromData(lines, Types.STRING).setParallelism(1);

        return job.apply(stream, (Key) line -> line.substring(0, line.indexOf(' ')), line -> "\"" + line + "\"");
    }

    private static Map<String, List<String>> run(Weir job, List<String> lines, String restarts) throws Exception {
        Map<String, List<String>> byKey = new HashMap<>();

        try (CloseableIterator<WeirOutput> found = outputs(environment(restarts), job, lines).executeAndCollect()) {
            while (found.hasNext()) {
                WeirOutput output = found.next();
                byKey.computeIfAbsent(output.key(), key -> new ArrayList<>()).add(output.value());
            }
        }
        return byKey;
    }

    private static List<String> lines(int count, int keys) {
        return IntStream.range(0, count).mapToObj(i -> "key" + i % keys + " " + i).collect(Collectors.toList());
    }

    private static void assertCounted(Map<String, List<String>> found, List<String> lines) {
        Map<String, List<String>> expected = new HashMap<>();

        for (String line : lines) {
            List<String> of = expected.computeIfAbsent(line.substring(0, line.indexOf(' ')), key -> new ArrayList<>());
            of.add("{\"count\": " + (of.size() + 1) + ", \"input\": \"" + line + "\"}");
        }
        assertEquals(expected, found);
    }

    private String failure(Weir job, String... lines) {
        Throwable thrown = assertThrows(Exception.class, () -> run(job, List.of(lines), "none"));

        return ExceptionUtils.stringifyException(thrown);
    }

    @Test
    void each_input_is_counted_once_and_in_order() throws Exception {
        List<String> lines = lines(20_000, 97);

        assertCounted(run(job(), lines, "none"), lines);
    }

    @Test
    void a_key_that_is_forgotten_is_told_again_from_state() throws Exception {
        List<String> lines = lines(5_000, 500);

        assertCounted(run(job("flink.worker-keys", "7"), lines, "none"), lines);
    }

    @Test
    void few_inputs_in_flight_are_enough() throws Exception {
        List<String> lines = lines(2_000, 13);

        assertCounted(run(job("flink.inputs-in-flight", "3"), lines, "none"), lines);
    }

    @Test
    void a_worker_that_dies_is_started_again_and_nothing_is_lost() throws Exception {
        List<String> lines = lines(3_000, 31);

        lines.set(1_500, "key5 die:" + root.resolve("died"));
        assertCounted(run(job(), lines, "none"), lines);
    }

    @Test
    void a_worker_that_may_not_be_started_again_fails_the_task_which_restarts() throws Exception {
        List<String> lines = lines(3_000, 31);

        lines.set(1_500, "key5 die:" + root.resolve("died"));
        assertTrue(failure(job("flink.worker-restarts", "0"), lines.toArray(new String[0])).contains("exit status 9"));
        lines.set(1_500, "key5 die:" + root.resolve("died-again"));
        assertEquals(31, run(job("flink.worker-restarts", "0"), lines, "fixed-delay").size());
    }

    @Test
    void a_run_that_fails_names_its_input() throws Exception {
        String failure = failure(job(), "key1 good", "key1 fail");

        assertTrue(failure.contains("/1': asked for fail (WEIR_FAILED)"), failure);
    }

    @Test
    void dead_letters_come_out_at_the_side() throws Exception {
        StreamExecutionEnvironment environment = environment("none");
        SingleOutputStreamOperator<WeirOutput> outputs = outputs(environment, job(),
            List.of("a 1", "a dead", "a skip", "a 2"));
        List<String> letters = new ArrayList<>();
        CloseableIterator<DeadLetter> side = outputs.getSideOutput(Weir.DEAD_LETTERS).collectAsync();
        CloseableIterator<WeirOutput> made = outputs.collectAsync();
        JobExecutionResult result;

        org.apache.flink.core.execution.JobClient client = environment.executeAsync();
        side.forEachRemaining(letter -> letters.add(letter.payloadText() + " " + letter.code()));
        List<String> values = new ArrayList<>();
        made.forEachRemaining(output -> values.add(output.value()));
        result = client.getJobExecutionResult().get();
        assertEquals(List.of("\"a dead\" WEIR_FAILED"), letters);
        assertEquals(List.of("{\"count\": 1, \"input\": \"a 1\"}", "{\"count\": 2, \"input\": \"a 2\"}"), values);
        assertEquals(1L, (long) result.<Long>getAccumulatorResult("weir.skipped"));
        assertEquals(4L, (long) result.<Long>getAccumulatorResult("weir.worker.runs_all"));
    }

    @Test
    void an_output_of_many_megabytes_passes() throws Exception {
        try (CloseableIterator<Integer> found = outputs(environment("none"), job(), List.of("a huge"))
            .map(output -> output.value().length()).returns(Types.INT).executeAndCollect()) {
            assertEquals((8 << 20) + 2, found.next());
        }
    }

    @Test
    void what_was_told_of_an_input_is_told_to_the_next_worker() throws Exception {
        List<String> lines = List.of("a keep", "b slow:300", "b die:" + root.resolve("died"));
        List<String> keys = new ArrayList<>();

        /* One worker for all keys: it is the one that dies. */
        try (CloseableIterator<WeirOutput> found = outputs(environment("none"), job(), lines).setParallelism(1)
            .executeAndCollect()) {
            found.forEachRemaining(output -> keys.add(output.key()));
        }
        keys.sort(null);
        assertEquals(List.of("a", "b", "b"), keys);
    }

    @Test
    void runs_without_positions_are_numbered_per_key() throws Exception {
        Map<String, List<String>> ids = new HashMap<>();

        try (CloseableIterator<WeirOutput> found = outputs(environment("none"), job("flink.worker-keys", "2"),
            lines(200, 10)).executeAndCollect()) {
            found.forEachRemaining(output -> ids.computeIfAbsent(output.key(), key -> new ArrayList<>())
                .add(output.runId().substring(output.runId().indexOf('/') + 1)));
        }
        assertEquals(10, ids.size());
        ids.values().forEach(of -> assertEquals(IntStream.range(0, 20).mapToObj(Integer::toString)
            .collect(Collectors.toList()), of));
    }

    /** Says of each output whether time has passed it already. */
    private static final class Lateness extends ProcessFunction<WeirOutput, String> {
        private static final long serialVersionUID = 1;

        @Override
        public void processElement(WeirOutput output, Context context, Collector<String> out) {
            long now = context.timerService().currentWatermark();

            out.collect(context.timestamp() > now ? "in time" : "late: " + output + " at " + now);
        }
    }

    @Test
    void a_watermark_waits_for_the_runs_before_it() throws Exception {
        StreamExecutionEnvironment environment = environment("none");
        List<String> lines = lines(3_000, 40);
        List<String> found = new ArrayList<>();

        lines.set(5, "key5 slow:400");
        environment.getConfig().setAutoWatermarkInterval(1);
        DataStream<String> stream = environment.fromData(lines, Types.STRING).setParallelism(1)
            .assignTimestampsAndWatermarks(WatermarkStrategy.<String>forMonotonousTimestamps().withTimestampAssigner(
                (line, former) -> System.nanoTime() / 1000)).setParallelism(1);
        job().apply(stream, (Key) line -> line.substring(0, line.indexOf(' ')), line -> "\"" + line + "\"")
            .process(new Lateness()).returns(Types.STRING).executeAndCollect().forEachRemaining(found::add);
        assertEquals(3_000, found.size());
        found.forEach(said -> assertEquals("in time", said));
    }

    @Test
    void slow_runs_are_waited_for_at_the_end() throws Exception {
        assertEquals(3, run(job(), List.of("a slow:300", "b slow:200", "a 2"), "none").values().stream()
            .mapToInt(List::size).sum());
    }

    @Test
    void only_parked_runs_left_at_the_end_fail_the_job() throws Exception {
        String failure = failure(job(), "a 1", "a park", "a behind", "b 1");

        assertTrue(failure.contains("2 inputs are left at the end of the input, all parked or behind parked ones"),
            failure);
    }

    @Test
    void a_worker_that_exits_at_once_says_why() throws Exception {
        String failure = failure(job("fake.mode", "exit"), "a 1");

        assertTrue(failure.contains("the worker ended before it said hello, with exit status 127"), failure);
        assertTrue(failure.contains("libfake.so.1"), failure);
    }

    @Test
    void a_worker_that_hangs_is_killed_in_time() throws Exception {
        assertTrue(failure(job("fake.mode", "hang", "flink.worker-start-timeout-ms", "700"), "a 1")
            .contains("the worker said no hello within 700 ms (flink.worker-start-timeout-ms)"));
        /* Enough for its hello, on a machine that does much else. */
        assertTrue(failure(job("fake.mode", "hang-open", "flink.worker-start-timeout-ms", "5000"), "a 1")
            .contains("the worker was not ready within 5000 ms"));
    }

    @Test
    void rubbish_on_standard_output_is_shown() throws Exception {
        String failure = failure(job("fake.mode", "rubbish"), "a 1");

        assertTrue(failure.contains("wrote what is no frame to its standard output")
            && failure.contains("counting starts now"), failure);
        assertTrue(failure(job("fake.mode", "rubbish-later"), "a 1").contains("'hello, world."));
    }

    @Test
    void a_flood_on_standard_error_stops_nothing() throws Exception {
        assertCounted(run(job("fake.mode", "flood"), List.of("a 1"), "none"), List.of("a 1"));
    }

    @Test
    void what_a_worker_refuses_is_the_jobs_exception() throws Exception {
        assertTrue(failure(job("fake.mode", "fatal"), "a 1").contains("'xml' is none of json, string (WEIR_INVALID)"));
        assertTrue(failure(job("fake.mode", "wrong-version"), "a 1").contains("speaks version 7 of the protocol"));
    }

    @Test
    void a_worker_that_does_not_stop_is_killed() throws Exception {
        assertCounted(run(job("fake.mode", "mute-stop", "flink.worker-stop-timeout-ms", "100", "calls.stop-timeout-ms",
            "100"),
            List.of("a 1"), "none"), List.of("a 1"));
    }
}
