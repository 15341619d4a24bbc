// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** {@link WeirOutput} between operators. */
public final class OutputSerializer extends TypeSerializerSingleton<WeirOutput> {
    static final OutputSerializer INSTANCE = new OutputSerializer();

    /** The type. */
    static final class Type extends PlainType<WeirOutput> {
        Type() {
            super(WeirOutput.class, false);
        }

        @Override
        TypeSerializer<WeirOutput> serializer() {
            return INSTANCE;
        }
    }

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public WeirOutput createInstance() {
        return null;
    }

    @Override
    public WeirOutput copy(WeirOutput from) {
        return from;
    }

    @Override
    public WeirOutput copy(WeirOutput from, WeirOutput reuse) {
        return from;
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(WeirOutput output, DataOutputView out) throws IOException {
        BytesSerializer.write(output.key, out);
        BytesSerializer.write(output.value, out);
        BytesSerializer.write(output.source.written, out);
        out.writeLong(output.index);
        out.writeInt(output.number);
        out.writeLong(output.timestampMs);
    }

    @Override
    public WeirOutput deserialize(DataInputView in) throws IOException {
        byte[] key = BytesSerializer.read(in);
        byte[] value = BytesSerializer.read(in);
        Source source = Source.read(BytesSerializer.read(in));
        long index = in.readLong();
        int number = in.readInt();

        return new WeirOutput(key, value, source, index, number, in.readLong());
    }

    @Override
    public WeirOutput deserialize(WeirOutput reuse, DataInputView in) throws IOException {
        return deserialize(in);
    }

    @Override
    public void copy(DataInputView in, DataOutputView out) throws IOException {
        serialize(deserialize(in), out);
    }

    @Override
    public TypeSerializerSnapshot<WeirOutput> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Its format in a checkpoint. */
    public static final class Snapshot extends FormatSnapshot<WeirOutput> {
        /** For Flink, which makes it by name. */
        public Snapshot() {
            super(1);
        }

        @Override
        TypeSerializer<WeirOutput> make() {
            return INSTANCE;
        }
    }
}
