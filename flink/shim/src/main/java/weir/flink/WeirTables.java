// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;

/** A packaged job applied to tables: each row of an append-only table becomes one run. */
public final class WeirTables {
    private static final TypeInformation<Row> OUTPUT = Types.ROW_NAMED(new String[] { "key", "value", "run", "seq",
        "time_ms" },
        Types.STRING, Types.STRING, Types.STRING, Types.INT, Types.LONG);

    private WeirTables() {
    }

    /**
     * Applies a job to a table. The input of a run is its row as a JSON object of the columns. Event times are those of
     * the table's time attribute, if it has one. Runs are numbered per key, as a table has no positions.
     *
     * @param tables the table's environment
     * @param job    the job
     * @param table  one that only grows; one that takes rows back is refused by Flink
     * @param key    the column that is the key; text, or a value whose text is the key
     * @return the outputs
     */
    public static SingleOutputStreamOperator<WeirOutput> apply(StreamTableEnvironment tables, Weir job, Table table,
        String key) {
        if (!table.getResolvedSchema().getColumnNames().contains(key)) {
            throw new IllegalArgumentException("the table has no column '" + key + "', it has "
                + table.getResolvedSchema().getColumnNames());
        }
        return job.apply(tables.toDataStream(table), new Column(key), RowJson::print);
    }

    /**
     * The outputs as a table, with the columns {@code key}, {@code value} (JSON text), {@code run}, {@code seq} and
     * {@code time_ms}.
     *
     * @param tables  the environment that the table shall belong to
     * @param outputs what {@link #apply} gave
     * @return an append-only table
     */
    public static Table table(StreamTableEnvironment tables, DataStream<WeirOutput> outputs) {
        return tables.fromDataStream(outputs.map(output -> Row.of(output.key(), output.value(), output.runId(),
            output.number(),
            output.timestampMs())).returns(OUTPUT));
    }

    private static final class Column implements KeySelector<Row, String> {
        private static final long serialVersionUID = 1;
        private final String name;

        Column(String name) {
            this.name = name;
        }

        @Override
        public String getKey(Row row) {
            Object value = row.getField(name);

            if (value == null) {
                throw new IllegalArgumentException("column '" + name + "', which is the key, is null");
            }
            return value.toString();
        }
    }
}
