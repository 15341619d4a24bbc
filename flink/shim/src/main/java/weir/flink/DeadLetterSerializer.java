// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** {@link DeadLetter} between operators. */
public final class DeadLetterSerializer extends TypeSerializerSingleton<DeadLetter> {
    static final DeadLetterSerializer INSTANCE = new DeadLetterSerializer();

    /** The type. */
    static final class Type extends PlainType<DeadLetter> {
        Type() {
            super(DeadLetter.class, false);
        }

        @Override
        TypeSerializer<DeadLetter> serializer() {
            return INSTANCE;
        }
    }

    @Override
    public boolean isImmutableType() {
        return true;
    }

    @Override
    public DeadLetter createInstance() {
        return null;
    }

    @Override
    public DeadLetter copy(DeadLetter from) {
        return from;
    }

    @Override
    public DeadLetter copy(DeadLetter from, DeadLetter reuse) {
        return from;
    }

    @Override
    public int getLength() {
        return -1;
    }

    private static void writeMaybe(byte[] bytes, DataOutputView out) throws IOException {
        out.writeBoolean(bytes != null);
        if (bytes != null) {
            BytesSerializer.write(bytes, out);
        }
    }

    private static byte[] readMaybe(DataInputView in) throws IOException {
        return in.readBoolean() ? BytesSerializer.read(in) : null;
    }

    @Override
    public void serialize(DeadLetter letter, DataOutputView out) throws IOException {
        writeMaybe(letter.key, out);
        writeMaybe(letter.payload, out);
        BytesSerializer.write(letter.source.written, out);
        out.writeLong(letter.index);
        out.writeLong(letter.timestampMs);
        BytesSerializer.write(Bytes.of(letter.code).array, out);
        BytesSerializer.write(Bytes.of(letter.message).array, out);
    }

    @Override
    public DeadLetter deserialize(DataInputView in) throws IOException {
        byte[] key = readMaybe(in);
        byte[] payload = readMaybe(in);
        Source source = Source.read(BytesSerializer.read(in));
        long index = in.readLong();
        long timestampMs = in.readLong();
        String code = Bytes.of(BytesSerializer.read(in)).toString();

        return new DeadLetter(key, payload, source, index, timestampMs, code,
            Bytes.of(BytesSerializer.read(in)).toString());
    }

    @Override
    public DeadLetter deserialize(DeadLetter reuse, DataInputView in) throws IOException {
        return deserialize(in);
    }

    @Override
    public void copy(DataInputView in, DataOutputView out) throws IOException {
        serialize(deserialize(in), out);
    }

    @Override
    public TypeSerializerSnapshot<DeadLetter> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Its format in a checkpoint. */
    public static final class Snapshot extends FormatSnapshot<DeadLetter> {
        /** For Flink, which makes it by name. */
        public Snapshot() {
            super(1);
        }

        @Override
        TypeSerializer<DeadLetter> make() {
            return INSTANCE;
        }
    }
}
