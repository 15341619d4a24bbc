// SPDX-License-Identifier: Apache-2.0
package weir.examples;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import weir.flink.Weir;
import weir.flink.WeirOutput;

/**
 * A job on a DataStream of the program's own. Prints each output as {@code KEY VALUE}. Run with {@code flink run -C
 * file:///path/of/job.jar weir-flink-examples.jar [TEXT...]}; each TEXT is {@code KEY:JSON}.
 */
public final class StreamProgram {
    private StreamProgram() {
    }

    /**
     * Builds the program and runs it.
     *
     * @param arguments the records; none: three of them
     * @throws Exception it failed
     */
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        List<String> records = new ArrayList<>(List.of(arguments));

        if (records.isEmpty()) {
            records.addAll(List.of("ann:\"tea\"", "bob:\"tea\"", "ann:\"milk\""));
        }
        DataStream<String> lines = environment.fromData(records, Types.STRING).setParallelism(1)
            .assignTimestampsAndWatermarks(WatermarkStrategy.<String>forMonotonousTimestamps()
                .withTimestampAssigner((record, former) -> 1_000_000L + record.length()));
        DataStream<WeirOutput> outputs = Weir.job().named("orders")
            .apply(lines, StreamProgram::keyOf, StreamProgram::valueOf);

        outputs.map(output -> output.key() + " " + output.value()).returns(Types.STRING).print();
        environment.execute("weir on a DataStream");
    }

    private static String keyOf(String record) {
        return record.substring(0, record.indexOf(':'));
    }

    private static String valueOf(String record) {
        return record.substring(record.indexOf(':') + 1);
    }
}
