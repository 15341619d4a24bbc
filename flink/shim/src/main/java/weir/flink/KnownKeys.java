// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The keys whose memory the worker has, the least recently used first in line to be forgotten. Keys with runs under way are not in
 * that line. Sizes are estimates: what was loaded, and what changes brought since.
 */
final class KnownKeys {
    /** Of a key: its size in the worker beyond its cells, about. */
    private static final int KEY_BYTES = 128;
    /** Of a cell, beyond path and value. */
    static final int CELL_BYTES = 32;

    /** One key that the worker knows. */
    static final class Known {
        final Bytes key;
        final int group;
        int running;
        /** How many of them are parked: then the others wait as well. */
        int parked;
        /** The last BATCH that an end of it was in. */
        long batch;
        /** An estimate, from {@link #counted} on. */
        long bytes;
        /** What it was when its cells were last counted. */
        long counted;
        /** Of streams without positions: what the next input is numbered. */
        long nextNumber;
        boolean isNumberChanged;
        /** Cells that state does not have as they are; null as a value: deleted. */
        Bytes[] changedPaths;
        Bytes[] changedValues;
        int changed;
        private Known before;
        private Known after;

        Known(Bytes key, int group) {
            this.key = key;
            this.group = group;
        }

        /**
         * Notes a cell, whose path is the reader's slice.
         *
         * @return by how much memory has grown, at most
         */
        int change(FrameReader path, byte[] value) {
            Bytes now = value == null ? null : Bytes.of(value);
            int at = 0;

            while (at < changed && !path.sliceIs(changedPaths[at].array)) {
                at++;
            }
            if (at < changed) {
                int before = changedValues[at] == null ? 0 : changedValues[at].size();

                changedValues[at] = now;
                return now == null ? 0 : now.size() - before;
            }
            if (changedPaths == null) {
                changedPaths = new Bytes[2];
                changedValues = new Bytes[2];
            } else if (changed == changedPaths.length) {
                changedPaths = Arrays.copyOf(changedPaths, 2 * changed);
                changedValues = Arrays.copyOf(changedValues, 2 * changed);
            }
            /* A path that was written before is the same object: most keys have few, and write the same ones. */
            if (changedPaths[changed] == null || !path.sliceIs(changedPaths[changed].array)) {
                changedPaths[changed] = Bytes.of(path.sliceCopy());
            }
            changedValues[changed] = now;
            return changedPaths[changed++].size() + CELL_BYTES + (now == null ? 0 : now.size());
        }
    }

    private final Map<Bytes, Known> all = new HashMap<>();
    /** A ring: after it stands the least recently used. */
    private final Known ring = new Known(null, 0);
    private final long mostKeys;
    private final long mostBytes;
    private long bytes;

    KnownKeys(long mostKeys, long mostBytes) {
        this.mostKeys = mostKeys;
        this.mostBytes = mostBytes;
        ring.before = ring;
        ring.after = ring;
    }

    Known find(Bytes key) {
        return all.get(key);
    }

    /** A new one, which a run is about to use. */
    Known add(Bytes key, int group, long cellBytes) {
        Known known = new Known(key, group);

        known.bytes = KEY_BYTES + key.size() + cellBytes;
        known.counted = known.bytes;
        bytes += known.bytes;
        all.put(key, known);
        return known;
    }

    /** A run begins on it. */
    void use(Known known) {
        if (known.running++ == 0 && known.before != null) {
            known.before.after = known.after;
            known.after.before = known.before;
            known.before = null;
            known.after = null;
        }
    }

    /** A run on it is over. */
    void release(Known known) {
        if (--known.running == 0) {
            known.before = ring.before;
            known.after = ring;
            ring.before.after = known;
            ring.before = known;
        }
    }

    /** Its memory has changed by so many bytes, at most. @return whether its cells should be counted again */
    boolean grow(Known known, long more) {
        known.bytes += more;
        bytes += more;
        return known.bytes - known.counted > Math.max(4096, known.counted);
    }

    void counted(Known known, long cellBytes) {
        long now = KEY_BYTES + known.key.size() + cellBytes;

        bytes += now - known.bytes;
        known.bytes = now;
        known.counted = now;
    }

    /** Takes out one that is to be forgotten; null: all fit, or the rest is in use. */
    Known evict() {
        Known oldest = ring.after;

        if (oldest == ring || all.size() <= mostKeys && bytes <= mostBytes) {
            return null;
        }
        oldest.before.after = oldest.after;
        oldest.after.before = oldest.before;
        all.remove(oldest.key);
        bytes -= oldest.bytes;
        return oldest;
    }

    Iterable<Known> all() {
        return all.values();
    }

    int size() {
        return all.size();
    }

    void clear() {
        all.clear();
        ring.before = ring;
        ring.after = ring;
        bytes = 0;
    }
}
