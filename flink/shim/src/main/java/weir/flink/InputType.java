// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import org.apache.flink.api.common.typeutils.TypeSerializer;

/** {@link Input} as a type of Flink's. */
final class InputType extends PlainType<Input> {
    static final InputType INSTANCE = new InputType();

    private InputType() {
        super(Input.class, false);
    }

    @Override
    TypeSerializer<Input> serializer() {
        return new InputSerializer();
    }
}
