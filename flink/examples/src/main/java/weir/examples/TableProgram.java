// SPDX-License-Identifier: Apache-2.0
package weir.examples;

import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import weir.flink.Weir;
import weir.flink.WeirOutput;
import weir.flink.WeirTables;

/**
 * A job on a table: rows in, a table out, on which SQL goes on. Run with {@code flink run -C file:///path/of/job.jar -c
 * weir.examples.TableProgram weir-flink-examples.jar [QUERY [COLUMN]]}.
 */
public final class TableProgram {
    private TableProgram() {
    }

    /**
     * Builds the program and runs it.
     *
     * @param arguments a query for the input and the column that is the key; none: three rows, by user
     * @throws Exception it failed
     */
    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
        String query = arguments.length > 0 ? arguments[0]
            : "SELECT * FROM (VALUES ('ann', 3, DATE '2026-01-31'), ('bob', 5, CAST(NULL AS DATE)), ('ann', 4, "
            + "CAST(NULL AS DATE)))"
                + " AS t (name, amount, since)";
        Table input = tables.sqlQuery(query);
        DataStream<WeirOutput> outputs = WeirTables.apply(tables, Weir.job().named("rows"), input, arguments.length > 1
            ? arguments[1]
            : "name");

        tables.createTemporaryView("outputs", WeirTables.table(tables, outputs));
        tables.executeSql("SELECT key, CHAR_LENGTH(`value`) AS size, `value` FROM outputs").print();
    }
}
