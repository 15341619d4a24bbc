// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;

/**
 * A pending input as keyed state holds it; the key is Flink's. Format 1, big-endian:
 * <pre>
 * u8 format   u8 flags   i64 index   i64 timestamp
 * i32 length, source as in Source.written
 * i32 length, payload; -1: none
 * i32 count, of entries {i64 place, i32 length, sealed}
 * </pre>
 */
final class PendingFormat {
    private static final int FORMAT = 1;

    private PendingFormat() {
    }

    static Bytes write(Input input) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(64 + (input.payload == null ? 0
            : input.payload.length));

        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeByte(FORMAT);
            out.writeByte(input.flags);
            out.writeLong(input.index);
            out.writeLong(input.timestampMs);
            writeBytes(out, input.source.written);
            writeBytes(out, input.payload);
            out.writeInt(input.entries == null ? 0 : input.entries.size());
            if (input.entries != null) {
                for (Input.Entry entry : input.entries) {
                    out.writeLong(entry.place);
                    writeBytes(out, entry.sealed);
                }
            }
        } catch (IOException e) {
            throw new IllegalStateException(e); /* memory does not fail that way */
        }
        return Bytes.of(bytes.toByteArray());
    }

    static Input read(Bytes key, long order, Bytes written) throws IOException {
        Input input = new Input();

        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(written.array))) {
            int format = in.readUnsignedByte();
            if (format != FORMAT) {
                throw new IOException("a pending input is of format " + format + ", this weir-flink.jar reads format "
                    + FORMAT
                    + "; restore the state with the version that wrote it");
            }
            input.key = key;
            input.order = order;
            input.flags = in.readUnsignedByte();
            input.index = in.readLong();
            input.timestampMs = in.readLong();
            input.source = Source.read(readBytes(in));
            input.payload = readBytes(in);
            int count = in.readInt();
            if (count > 0) {
                input.entries = new ArrayList<>(Math.min(count, 1024));
            }
            for (int i = 0; i < count; i++) {
                long place = in.readLong();
                input.entries.add(new Input.Entry(place, readBytes(in)));
            }
            if (in.available() > 0) {
                throw new IOException("a pending input has " + in.available()
                    + " bytes too many: the state is damaged");
            }
        }
        input.isStored = true;
        input.isInState = true;
        input.isGivenAgain = true;
        return input;
    }

    private static void writeBytes(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }

    private static byte[] readBytes(DataInputStream in) throws IOException {
        int size = in.readInt();

        if (size == -1) {
            return null;
        }
        if (size < 0 || size > in.available()) {
            throw new IOException("a pending input has bytes of length " + size + ": the state is damaged");
        }
        return in.readNBytes(size);
    }
}
