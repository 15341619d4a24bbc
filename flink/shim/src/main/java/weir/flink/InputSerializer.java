// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Inputs between operators. Sources are few, so each is made once; one serializer belongs to one thread. */
public final class InputSerializer extends TypeSerializer<Input> {
    private static final int HAS_KEY = 16;
    private static final int HAS_PAYLOAD = 32;
    private static final int MOST_SOURCES = 100_000;

    private transient Map<Bytes, Source> sources;
    private transient Source last;
    private transient byte[] scratch;

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public TypeSerializer<Input> duplicate() {
        return new InputSerializer();
    }

    @Override
    public Input createInstance() {
        return new Input();
    }

    @Override
    public Input copy(Input from) {
        Input to = new Input();

        to.source = from.source;
        to.index = from.index;
        to.timestampMs = from.timestampMs;
        to.flags = from.flags;
        to.key = from.key;
        to.payload = from.payload;
        return to;
    }

    @Override
    public Input copy(Input from, Input reuse) {
        return copy(from);
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(Input input, DataOutputView out) throws IOException {
        byte[] source = input.source.written;

        out.writeByte(input.flags | (input.key != null ? HAS_KEY : 0) | (input.payload != null ? HAS_PAYLOAD : 0));
        out.writeShort(source.length);
        out.write(source);
        out.writeLong(input.index);
        out.writeLong(input.timestampMs);
        if (input.key != null) {
            BytesSerializer.write(input.key.array, out);
        }
        if (input.payload != null) {
            BytesSerializer.write(input.payload, out);
        }
    }

    @Override
    public Input deserialize(DataInputView in) throws IOException {
        Input input = new Input();
        int flags = in.readByte();

        input.flags = flags & ~(HAS_KEY | HAS_PAYLOAD);
        input.source = readSource(in);
        input.index = in.readLong();
        input.timestampMs = in.readLong();
        if ((flags & HAS_KEY) != 0) {
            input.key = Bytes.of(BytesSerializer.read(in));
        }
        if ((flags & HAS_PAYLOAD) != 0) {
            input.payload = BytesSerializer.read(in);
        }
        return input;
    }

    private Source readSource(DataInputView in) throws IOException {
        int size = in.readUnsignedShort();

        if (scratch == null || scratch.length < size) {
            scratch = new byte[Math.max(256, size)];
        }
        in.readFully(scratch, 0, size);
        if (last != null && last.written.length == size && Arrays.equals(last.written, 0, size, scratch, 0, size)) {
            return last;
        }
        if (sources == null || sources.size() > MOST_SOURCES) {
            sources = new HashMap<>();
        }
        byte[] written = Arrays.copyOf(scratch, size);
        last = sources.computeIfAbsent(Bytes.of(written), key -> Source.read(written));
        return last;
    }

    @Override
    public Input deserialize(Input reuse, DataInputView in) throws IOException {
        return deserialize(in);
    }

    @Override
    public void copy(DataInputView in, DataOutputView out) throws IOException {
        serialize(deserialize(in), out);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof InputSerializer;
    }

    @Override
    public int hashCode() {
        return InputSerializer.class.hashCode();
    }

    @Override
    public TypeSerializerSnapshot<Input> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Its format in a checkpoint, which holds inputs only if it is an unaligned one. */
    public static final class Snapshot extends FormatSnapshot<Input> {
        /** For Flink, which makes it by name. */
        public Snapshot() {
            super(1);
        }

        @Override
        TypeSerializer<Input> make() {
            return new InputSerializer();
        }
    }
}
