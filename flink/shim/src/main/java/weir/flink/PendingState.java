// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.api.common.state.KeyedStateStore;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.KeyContext;

/** The inputs that are pending when a checkpoint is taken, in Flink's keyed state: invariant 2. */
final class PendingState {
    private final KeyContext context;
    private final MapState<Long, Bytes> state;
    /** What a checkpoint holds and the next one need not: key and order. */
    private final List<Input> overButStored = new ArrayList<>();

    PendingState(KeyContext context, KeyedStateStore store) {
        this.context = context;
        state = store.getMapState(new MapStateDescriptor<>("pending", LongSerializer.INSTANCE,
            BytesSerializer.INSTANCE));
    }

    /** In the order in which they came, over all keys: it is the order per key that matters. */
    List<Input> restore(KeyedStateBackend<Bytes> backend) throws Exception {
        List<Input> restored = new ArrayList<>();
        List<Bytes> keys;

        try (Stream<Bytes> stream = backend.getKeys("pending", VoidNamespace.INSTANCE)) {
            keys = stream.collect(Collectors.toList());
        }
        for (Bytes key : keys) {
            context.setCurrentKey(key);
            for (Map.Entry<Long, Bytes> entry : state.entries()) {
                restored.add(PendingFormat.read(key, entry.getKey(), entry.getValue()));
            }
        }
        restored.sort(Comparator.comparingLong(input -> input.order));
        return restored;
    }

    void over(Input input) {
        if (input.isInState) {
            overButStored.add(input);
        }
    }

    /** Makes state hold these, and no others. */
    void save(Iterable<Input> pending) throws Exception {
        for (Input input : overButStored) {
            context.setCurrentKey(input.key);
            state.remove(input.order);
        }
        overButStored.clear();
        for (Input input : pending) {
            if (!input.isStored) {
                context.setCurrentKey(input.key);
                state.put(input.order, PendingFormat.write(input));
                input.isStored = true;
                input.isInState = true;
            }
        }
    }
}
