// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.functions.RuntimeContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;

/**
 * Metrics of the operator and of its worker, as Flink's, in the group {@code weir}. Counters are accumulators as well, under
 * {@code weir.NAME}: they are part of a finished job's result. Names keep letters, digits, `_`, `-` and `.`; all else becomes `_`.
 */
final class WorkerMetrics {
    private static final int MOST = 1000;

    private final MetricGroup group;
    private final RuntimeContext context;
    private final Map<String, Total> totals = new HashMap<>();
    private final Map<String, Level> levels = new HashMap<>();

    /** A counter that may be told its total: a worker's totals begin with 0 when it is started again. */
    static final class Total {
        private final Counter counter;
        private final LongCounter accumulator;
        private long told;

        private Total(Counter counter, LongCounter accumulator) {
            this.counter = counter;
            this.accumulator = accumulator;
        }

        void add(long more) {
            counter.inc(more);
            accumulator.add(more);
        }

        private void tell(long total) {
            if (total != told) {
                add(total < told ? total : total - told);
                told = total;
            }
        }
    }

    private static final class Level implements Gauge<Long> {
        private volatile long value;

        @Override
        public Long getValue() {
            return value;
        }
    }

    WorkerMetrics(MetricGroup parent, RuntimeContext context) {
        this.group = parent.addGroup("weir");
        this.context = context;
    }

    private static String plain(String name) {
        return name.replaceAll("[^A-Za-z0-9_.-]", "_");
    }

    Total counter(String name) {
        return totals.computeIfAbsent(name, key -> {
            /* Two operators in one chain share a context. */
            LongCounter accumulator = (LongCounter) context.<Long, Long>getAccumulator("weir." + plain(key));

            if (accumulator == null) {
                accumulator = new LongCounter();
                context.addAccumulator("weir." + plain(key), accumulator);
            }
            return new Total(group.counter(plain(key)), accumulator);
        });
    }

    void gauge(String name, Gauge<?> gauge) {
        group.gauge(name, gauge);
    }

    /** A METRICS frame. */
    void read(FrameReader frame) {
        int count = frame.count(13);

        for (int i = 0; i < count; i++) {
            int kind = frame.u8(1, "a metric's kind");
            String name = frame.text();
            long value = frame.i64();

            if (totals.size() + levels.size() >= MOST && !totals.containsKey(name) && !levels.containsKey(name)) {
                continue;
            }
            if (kind == 0) {
                counter(name).tell(value);
            } else {
                levels.computeIfAbsent(name, key -> group.gauge(plain(key), new Level())).value = value;
            }
        }
        frame.end();
    }

    /** Another worker begins to count at 0. */
    void startAgain() {
        totals.values().forEach(total -> total.told = 0);
    }
}
