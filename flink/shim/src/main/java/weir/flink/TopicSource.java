// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** The connector's source, whose offsets are bound to the topics that they are of. */
final class TopicSource
    implements org.apache.flink.api.connector.source.Source<Input, KafkaPartitionSplit, KafkaSourceEnumState> {
    private static final long serialVersionUID = 1;
    private final KafkaSource<Input> source;
    /** The one that `source` has: what it was told of the topics when it was opened is what run ids are made of. */
    private final KafkaReader records;
    private final boolean mayBegin;

    TopicSource(KafkaSource<Input> source, KafkaReader records, boolean mayBegin) {
        this.source = source;
        this.records = records;
        this.mayBegin = mayBegin;
    }

    @Override
    public SourceReader<Input, KafkaPartitionSplit> createReader(SourceReaderContext context) throws Exception {
        SourceReader<Input, KafkaPartitionSplit> reader = source.createReader(context);

        return new TopicReader(reader, records.topics(), mayBegin);
    }

    @Override
    public SimpleVersionedSerializer<KafkaPartitionSplit> getSplitSerializer() {
        return new TopicSplit.Serializer(source.getSplitSerializer());
    }

    /* ---- the connector's ----------------------------------------------------------------------------------------- */

    @Override
    public Boundedness getBoundedness() {
        return source.getBoundedness();
    }

    @Override
    public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> createEnumerator(
        SplitEnumeratorContext<KafkaPartitionSplit> context) {
        return source.createEnumerator(context);
    }

    @Override
    public SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> restoreEnumerator(
        SplitEnumeratorContext<KafkaPartitionSplit> context, KafkaSourceEnumState state) throws Exception {
        return source.restoreEnumerator(context, state);
    }

    @Override
    public SimpleVersionedSerializer<KafkaSourceEnumState> getEnumeratorCheckpointSerializer() {
        return source.getEnumeratorCheckpointSerializer();
    }
}
