// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * A packaged job, to be applied to streams of a Java program's own:
 *
 * <pre>{@code
 * SingleOutputStreamOperator<WeirOutput> counts =
 *     Weir.job().apply(words, word -> word.user, word -> "\"" + word.text + "\"");
 * counts.getSideOutput(Weir.DEAD_LETTERS).print();
 * }</pre>
 *
 * <p>Each record becomes one run of the job for its key. Records of a key are run in the order in which they arrive;
 * event times are kept, and watermarks wait for runs. For tables see {@link WeirTables}.
 */
public final class Weir {
    /** With {@code input.on-error: dlq}: inputs whose runs failed. */
    public static final OutputTag<DeadLetter> DEAD_LETTERS = AgentOperator.DEAD_LETTERS;

    private static final KeySelector<Input, Bytes> KEY = new KeyOfInput();

    private final JobFiles files;
    private final Settings settings;
    private String name;

    private Weir(JobFiles files) {
        this.files = files;
        try {
            this.settings = files.settings(loader());
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private static ClassLoader loader() {
        ClassLoader loader = Thread.currentThread().getContextClassLoader();

        return loader != null ? loader : Weir.class.getClassLoader();
    }

    /**
     * The job whose files the class path has: that of {@code job.jar}, given by {@code flink run -C}, in {@code lib/},
     * or merged into the program's own JAR.
     *
     * @return the job
     * @throws IllegalArgumentException there is none
     */
    public static Weir job() {
        return new Weir(new JobFiles(null));
    }

    /**
     * A job by the path of its JAR, or of a folder that holds {@code weir/}; for programs that use several.
     *
     * @param path there on the machine that submits the program, and on every TaskManager
     * @return the job
     * @throws IllegalArgumentException there is none
     */
    public static Weir job(String path) {
        return new Weir(new JobFiles(path));
    }

    /**
     * Sets a property over the job's configuration.
     *
     * @param property as in docs/CONFIGURATION.md
     * @param value as text
     * @return this
     */
    public Weir set(String property, String value) {
        settings.set(property, value);
        return this;
    }

    /**
     * Names the operator. State belongs to that name, so it stays the same for the life of the state; a program that
     * applies a job twice names each.
     *
     * @param operator a name; the default is {@code weir-agent}
     * @return this
     */
    public Weir named(String operator) {
        this.name = operator;
        return this;
    }

    /**
     * A record as JSON.
     *
     * @param <T> the record's type
     */
    @FunctionalInterface
    public interface ToJson<T> extends Serializable {
        /**
         * Makes the run's input of a record.
         *
         * @param record one of the stream's
         * @return JSON text; what is no JSON is refused when its run begins
         * @throws Exception it cannot be made: the job fails
         */
        String apply(T record) throws Exception;
    }

    /**
     * Where a record stands in its source, if it has a place that no other record ever has.
     *
     * @param <T> the record's type
     */
    @FunctionalInterface
    public interface Position<T> extends Serializable {
        /**
         * Names the place.
         *
         * @param record one of the stream's
         * @return the source, such as {@code topic-id/partition}, and the place in it
         * @throws Exception it cannot be told: the job fails
         */
        Place of(T record) throws Exception;
    }

    /** A place in a source. */
    public static final class Place {
        final Source source;
        final long index;

        /**
         * A place; run ids are made of both.
         *
         * @param source what the numbers count in; not empty
         * @param index  grows within the source
         */
        public Place(String source, long index) {
            this.source = new Source(source, "", -1);
            this.index = index;
        }
    }

    /**
     * Applies the job to a stream without positions: runs are numbered per key. If its source gives records of a key in
     * another order after a failure, what the job has recorded of them may not fit: a divergence, see flink/README.md.
     *
     * @param <T>   the records' type
     * @param input any stream
     * @param key   the key of a record, not null
     * @param json  the input of a record's run
     * @return the outputs, with the records' event times
     */
    public <T> SingleOutputStreamOperator<WeirOutput> apply(DataStream<T> input, KeySelector<T, String> key,
        ToJson<T> json) {
        return apply(input, key, json, null);
    }

    /**
     * Applies the job to a stream whose records have positions, such as topic, partition and offset: run ids are made
     * of them.
     *
     * @param <T>      the records' type
     * @param input    any stream
     * @param key      the key of a record, not null
     * @param json     the input of a record's run
     * @param position where a record stands
     * @return the outputs, with the records' event times
     */
    public <T> SingleOutputStreamOperator<WeirOutput> apply(DataStream<T> input, KeySelector<T, String> key,
        ToJson<T> json,
        Position<T> position) {
        String operator = name == null ? "weir-agent" : name;
        String agents = String.join(", ", settings.list("weir.agent-names"));
        /* As many as the stream has: with more or fewer, records of a key would overtake each other on the way. */
        DataStream<Input> inputs = input.process(new ToInput<>(operator, key, json, position), InputType.INSTANCE)
            .setParallelism(input.getParallelism()).name(operator + " input").uid(operator + "-input");

        return agents(inputs, agents.isEmpty() ? operator : agents, operator, files, settings.copy());
    }

    static SingleOutputStreamOperator<WeirOutput> agents(DataStream<Input> inputs, String name, String uid,
        JobFiles files,
        Settings settings) {
        return inputs.keyBy(KEY, BytesType.INSTANCE)
            .transform(name, new OutputSerializer.Type(), new WorkerOperatorFactory<>(AgentOperator.class,
                AgentOperator::new, files, settings)).uid(uid);
    }

    private static final class KeyOfInput implements KeySelector<Input, Bytes> {
        private static final long serialVersionUID = 1;

        @Override
        public Bytes getKey(Input input) {
            return input.key;
        }
    }

    private static final class ToInput<T> extends ProcessFunction<T, Input> {
        private static final long serialVersionUID = 1;
        private final String operator;
        private final KeySelector<T, String> keyOf;
        private final ToJson<T> json;
        private final Position<T> position;
        private transient RunIds runIds;

        ToInput(String operator, KeySelector<T, String> keyOf, ToJson<T> json, Position<T> position) {
            this.operator = operator;
            this.keyOf = keyOf;
            this.json = json;
            this.position = position;
        }

        @Override
        public void processElement(T record, Context context, Collector<Input> out) throws Exception {
            Input input = new Input();
            String key = keyOf.getKey(record);
            String value = json.apply(record);

            if (key == null) {
                throw new IllegalArgumentException(operator + ": the key of a record is null");
            }
            input.key = Bytes.of(key);
            input.payload = value == null ? null : value.getBytes(StandardCharsets.UTF_8);
            input.timestampMs = context.timestamp() == null ? Input.NO_TIME : context.timestamp();
            input.flags = Input.IS_JSON;
            if (position == null) {
                if (runIds == null) {
                    runIds = new RunIds();
                }
                input.flags |= Input.HAS_NO_POSITION;
                input.source = new Source(operator + ":" + runIds.uuid(input.key.array), "", -1);
            } else {
                Place place = position.of(record);

                input.source = place.source;
                input.index = place.index;
            }
            out.collect(input);
        }
    }
}
