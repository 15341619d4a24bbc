// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;

/**
 * What each subtask writes of itself into union list state, and all of them together after a restore. Format 1,
 * big-endian:
 * <pre>
 * u8 format   i32 maximum parallelism   i32 partitions, -1: not known
 * i32 count, of markers {i32 partition, i64 position; -1: from the start}
 * </pre>
 */
final class SavedFacts {
    private static final int FORMAT = 1;
    static final long FROM_START = -1;

    int maxParallelism;
    /** Of the action-state topic; 0: there is none; -1: not known, the worker was not ready. */
    int partitions = -1;
    final TreeMap<Integer, Long> markers = new TreeMap<>();

    byte[] write() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            out.writeInt(maxParallelism);
            out.writeInt(partitions);
            out.writeInt(markers.size());
            for (Map.Entry<Integer, Long> marker : markers.entrySet()) {
                out.writeInt(marker.getKey());
                out.writeLong(marker.getValue());
            }
        } catch (IOException e) {
            throw new IllegalStateException(e); /* memory does not fail that way */
        }
        return bytes.toByteArray();
    }

    static SavedFacts read(byte[] written) throws IOException {
        SavedFacts facts = new SavedFacts();

        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(written))) {
            int format = in.readUnsignedByte();
            if (format != FORMAT) {
                throw new IOException("the operator's state is of format " + format
                    + ", this weir-flink.jar reads format " + FORMAT
                    + "; restore it with the version that wrote it");
            }
            facts.maxParallelism = in.readInt();
            facts.partitions = in.readInt();
            int count = in.readInt();
            for (int i = 0; i < count; i++) {
                int partition = in.readInt();
                facts.markers.put(partition, in.readLong());
            }
        }
        return facts;
    }

    /** Together: the same fixed numbers, and of each partition the earliest marker. */
    static SavedFacts merge(Iterable<byte[]> all) throws IOException {
        SavedFacts merged = null;
        boolean isAnyUnknown = false;

        for (byte[] written : all) {
            SavedFacts one = read(written);

            isAnyUnknown |= one.partitions < 0;
            if (merged == null) {
                merged = one;
                continue;
            }
            if (one.maxParallelism != merged.maxParallelism
                || one.partitions >= 0 && merged.partitions >= 0 && one.partitions != merged.partitions) {
                throw new IOException("subtasks wrote different facts into the state: it is damaged");
            }
            merged.partitions = Math.max(one.partitions, merged.partitions);
            for (Map.Entry<Integer, Long> marker : one.markers.entrySet()) {
                merged.markers.merge(marker.getKey(), marker.getValue(), Math::min);
            }
        }
        if (merged != null) {
            if (isAnyUnknown) {
                /* One that did not know yet which partitions are its own: nothing may be left out of any. */
                merged.markers.clear();
            }
            merged.markers.values().removeIf(position -> position == FROM_START);
        }
        return merged;
    }
}
