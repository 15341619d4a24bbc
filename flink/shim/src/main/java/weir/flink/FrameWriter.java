// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Frames one after the other in one growing buffer. A frame is begun, filled and ended; one that would be longer than
 * allowed is taken back and refused. Belongs to one thread at a time.
 */
final class FrameWriter {
    byte[] data;
    int size;
    private int start = -1;
    private final int longest;

    FrameWriter(int capacity, int longest) {
        this.data = new byte[capacity];
        this.longest = longest;
    }

    private void room(int more) {
        long needed = (long) size + more;

        if (needed > data.length) {
            if (needed > Integer.MAX_VALUE - 64) {
                throw new ProtocolException("frames of more than 2 GiB wait to be written");
            }
            data = Arrays.copyOf(data, (int) Math.min(Math.max(needed, 2L * data.length), Integer.MAX_VALUE - 64));
        }
    }

    FrameWriter begin(int type) {
        if (start >= 0) {
            throw new IllegalStateException("a frame is begun in a frame");
        }
        room(5);
        start = size;
        size += 4;
        data[size++] = (byte) type;
        return this;
    }

    void end() {
        int length = size - start - 4;

        if (length > longest) {
            int refused = length;

            size = start;
            start = -1;
            throw new ProtocolException("a frame of " + refused + " bytes is refused, " + longest
                + " are allowed: the key's"
                + " memory and the input are too large together (limits.record-bytes and 64 MiB)");
        }
        put32(start, length);
        start = -1;
    }

    private void put32(int at, int value) {
        data[at] = (byte) (value >>> 24);
        data[at + 1] = (byte) (value >>> 16);
        data[at + 2] = (byte) (value >>> 8);
        data[at + 3] = (byte) value;
    }

    FrameWriter u8(int value) {
        room(1);
        data[size++] = (byte) value;
        return this;
    }

    FrameWriter u16(int value) {
        return u8(value >>> 8).u8(value);
    }

    FrameWriter u32(int value) {
        room(4);
        put32(size, value);
        size += 4;
        return this;
    }

    FrameWriter i64(long value) {
        room(8);
        put32(size, (int) (value >>> 32));
        put32(size + 4, (int) value);
        size += 8;
        return this;
    }

    /** @param bytes null: absent */
    FrameWriter bytes(byte[] bytes) {
        if (bytes == null) {
            return u32(-1);
        }
        room(4 + bytes.length);
        put32(size, bytes.length);
        System.arraycopy(bytes, 0, data, size + 4, bytes.length);
        size += 4 + bytes.length;
        return this;
    }

    FrameWriter text(String text) {
        if (text.indexOf('\0') >= 0) {
            throw new ProtocolException("a text with NUL cannot be sent: '" + text.replace('\0', ' ') + "'");
        }
        return bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Where a count stands that is not known yet. */
    int countLater() {
        u32(0);
        return size - 4;
    }

    void count(int at, int count) {
        put32(at, count);
    }
}
