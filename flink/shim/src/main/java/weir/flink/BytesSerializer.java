// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** A length of four bytes, then the bytes. */
public final class BytesSerializer extends TypeSerializerSingleton<Bytes> {
    static final BytesSerializer INSTANCE = new BytesSerializer();

    static byte[] read(DataInputView in) throws IOException {
        int size = in.readInt();

        if (size < 0) {
            throw new IOException("bytes of length " + size + ": the state is damaged");
        }
        byte[] array = new byte[size];
        in.readFully(array);
        return array;
    }

    static void write(byte[] array, DataOutputView out) throws IOException {
        out.writeInt(array.length);
        out.write(array);
    }

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public Bytes createInstance() {
        return Bytes.EMPTY;
    }

    @Override
    public Bytes copy(Bytes from) {
        return from;
    }

    @Override
    public Bytes copy(Bytes from, Bytes reuse) {
        return from;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(Bytes bytes, DataOutputView out) throws IOException {
        write(bytes.array, out);
    }

    @Override
    public Bytes deserialize(DataInputView in) throws IOException {
        return Bytes.of(read(in));
    }

    @Override
    public Bytes deserialize(Bytes reuse, DataInputView in) throws IOException {
        return deserialize(in);
    }

    @Override
    public void copy(DataInputView in, DataOutputView out) throws IOException {
        write(read(in), out);
    }

    @Override
    public TypeSerializerSnapshot<Bytes> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Its format in a checkpoint. */
    public static final class Snapshot extends FormatSnapshot<Bytes> {
        /** For Flink, which makes it by name. */
        public Snapshot() {
            super(1);
        }

        @Override
        TypeSerializer<Bytes> make() {
            return INSTANCE;
        }
    }
}
