// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.ArrayList;
import java.util.List;

/**
 * One input, from its source until it is over. What stands below "under way" belongs to the operator and is never
 * serialized with the input: one object a record is all that a record costs.
 */
final class Input {
    /** The payload is JSON whatever `input.format` says. */
    static final int IS_JSON = 2;
    /** `index` is filled in by the operator, a number per key. */
    static final int HAS_NO_POSITION = 8;
    /** The key was made from the run id, as the record had none. */
    static final int HAS_MADE_KEY = 64;
    /** Of a time that is not known. */
    static final long NO_TIME = Long.MIN_VALUE;

    Source source;
    long index;
    /** Event time, or NO_TIME. */
    long timestampMs;
    int flags;
    /** Set before the stream is keyed. */
    Bytes key;
    /** NULL: a record without a value. */
    byte[] payload;

    /* Under way. */
    long ticket;
    /** Its place among all inputs that the operator has met: what order per key means, also across restores. */
    long order;
    /** Keyed state holds it as it is. */
    boolean isStored;
    /** Keyed state holds it, maybe in an older form. */
    boolean isInState;
    /** It has been given to a worker before this one. */
    boolean isGivenAgain;
    boolean isParked;
    KnownKeys.Known known;
    /** What KEEP told, in order; null: nothing. */
    List<Entry> entries;

    /** What the journal has of a run, sealed; opaque. */
    static final class Entry {
        final long place;
        final byte[] sealed;

        Entry(long place, byte[] sealed) {
            this.place = place;
            this.sealed = sealed;
        }
    }

    boolean has(int flag) {
        return (flags & flag) != 0;
    }

    void keep(List<Entry> more) {
        if (entries == null) {
            entries = new ArrayList<>(more.size());
        }
        entries.addAll(more);
        isStored = false;
    }

    int sizeBytes() {
        return 96 + key.array.length + (payload == null ? 0 : payload.length);
    }

    String describe() {
        return source.describe(index);
    }
}
