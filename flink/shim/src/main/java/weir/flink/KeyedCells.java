// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.state.KeyedStateStore;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.streaming.api.operators.KeyContext;

/**
 * The cells of short-term memory and the numbers of inputs without positions, in Flink's keyed state. What has changed
 * stays beside its key until it is saved: a key costs state one write a checkpoint.
 */
final class KeyedCells {
    /* Bounds of what is kept beside state between checkpoints. */
    private static final int MOST_CHANGED_CELLS = 64;
    private static final int MOST_CHANGED_KEYS = 50_000;
    private static final long MOST_CHANGED_BYTES = 32L << 20;

    private final KeyContext context;
    private final MapState<Bytes, Bytes> memory;
    private final ValueState<Long> numbers;
    private final List<KnownKeys.Known> numbersChanged = new ArrayList<>();
    /** Keys whose cells are not in state as they are; some may be saved already. */
    private final List<KnownKeys.Known> changedKeys = new ArrayList<>();
    private long changedBytes;
    /** What was read last: path and value by turns. */
    final ArrayList<Bytes> cells = new ArrayList<>();

    KeyedCells(KeyContext context, KeyedStateStore store, long gcMs) {
        MapStateDescriptor<Bytes, Bytes> memoryState =
            new MapStateDescriptor<>("memory", BytesSerializer.INSTANCE, BytesSerializer.INSTANCE);

        if (gcMs > 0) {
            memoryState.enableTimeToLive(StateTtlConfig.newBuilder(Duration.ofMillis(gcMs))
                .setUpdateType(StateTtlConfig.UpdateType.OnCreateAndWrite)
                .setStateVisibility(StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp).build());
        }
        this.context = context;
        memory = store.getMapState(memoryState);
        numbers = store.getState(new ValueStateDescriptor<>("numbers", LongSerializer.INSTANCE));
    }

    /** Reads a key's cells into `cells`. @return their size in a worker */
    long read(Bytes key) throws Exception {
        long bytes = 0;

        context.setCurrentKey(key);
        cells.clear();
        for (Map.Entry<Bytes, Bytes> cell : memory.entries()) {
            cells.add(cell.getKey());
            cells.add(cell.getValue());
            bytes += cell.getKey().size() + cell.getValue().size() + KnownKeys.CELL_BYTES;
        }
        return bytes;
    }

    /* ---- changes ------------------------------------------------------------------------------------------------- */

    /** Takes a key's changed cells out of a frame. @return by how much the key has grown */
    long change(KnownKeys.Known known, FrameReader frame) throws Exception {
        int count = frame.count(8);
        long more = 0;

        if (known.changed == 0) {
            changedKeys.add(known);
        }
        for (int i = 0; i < count; i++) {
            frame.slice("a path");
            more += known.change(frame, frame.bytes());
            if (known.changed == MOST_CHANGED_CELLS) {
                save(known);
            }
        }
        changedBytes += more;
        return more;
    }

    boolean isMuchChanged() {
        return changedKeys.size() > MOST_CHANGED_KEYS || changedBytes > MOST_CHANGED_BYTES;
    }

    private void save(KnownKeys.Known known) throws Exception {
        context.setCurrentKey(known.key);
        for (int i = 0; i < known.changed; i++) {
            if (known.changedValues[i] == null) {
                memory.remove(known.changedPaths[i]);
            } else {
                memory.put(known.changedPaths[i], known.changedValues[i]);
                known.changedValues[i] = null;
            }
        }
        known.changed = 0;
    }

    /** Saves a key's changes, and reads what it has then. @return as read() */
    long saveAndRead(KnownKeys.Known known) throws Exception {
        save(known);
        return read(known.key);
    }

    /** Saves all that has changed of cells. */
    void saveCells() throws Exception {
        for (KnownKeys.Known known : changedKeys) {
            if (known.changed > 0) {
                save(known);
            }
        }
        changedKeys.clear();
        changedBytes = 0;
    }

    /* ---- numbers ------------------------------------------------------------------------------------------------- */

    /** The next number of a key; 0: it has had none. */
    long readNumber(Bytes key) throws Exception {
        context.setCurrentKey(key);
        Long next = numbers.value();

        return next == null ? 0 : next;
    }

    long takeNumber(KnownKeys.Known known) {
        if (!known.isNumberChanged) {
            known.isNumberChanged = true;
            numbersChanged.add(known);
        }
        return known.nextNumber++;
    }

    private void saveNumber(KnownKeys.Known known) throws Exception {
        context.setCurrentKey(known.key);
        numbers.update(known.nextNumber);
        known.isNumberChanged = false;
    }

    /* ---- both ---------------------------------------------------------------------------------------------------- */

    /** Saves all that has changed of one key, which is forgotten. */
    void forget(KnownKeys.Known known) throws Exception {
        if (known.isNumberChanged) {
            saveNumber(known);
        }
        if (known.changed > 0) {
            save(known);
        }
    }

    void saveAll() throws Exception {
        for (KnownKeys.Known known : numbersChanged) {
            if (known.isNumberChanged) {
                saveNumber(known);
            }
        }
        numbersChanged.clear();
        saveCells();
    }
}
