// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.InputStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connector's reader of one subtask. What it writes into state has the topic's id beside each offset, and what
 * comes out of state is compared with the topic that is there now.
 */
final class TopicReader implements SourceReader<Input, KafkaPartitionSplit> {
    private static final Logger LOG = LoggerFactory.getLogger(TopicReader.class);
    private final SourceReader<Input, KafkaPartitionSplit> reader;
    private final TopicIds topics;
    /** flink.topic-made-anew: a topic that is another one than in the state is read from its beginning. */
    private final boolean mayBegin;

    TopicReader(SourceReader<Input, KafkaPartitionSplit> reader, TopicIds topics, boolean mayBegin) {
        this.reader = reader;
        this.topics = topics;
        this.mayBegin = mayBegin;
    }

    @Override
    public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
        List<KafkaPartitionSplit> splits = new ArrayList<>();

        for (KafkaPartitionSplit split : reader.snapshotState(checkpointId)) {
            splits.add(new TopicSplit(split, topics.id(split.getTopic())));
        }
        return splits;
    }

    @Override
    public void addSplits(List<KafkaPartitionSplit> splits) {
        List<KafkaPartitionSplit> checked = new ArrayList<>();

        for (KafkaPartitionSplit split : splits) {
            checked.add(checked(split, topics, mayBegin));
        }
        reader.addSplits(checked);
    }

    /**
     * The split as it may be read. One without an id is new, or from a state in which no ids were kept.
     *
     * @throws RefusedState its offset is of another topic
     */
    static KafkaPartitionSplit checked(KafkaPartitionSplit split, TopicIds topics, boolean mayBegin) {
        String topic = split.getTopic();
        String now = topics.id(topic);
        String then = split instanceof TopicSplit ? ((TopicSplit) split).topicId : now;

        if (now == null) {
            throw new RefusedState("topic '" + topic + "' has offsets in the state, and input.topics does not name"
                + " it: its records would be read on; name it, or start the job without the state");
        }
        if (now.equals(then)) {
            return split;
        }
        if (!mayBegin) {
            throw new RefusedState("topic '" + topic + "', partition " + split.getPartition() + ": offset "
                + split.getStartingOffset() + " in the state is of the topic with the id " + then
                + ", and the topic of that name has the id " + now + ": it was deleted and made anew; start the job"
                + " without the state, or keep all but the offsets by flink.topic-made-anew: begin, which reads the"
                + " topic from its beginning");
        }
        if (split.getPartition() >= topics.partitions(topic)) {
            throw new RefusedState("topic '" + topic + "' was made anew with " + topics.partitions(topic)
                + " partitions, and the state has partition " + split.getPartition() + " of it; give it as many as"
                + " it had, or start the job without the state");
        }
        LOG.warn("topic '{}', partition {}: made anew since the state was written, read from its beginning",
            topic, split.getPartition());
        /* Where a bounded input ends was found in the former topic, too. */
        return new KafkaPartitionSplit(split.getTopicPartition(), KafkaPartitionSplit.EARLIEST_OFFSET,
            split.getStoppingOffset().isPresent() ? KafkaPartitionSplit.LATEST_OFFSET
                : KafkaPartitionSplit.NO_STOPPING_OFFSET);
    }

    /* ---- the connector's ----------------------------------------------------------------------------------------- */

    @Override
    public void start() {
        reader.start();
    }

    @Override
    public InputStatus pollNext(ReaderOutput<Input> output) throws Exception {
        return reader.pollNext(output);
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return reader.isAvailable();
    }

    @Override
    public void notifyNoMoreSplits() {
        reader.notifyNoMoreSplits();
    }

    @Override
    public void handleSourceEvents(SourceEvent event) {
        reader.handleSourceEvents(event);
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) throws Exception {
        reader.notifyCheckpointComplete(checkpointId);
    }

    @Override
    public void notifyCheckpointAborted(long checkpointId) throws Exception {
        reader.notifyCheckpointAborted(checkpointId);
    }

    @Override
    public void pauseOrResumeSplits(Collection<String> pause, Collection<String> resume) {
        reader.pauseOrResumeSplits(pause, resume);
    }

    @Override
    public void close() throws Exception {
        reader.close();
    }
}
