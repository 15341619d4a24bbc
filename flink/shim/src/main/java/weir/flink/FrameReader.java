// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads one frame's body: every field inside its bounds, nothing behind the last. */
final class FrameReader {
    final int type;
    private final byte[] data;
    private final int end;
    private int at;
    private int sliceStart;
    private int sliceSize;

    /** A body of `data` from `start` on, `size` bytes with its type in front. */
    FrameReader(byte[] data, int start, int size) {
        if (size < 1) {
            throw new ProtocolException("a frame without a type");
        }
        this.data = data;
        this.type = data[start] & 0xFF;
        this.at = start + 1;
        this.end = start + size;
    }

    ProtocolException broken(String what) {
        return new ProtocolException("the worker's frame " + Frames.nameUp(type) + " is broken: " + what);
    }

    private void need(int count) {
        if (end - at < count) {
            throw broken("it ends inside a field");
        }
    }

    int u8() {
        need(1);
        return data[at++] & 0xFF;
    }

    /** Refuses what is above the highest. */
    int u8(int highest, String what) {
        int value = u8();

        if (value > highest) {
            throw broken(what + " is " + value + ", 0 to " + highest + " are known");
        }
        return value;
    }

    int u16() {
        return u8() << 8 | u8();
    }

    private int raw32() {
        need(4);
        int value = (data[at] & 0xFF) << 24 | (data[at + 1] & 0xFF) << 16 | (data[at + 2] & 0xFF) << 8
            | data[at + 3] & 0xFF;
        at += 4;
        return value;
    }

    /** A number that must fit a signed int. */
    int u32(String what) {
        int value = raw32();

        if (value < 0) {
            throw broken(what + " is " + (value & 0xFFFFFFFFL));
        }
        return value;
    }

    long i64() {
        long high = raw32();

        return high << 32 | raw32() & 0xFFFFFFFFL;
    }

    /** @return null if absent */
    byte[] bytes() {
        int size = raw32();

        if (size == -1) {
            return null;
        }
        if (size < 0 || size > end - at) {
            throw broken("bytes of length " + (size & 0xFFFFFFFFL) + " do not fit");
        }
        byte[] bytes = new byte[size];
        System.arraycopy(data, at, bytes, 0, size);
        at += size;
        return bytes;
    }

    /** Present bytes where they are: from sliceStart on, sliceSize of them, in data. */
    void slice(String what) {
        int size = raw32();

        if (size < 0 || size > end - at) {
            throw broken(size == -1 ? what + " is absent" : "bytes of length " + (size & 0xFFFFFFFFL) + " do not fit");
        }
        sliceStart = at;
        sliceSize = size;
        at += size;
    }

    boolean sliceIs(byte[] bytes) {
        return Arrays.equals(data, sliceStart, sliceStart + sliceSize, bytes, 0, bytes.length);
    }

    byte[] sliceCopy() {
        return Arrays.copyOfRange(data, sliceStart, sliceStart + sliceSize);
    }

    byte[] present(String what) {
        byte[] bytes = bytes();

        if (bytes == null) {
            throw broken(what + " is absent");
        }
        return bytes;
    }

    String text() {
        byte[] bytes = present("a text");
        String text;

        try {
            text = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                .decode(ByteBuffer.wrap(bytes))
                .toString();
        } catch (CharacterCodingException e) {
            throw broken("a text is not UTF-8");
        }
        if (text.indexOf('\0') >= 0) {
            throw broken("a text holds NUL");
        }
        return text;
    }

    /** How many items follow, each of at least so many bytes: so a count alone never costs memory. */
    int count(int leastBytes) {
        int count = raw32();

        if (count < 0 || (long) count * leastBytes > end - at) {
            throw broken("a list of " + (count & 0xFFFFFFFFL) + " items does not fit");
        }
        return count;
    }

    void end() {
        if (at != end) {
            throw broken((end - at) + " bytes are left over");
        }
    }
}
