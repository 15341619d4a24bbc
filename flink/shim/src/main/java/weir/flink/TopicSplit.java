// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A partition and the offset to go on from, with the id of the topic that the offset is of. */
final class TopicSplit extends KafkaPartitionSplit {
    final String topicId;

    TopicSplit(KafkaPartitionSplit split, String topicId) {
        super(split.getTopicPartition(), split.getStartingOffset(),
            split.getStoppingOffset().orElse(NO_STOPPING_OFFSET));
        this.topicId = topicId;
    }

    @Override
    public boolean equals(Object other) {
        return super.equals(other) && topicId.equals(((TopicSplit) other).topicId);
    }

    @Override
    public int hashCode() {
        return 31 * super.hashCode() + topicId.hashCode();
    }

    /**
     * The source's state. Version 100: the topic's id (empty: the split has not been read yet), the version of the
     * connector's own bytes, those bytes. Lower versions are the connector's, from before ids were kept.
     */
    static final class Serializer implements SimpleVersionedSerializer<KafkaPartitionSplit> {
        static final int VERSION = 100;
        private final SimpleVersionedSerializer<KafkaPartitionSplit> connectors;

        Serializer(SimpleVersionedSerializer<KafkaPartitionSplit> connectors) {
            this.connectors = connectors;
        }

        @Override
        public int getVersion() {
            return VERSION;
        }

        @Override
        public byte[] serialize(KafkaPartitionSplit split) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();

            try (DataOutputStream out = new DataOutputStream(bytes)) {
                out.writeUTF(split instanceof TopicSplit ? ((TopicSplit) split).topicId : "");
                out.writeInt(connectors.getVersion());
                out.write(connectors.serialize(split));
            }
            return bytes.toByteArray();
        }

        @Override
        public KafkaPartitionSplit deserialize(int version, byte[] written) throws IOException {
            if (version < VERSION) {
                return connectors.deserialize(version, written);
            }
            if (version > VERSION) {
                throw new IOException("the source's state is of version " + version + ", this weir-flink.jar reads "
                    + VERSION + "; restore it with the version that wrote it");
            }
            try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(written))) {
                String topicId = in.readUTF();
                int beneath = in.readInt();
                KafkaPartitionSplit split = connectors.deserialize(beneath, in.readAllBytes());

                return topicId.isEmpty() ? split : new TopicSplit(split, topicId);
            }
        }
    }
}
