// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

/**
 * Bytes that never change, equal by value: keys, paths and values.
 *
 * <p>The hash is that of {@link Arrays#hashCode(byte[])}, which its specification fixes: Flink derives a key's group
 * from it, so it must be the same in every JVM and for good.
 */
public final class Bytes {
    /** No bytes, which is not the same as none. */
    public static final Bytes EMPTY = new Bytes(new byte[0]);

    final byte[] array;
    private int hash;

    private Bytes(byte[] array) {
        this.array = array;
    }

    /**
     * Takes an array, which nobody changes from then on.
     *
     * @param array the bytes
     * @return a view of them
     */
    public static Bytes of(byte[] array) {
        return new Bytes(array);
    }

    /**
     * The UTF-8 of a text.
     *
     * @param text any text
     * @return its bytes
     */
    public static Bytes of(String text) {
        return new Bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * How many there are.
     *
     * @return 0 or more
     */
    public int size() {
        return array.length;
    }

    /**
     * A copy of the bytes.
     *
     * @return the caller's own
     */
    public byte[] toArray() {
        return array.clone();
    }

    @Override
    public boolean equals(Object other) {
        return this == other || other instanceof Bytes && Arrays.equals(array, ((Bytes) other).array);
    }

    @Override
    public int hashCode() {
        int value = hash;

        if (value == 0) {
            value = Arrays.hashCode(array);
            hash = value;
        }
        return value;
    }

    /** For people: the text, or, if it is none, `{"$bytes": base64}` as in JSON views. */
    @Override
    public String toString() {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(array)).toString();
        } catch (CharacterCodingException e) {
            return "{\"$bytes\":\"" + Base64.getEncoder().encodeToString(array) + "\"}";
        }
    }
}
