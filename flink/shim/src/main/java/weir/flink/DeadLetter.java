// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.charset.StandardCharsets;

/** An input that could not be read, or whose run failed, where {@code input.on-error} is {@code dlq}. */
public final class DeadLetter {
    /** Null: the record had none. */
    final byte[] key;
    /** Null: the record had none. */
    final byte[] payload;
    final Source source;
    final long index;
    final long timestampMs;
    final String code;
    final String message;

    DeadLetter(byte[] key, byte[] payload, Source source, long index, long timestampMs, String code, String message) {
        this.key = key;
        this.payload = payload;
        this.source = source;
        this.index = index;
        this.timestampMs = timestampMs;
        this.code = code;
        this.message = message;
    }

    static DeadLetter of(Input input, String code, String message) {
        byte[] key = input.key == null || input.has(Input.HAS_MADE_KEY) ? null : input.key.array;

        return new DeadLetter(key, input.payload, input.source, input.index, input.timestampMs, code, message);
    }

    /**
     * The key of the input.
     *
     * @return its bytes, not to be changed; null if it had none
     */
    public byte[] keyBytes() {
        return key;
    }

    /**
     * The input as it came.
     *
     * @return its bytes, not to be changed; null if it had none
     */
    public byte[] payload() {
        return payload;
    }

    /**
     * The input as text.
     *
     * @return the text; null if it had none
     */
    public String payloadText() {
        return payload == null ? null : new String(payload, StandardCharsets.UTF_8);
    }

    /**
     * The id of the run.
     *
     * @return source and index
     */
    public String runId() {
        return source.id + "/" + index;
    }

    /**
     * What was wrong, for programs.
     *
     * @return one of docs/errors.md, such as {@code WEIR_INVALID}
     */
    public String code() {
        return code;
    }

    /**
     * What was wrong, for people.
     *
     * @return one line
     */
    public String message() {
        return message;
    }

    @Override
    public String toString() {
        return source.describe(index) + ": " + message + " (" + code + ")";
    }
}
