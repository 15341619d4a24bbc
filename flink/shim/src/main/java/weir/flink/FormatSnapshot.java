// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSchemaCompatibility;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** What a checkpoint keeps of a serializer: the number of its format. Newer ones than this JAR knows are refused. */
abstract class FormatSnapshot<T> implements TypeSerializerSnapshot<T> {
    private final int format;
    private int written;

    FormatSnapshot(int format) {
        this.format = format;
        this.written = format;
    }

    @Override
    public int getCurrentVersion() {
        return format;
    }

    @Override
    public void writeSnapshot(DataOutputView out) throws IOException {
    }

    @Override
    public void readSnapshot(int readVersion, DataInputView in, ClassLoader loader) throws IOException {
        if (readVersion < 1 || readVersion > format) {
            throw new IOException(getClass().getSimpleName() + ": the state is of format " + readVersion
                + ", this weir-flink.jar"
                + " reads formats 1 to " + format + "; restore it with the version that wrote it, or a later one");
        }
        written = readVersion;
    }

    abstract TypeSerializer<T> make();

    @Override
    public TypeSerializer<T> restoreSerializer() {
        return make();
    }

    @Override
    public TypeSerializerSchemaCompatibility<T> resolveSchemaCompatibility(TypeSerializerSnapshot<T> old) {
        if (old.getClass() != getClass() || ((FormatSnapshot<T>) old).written > format) {
            return TypeSerializerSchemaCompatibility.incompatible();
        }
        return ((FormatSnapshot<T>) old).written == format ? TypeSerializerSchemaCompatibility.compatibleAsIs()
            : TypeSerializerSchemaCompatibility.compatibleAfterMigration();
    }
}
