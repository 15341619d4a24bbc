// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.Objects;

/** Where inputs come from: one partition of one topic, or a stream without places. */
final class Source {
    /** What a run id begins with: `TOPIC-ID/partition`. */
    final String id;
    /** The topic's name, for people; empty if there is none. */
    final String topic;
    /** -1: none. */
    final int partition;
    /** All of it, as it is written with each input. */
    final byte[] written;
    /** The id in UTF-8. */
    final byte[] idBytes;

    Source(String id, String topic, int partition) {
        this.id = Objects.requireNonNull(id);
        this.topic = topic;
        this.partition = partition;
        this.written = (partition + "\n" + topic + "\n" + id).getBytes(StandardCharsets.UTF_8);
        this.idBytes = id.getBytes(StandardCharsets.UTF_8);
    }

    static Source read(byte[] written) {
        String text = new String(written, StandardCharsets.UTF_8);
        int first = text.indexOf('\n');
        int second = text.indexOf('\n', first + 1);

        if (first < 1 || second < 0) {
            throw new IllegalStateException("'" + text + "' names no source: the state is damaged");
        }
        return new Source(text.substring(second + 1), text.substring(first + 1, second),
            Integer.parseInt(text.substring(0, first)));
    }

    /** For messages: the topic and partition, or the id. */
    String describe(long index) {
        return partition < 0 ? "input '" + id + "/" + index + "'"
            : "topic '" + topic + "', partition " + partition + ", offset " + index;
    }
}
