// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplitSerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What lasts, and what is kept beside it. */
class StateTest {
    private static Input input(String key, long index) {
        Input input = new Input();

        input.source = new Source("topic-id/3", "words", 3);
        input.index = index;
        input.timestampMs = 1234;
        input.key = Bytes.of(key);
        input.payload = new byte[] { '1' };
        return input;
    }

    private static Input withKnown(Input input) {
        input.known = new KnownKeys.Known(input.key, 0);
        return input;
    }

    @Test
    void keys_are_equal_by_value_and_hash_as_arrays_do() {
        assertEquals(Bytes.of("a"), Bytes.of(new byte[] { 'a' }));
        assertNotEquals(Bytes.of("a"), Bytes.of("b"));
        assertEquals(Arrays.hashCode(new byte[] { 'a', 'b' }), Bytes.of("ab").hashCode());
        assertEquals("{\"$bytes\":\"/w==\"}", Bytes.of(new byte[] { (byte) 0xFF }).toString());
    }

    @Test
    void an_input_passes_between_operators_unchanged() throws IOException {
        InputSerializer serializer = new InputSerializer();
        DataOutputSerializer out = new DataOutputSerializer(16);
        Input none = input("key", 8);

        none.payload = null;
        none.key = null;
        none.flags = Input.HAS_NO_POSITION | Input.HAS_MADE_KEY;
        serializer.serialize(input("key", 7), out);
        serializer.serialize(none, out);
        DataInputDeserializer in = new DataInputDeserializer(out.getCopyOfBuffer());
        Input first = serializer.deserialize(in);
        Input second = serializer.deserialize(in);
        assertEquals("topic 'words', partition 3, offset 7", first.describe());
        assertEquals(Bytes.of("key"), first.key);
        assertArrayEquals(new byte[] { '1' }, first.payload);
        assertEquals(1234, first.timestampMs);
        assertNull(second.payload);
        assertNull(second.key);
        assertEquals(Input.HAS_NO_POSITION | Input.HAS_MADE_KEY, second.flags);
        assertTrue(first.source == second.source);
    }

    @Test
    void a_pending_input_is_kept_with_what_was_told_of_it() throws IOException {
        Input input = input("key", 7);

        input.keep(List.of(new Input.Entry(5, new byte[] { 9 })));
        Input read = PendingFormat.read(input.key, 11, PendingFormat.write(input));
        assertEquals(7, read.index);
        assertEquals(11, read.order);
        assertEquals("topic-id/3", read.source.id);
        assertEquals(5, read.entries.get(0).place);
        assertArrayEquals(new byte[] { 9 }, read.entries.get(0).sealed);
        assertTrue(read.isGivenAgain && read.isStored);
    }

    @Test
    void state_of_a_newer_format_is_refused() throws IOException {
        byte[] pending = PendingFormat.write(input("key", 7)).toArray();
        SavedFacts facts = new SavedFacts();
        byte[] written = facts.write();
        TypeSerializerSnapshot<Bytes> snapshot = BytesSerializer.INSTANCE.snapshotConfiguration();

        pending[0] = 2;
        written[0] = 9;
        assertTrue(assertThrows(IOException.class, () -> PendingFormat.read(Bytes.of("key"), 1, Bytes.of(pending)))
            .getMessage()
            .contains("format 2"));
        assertTrue(assertThrows(IOException.class, () -> SavedFacts.read(written)).getMessage().contains("format 9"));
        assertTrue(assertThrows(IOException.class,
            () -> snapshot.readSnapshot(2, new DataInputDeserializer(new byte[0]), null)).getMessage()
            .contains("of format 2"));
        assertTrue(snapshot.resolveSchemaCompatibility(new InputToBytes()).isIncompatible());
    }

    /** A snapshot of something else. */
    private static final class InputToBytes extends FormatSnapshot<Bytes> {
        InputToBytes() {
            super(1);
        }

        @Override
        BytesSerializer make() {
            return BytesSerializer.INSTANCE;
        }
    }

    private static byte[] facts(int partitions, long... markers) {
        SavedFacts facts = new SavedFacts();

        facts.maxParallelism = 128;
        facts.partitions = partitions;
        for (int i = 0; i < markers.length; i += 2) {
            facts.markers.put((int) markers[i], markers[i + 1]);
        }
        return facts.write();
    }

    @Test
    void of_each_partition_the_earliest_marker_counts() throws IOException {
        assertEquals(new TreeMap<>(Map.of(0, 5L, 1, 7L)),
            SavedFacts.merge(List.of(facts(4, 0, 9, 1, 7), facts(4, 0, 5))).markers);
    }

    @Test
    void a_partition_that_one_subtask_reads_from_the_start_has_no_marker() throws IOException {
        assertEquals(Map.of(1, 7L), SavedFacts.merge(List.of(facts(4, 0, 9, 1, 7),
            facts(4, 0, SavedFacts.FROM_START))).markers);
        assertEquals(Map.of(), SavedFacts.merge(List.of(facts(4, 0, 9), facts(-1))).markers);
        assertThrows(IOException.class, () -> SavedFacts.merge(List.of(facts(4), facts(5))));
    }

    private static KafkaPartitionSplit split(String topic, int partition, long offset) {
        return new KafkaPartitionSplit(new TopicPartition(topic, partition), offset);
    }

    private static String refusal(KafkaPartitionSplit split, TopicIds topics, boolean mayBegin) {
        return assertThrows(RefusedState.class, () -> TopicReader.checked(split, topics, mayBegin)).getMessage();
    }

    @Test
    void an_offset_in_state_keeps_its_topics_id() throws IOException {
        TopicSplit.Serializer serializer = new TopicSplit.Serializer(new KafkaPartitionSplitSerializer());
        KafkaPartitionSplit bound = new TopicSplit(new KafkaPartitionSplit(new TopicPartition("words", 3), 7, 9), "A");
        KafkaPartitionSplit fresh = split("words", 3, KafkaPartitionSplit.EARLIEST_OFFSET);

        assertEquals(bound, serializer.deserialize(100, serializer.serialize(bound)));
        assertEquals(fresh, serializer.deserialize(100, serializer.serialize(fresh)));
        assertThrows(IOException.class, () -> serializer.deserialize(101, serializer.serialize(bound)));
    }

    @Test
    void an_offset_from_before_ids_were_kept_is_read() throws IOException {
        KafkaPartitionSplitSerializer former = new KafkaPartitionSplitSerializer();
        KafkaPartitionSplit split = split("words", 3, 7);

        assertEquals(split, new TopicSplit.Serializer(former).deserialize(former.getVersion(),
            former.serialize(split)));
        assertEquals(split, TopicReader.checked(split, new TopicIds().add("words", "B", 4), false));
    }

    @Test
    void an_offset_of_a_topic_made_anew_is_refused_unless_it_may_begin() {
        TopicIds topics = new TopicIds().add("words", "B", 4);
        KafkaPartitionSplit same = new TopicSplit(split("words", 3, 7), "B");
        KafkaPartitionSplit other = new TopicSplit(split("words", 3, 7), "A");

        assertTrue(same == TopicReader.checked(same, topics, false));
        assertTrue(refusal(other, topics, false).contains("offset 7 in the state is of the topic with the id A, and the"
            + " topic of that name has the id B"));
        assertEquals(split("words", 3, KafkaPartitionSplit.EARLIEST_OFFSET),
            TopicReader.checked(other, topics, true));
        assertTrue(refusal(new TopicSplit(split("words", 4, 7), "A"), topics, true).contains("with 4 partitions"));
    }

    @Test
    void an_offset_of_a_topic_that_is_not_read_any_more_is_refused() {
        assertTrue(refusal(new TopicSplit(split("former", 0, 7), "A"), new TopicIds().add("words", "B", 4), true)
            .contains("input.topics does not name it"));
    }

    @Test
    void the_end_of_a_bounded_input_is_found_again_in_a_topic_made_anew() {
        KafkaPartitionSplit bounded = new KafkaPartitionSplit(new TopicPartition("words", 0), 7, 9);

        assertEquals(KafkaPartitionSplit.LATEST_OFFSET, TopicReader.checked(new TopicSplit(bounded, "A"),
            new TopicIds().add("words", "B", 4), true).getStoppingOffset().orElseThrow());
    }

    @Test
    void a_late_input_stays_while_many_others_pass() {
        Pending pending = new Pending();
        Input late = withKnown(input("late", 0));

        pending.add(late);
        for (int i = 1; i <= 10_000; i++) {
            pending.add(withKnown(input("k", i)));
            if (i > 10) {
                assertEquals(i - 10, pending.remove(pending.next() - 11).index);
            }
        }
        assertEquals(11, pending.count());
        assertEquals(1, pending.oldestHolding());
        assertTrue(pending.get(1) == late);
        assertNull(pending.remove(5_000));
        assertEquals(late, pending.remove(1));
        assertEquals(9_992, pending.oldestHolding());
        List<Long> left = pending.takeAll().stream().map(input -> input.index).collect(Collectors.toList());
        assertEquals(List.of(9_991L, 9_992L, 9_993L, 9_994L, 9_995L, 9_996L, 9_997L, 9_998L, 9_999L, 10_000L), left);
        assertEquals(0, pending.count());
        assertEquals(0, pending.bytes());
    }

    @Test
    void a_parked_input_holds_marks_only_if_it_shall() {
        Pending pending = new Pending();
        Input parked = withKnown(input("a", 1));

        pending.add(parked);
        pending.setParked(parked, true);
        assertEquals(1, pending.oldestHolding());
        pending.setParkedHolding(false);
        assertEquals(2, pending.oldestHolding());
        assertTrue(pending.isAllParked());
        pending.setParked(parked, false);
        assertEquals(1, pending.oldestHolding());
    }

    @Test
    void a_mark_waits_for_the_inputs_before_it_and_an_older_one_is_dropped() {
        HeldMarks marks = new HeldMarks();

        marks.hold(3, new Watermark(10));
        marks.hold(3, new Watermark(20));
        marks.hold(5, new Watermark(30));
        assertNull(marks.next(2));
        assertEquals(20, marks.next(3).watermark.getTimestamp());
        assertNull(marks.next(4));
        assertEquals(30, marks.next(9).watermark.getTimestamp());
        assertTrue(marks.isEmpty());
    }

    @Test
    void a_key_in_use_is_not_forgotten_and_the_longest_unused_goes_first() {
        KnownKeys keys = new KnownKeys(2, 1 << 20);
        KnownKeys.Known a = keys.add(Bytes.of("a"), 0, 0);
        KnownKeys.Known b = keys.add(Bytes.of("b"), 0, 0);
        KnownKeys.Known c = keys.add(Bytes.of("c"), 0, 0);

        keys.use(a);
        keys.use(b);
        keys.use(c);
        assertNull(keys.evict());
        keys.release(b);
        keys.release(a);
        assertEquals(b, keys.evict());
        assertNull(keys.evict());
        assertNull(keys.find(Bytes.of("b")));
    }

    @Test
    void much_memory_makes_keys_be_forgotten() {
        KnownKeys keys = new KnownKeys(1000, 10_000);
        KnownKeys.Known a = keys.add(Bytes.of("a"), 0, 0);

        keys.use(a);
        keys.release(a);
        assertTrue(keys.grow(a, 9_999));
        assertEquals(a, keys.evict());
    }
}
