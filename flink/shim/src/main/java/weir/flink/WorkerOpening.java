// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** What HELLO and OPEN tell a worker of its subtask. */
final class WorkerOpening {
    int subtask;
    int parallelism;
    int maxParallelism;
    /** Inclusive; first > last: none. */
    int firstGroup = 1;
    int lastGroup;
    int attempt;
    boolean isRestored;
    String jobName = "";
    Map<String, String> settings = new TreeMap<>();
    /** Where the journal must be read from, per partition. */
    Map<Integer, Long> markers = new TreeMap<>();
    /** Of the action-state topic; 0: not known. */
    int partitions;

    byte[] hello(int longest) {
        FrameWriter out = new FrameWriter(64, longest);
        String version = WorkerOpening.class.getPackage().getImplementationVersion();

        out.begin(Frames.HELLO).u32(Frames.MAGIC).u16(Frames.LOWEST_VERSION).u16(Frames.HIGHEST_VERSION)
            .text("weir-flink " + (version == null ? "1" : version)).end();
        return Arrays.copyOf(out.data, out.size);
    }

    byte[] open(int longest) {
        FrameWriter out = new FrameWriter(256, longest);

        out.begin(Frames.OPEN).u32(subtask).u32(parallelism).u32(maxParallelism).u32(firstGroup).u32(lastGroup)
            .u32(attempt)
            .u8(isRestored ? 1 : 0).text(jobName).u32(settings.size());
        settings.forEach((name, value) -> out.text(name).text(value));
        out.u32(markers.size());
        markers.forEach((partition, position) -> out.u32(partition).i64(position));
        out.u32(partitions).end();
        return Arrays.copyOf(out.data, out.size);
    }
}
