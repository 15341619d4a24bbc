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
 * Metrics of the operator, in the group {@code weir}, and of its worker, in the group {@code weir.worker}. Counters are
 * accumulators as well, under {@code weir.NAME} and {@code weir.worker.NAME}: they are part of a finished job's result.
 * Names keep letters, digits, `_`, `-` and `.`; all else becomes `_`.
 */
final class WorkerMetrics {
    private static final int MOST = 1000;

    private final MetricGroup group;
    private final MetricGroup workers;
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
        this.workers = group.addGroup("worker");
        this.context = context;
    }

    private static String plain(String name) {
        return name.replaceAll("[^A-Za-z0-9_.-]", "_");
    }

    /** One of the operator's own. */
    Total counter(String name) {
        return counter(group, "weir.", name);
    }

    private Total counter(MetricGroup in, String prefix, String name) {
        String full = prefix + plain(name);
        /* Two operators in one chain share a context. */
        LongCounter accumulator = (LongCounter) context.<Long, Long>getAccumulator(full);

        if (accumulator == null) {
            accumulator = new LongCounter();
            context.addAccumulator(full, accumulator);
        }
        return new Total(in.counter(plain(name)), accumulator);
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
                totals.computeIfAbsent(name, key -> counter(workers, "weir.worker.", key)).tell(value);
            } else {
                levels.computeIfAbsent(name, key -> workers.gauge(plain(key), new Level())).value = value;
            }
        }
        frame.end();
    }

    /** Another worker begins to count at 0. */
    void startAgain() {
        totals.values().forEach(total -> total.told = 0);
    }
}
