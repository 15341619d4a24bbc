// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** One output of a run. Never changes; its event time is also the stream record's. */
public final class WeirOutput {
    final byte[] key;
    final byte[] value;
    final Source source;
    final long index;
    final int number;
    final long timestampMs;

    WeirOutput(byte[] key, byte[] value, Source source, long index, int number, long timestampMs) {
        this.key = key;
        this.value = value;
        this.source = source;
        this.index = index;
        this.number = number;
        this.timestampMs = timestampMs;
    }

    /**
     * The key of the input.
     *
     * @return its bytes; not to be changed
     */
    public byte[] keyBytes() {
        return key;
    }

    /**
     * The key of the input, as text.
     *
     * @return the text; bytes that are not UTF-8 are replaced
     */
    public String key() {
        return new String(key, StandardCharsets.UTF_8);
    }

    /**
     * The output in {@code output.format}.
     *
     * @return its bytes; not to be changed
     */
    public byte[] valueBytes() {
        return value;
    }

    /**
     * The output, as text.
     *
     * @return with {@code output.format: json}, JSON
     */
    public String value() {
        return new String(value, StandardCharsets.UTF_8);
    }

    /**
     * The id of the run that made it: what Kafka's header {@code weir-run} says.
     *
     * @return source and index
     */
    public String runId() {
        return source.id + "/" + index;
    }

    /* The same in ASCII, without a text in between. */
    byte[] runIdBytes() {
        byte[] id = source.idBytes;
        int digits = 1;
        long rest = index;
        byte[] all;

        if (index < 0) {
            return Bytes.of(runId()).array;
        }
        while ((rest /= 10) > 0) {
            digits++;
        }
        all = Arrays.copyOf(id, id.length + 1 + digits);
        all[id.length] = '/';
        rest = index;
        for (int at = all.length - 1; at > id.length; at--) {
            all[at] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        return all;
    }

    /**
     * Its number within the run, from 0: what Kafka's header {@code weir-seq} says.
     *
     * @return the number
     */
    public int number() {
        return number;
    }

    /**
     * The event time of the input.
     *
     * @return milliseconds, or Long.MIN_VALUE if the input had none
     */
    public long timestampMs() {
        return timestampMs;
    }

    @Override
    public String toString() {
        return "{\"" + key() + "\": " + value() + "} of " + runId() + " number " + number;
    }
}
