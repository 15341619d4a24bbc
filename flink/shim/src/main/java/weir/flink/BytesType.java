// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import org.apache.flink.api.common.typeutils.TypeSerializer;

/** {@link Bytes} as a type of Flink's; can be a key. */
public final class BytesType extends PlainType<Bytes> {
    /** The only one there need be. */
    public static final BytesType INSTANCE = new BytesType();

    private BytesType() {
        super(Bytes.class, true);
    }

    @Override
    TypeSerializer<Bytes> serializer() {
        return BytesSerializer.INSTANCE;
    }
}
