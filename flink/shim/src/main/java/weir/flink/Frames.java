// SPDX-License-Identifier: Apache-2.0
package weir.flink;

/** The numbers of docs/worker-protocol.md. */
final class Frames {
    static final int MAGIC = 0x57454952;
    static final int LOWEST_VERSION = 1;
    static final int HIGHEST_VERSION = 1;

    /* Down. */
    static final int HELLO = 1;
    static final int OPEN = 2;
    static final int RUN = 3;
    static final int FORGET = 4;
    static final int STOP = 5;
    static final int KEY = 6;

    /* Up; HELLO is 1 as well. */
    static final int READY = 2;
    static final int BATCH = 3;
    static final int PARKED = 4;
    static final int KEEP = 5;
    static final int LOG = 6;
    static final int METRICS = 7;
    static final int FATAL = 8;
    static final int BYE = 9;
    static final int KEYED = 10;

    /* Flags of RUN, beyond those of Input. */
    static final int HAS_MEMORY = 1;
    static final int IS_RESTORED = 4;

    /* Kinds of ends. */
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int SKIPPED = 2;
    static final int DEAD_LETTER = 3;

    /** What a frame may hold beyond one record. */
    static final long ROOM_BYTES = 64L << 20;

    private Frames() {
    }

    /** The longest frame that is written or read, in bytes behind the length. */
    static int longest(long recordBytes) {
        return (int) Math.min(recordBytes + ROOM_BYTES, Integer.MAX_VALUE - 64);
    }

    static String nameUp(int type) {
        String[] names = { "0", "HELLO", "READY", "BATCH", "PARKED", "KEEP", "LOG", "METRICS", "FATAL", "BYE",
            "KEYED" };

        return type > 0 && type < names.length ? names[type] : "type " + type;
    }
}
