// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeMap;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.checkpoint.CheckpointOptions;
import org.apache.flink.runtime.checkpoint.SavepointType;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.graph.StreamConfig;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.OperatorSnapshotFutures;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.StreamTask;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.OutputTag;

/**
 * Runs a job's agents over a keyed stream: gives inputs to a worker, applies what it tells, and holds in Flink's state
 * all that lasts. README.md has the invariants, which are cited here by number; everything runs on the mailbox's
 * thread.
 */
final class AgentOperator extends AbstractStreamOperator<WeirOutput>
    implements OneInputStreamOperator<Input, WeirOutput>, BoundedOneInput, WorkerHost.Owner {
    private static final long serialVersionUID = 1;
    static final OutputTag<DeadLetter> DEAD_LETTERS = new OutputTag<>("weir-dead-letters",
        new DeadLetterSerializer.Type());

    private final JobFiles files;
    private final Settings settings;
    private final transient MailboxExecutor mailbox;

    private transient WorkerHost host;
    private transient WorkerMetrics metrics;
    private transient WorkerMetrics.Total inputs;
    private transient WorkerMetrics.Total outputs;
    private transient WorkerMetrics.Total skipped;
    private transient WorkerMetrics.Total deadLetters;
    private transient WorkerMetrics.Total restarts;

    private transient PendingState pendingState;
    private transient KeyedCells memory;
    private transient ListState<byte[]> factsState;
    private transient long batches;
    /** The keys of the batch's ends, each once. */
    private transient ArrayList<KnownKeys.Known> ended;

    private transient Pending pending;
    private transient KnownKeys keys;
    private transient HeldMarks marks;
    private transient TreeMap<Integer, Long> markers;
    private transient KeyGroupRange groups;
    private transient int maxParallelism;
    /** Of the action-state topic; -1: not known yet. */
    private transient int partitions;
    private transient long nextOrder;
    private transient boolean isRestored;
    private transient boolean isEndWaiting;
    /** All has been done that was to be done: the worker may take its time to end. */
    private transient boolean isClean;
    private transient long mostInputs;
    private transient long mostBytes;
    private transient StreamRecord<WeirOutput> record;

    AgentOperator(JobFiles files, Settings settings, StreamOperatorParameters<WeirOutput> parameters) {
        this.files = files;
        this.settings = settings;
        mailbox = parameters.getMailboxExecutor();
        processingTimeService = parameters.getProcessingTimeService();
        setup(parameters.getContainingTask(), parameters.getStreamConfig(), parameters.getOutput());
    }

    /* ---- beginning ----------------------------------------------------------------------------------------------- */

    /* Public in Flink 1.20 and protected in 2.x: as public it overrides both. */
    @Override
    public void setup(StreamTask<?, ?> task, StreamConfig config, Output<StreamRecord<WeirOutput>> output) {
        super.setup(task, config, output);
    }

    /* The key is set where state is touched, which is not at every record. */
    @Override
    public boolean hasKeyContext1() {
        return false;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        SavedFacts facts = null;

        super.initializeState(context);
        memory = new KeyedCells(this, context.getKeyedStateStore(), settings.number("flink.state-gc-ms"));
        pendingState = new PendingState(this, context.getKeyedStateStore());
        factsState = context.getOperatorStateStore().getUnionListState(
            new ListStateDescriptor<>("weir", BytePrimitiveArraySerializer.INSTANCE));
        isRestored = context.isRestored();
        maxParallelism = getRuntimeContext().getTaskInfo().getMaxNumberOfParallelSubtasks();
        groups = KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(maxParallelism,
            getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks(),
            getRuntimeContext().getTaskInfo().getIndexOfThisSubtask());
        markers = new TreeMap<>();
        partitions = -1;
        if (isRestored) {
            facts = SavedFacts.merge(factsState.get());
        }
        if (facts != null) {
            if (facts.maxParallelism != maxParallelism) {
                throw new RefusedState("the state was written with a maximum parallelism of " + facts.maxParallelism
                    + ", the job has "
                    + maxParallelism + ": set pipeline.max-parallelism to " + facts.maxParallelism
                    + ", since the journal's partitions follow from it");
            }
            partitions = facts.partitions;
            markers.putAll(facts.markers);
        }
    }

    @Override
    public void open() throws Exception {
        super.open();
        pending = new Pending();
        keys = new KnownKeys(settings.number("flink.worker-keys"), settings.number("flink.worker-keys-mb") << 20);
        marks = new HeldMarks();
        ended = new ArrayList<>();
        record = new StreamRecord<>(null);
        mostInputs = settings.number("flink.inputs-in-flight");
        mostBytes = settings.number("flink.inputs-in-flight-mb") << 20;
        openMetrics();
        host = new WorkerHost(this, files, settings, mailbox, this);
        host.start();
        for (Input input : restore()) {
            give(input);
        }
    }

    private void openMetrics() {
        metrics = new WorkerMetrics(getMetricGroup(), getRuntimeContext());
        inputs = metrics.counter("inputs");
        outputs = metrics.counter("outputs");
        skipped = metrics.counter("skipped");
        deadLetters = metrics.counter("dead-letters");
        restarts = metrics.counter("worker-restarts");
        metrics.gauge("inputs-in-flight", () -> pending.count());
        metrics.gauge("inputs-in-flight-bytes", () -> pending.bytes());
        metrics.gauge("parked", () -> pending.parked());
        metrics.gauge("worker-keys", () -> keys.size());
    }

    @Override
    public WorkerOpening opening() {
        WorkerOpening opening = new WorkerOpening();

        opening.subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
        opening.parallelism = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
        opening.maxParallelism = maxParallelism;
        opening.firstGroup = groups.getStartKeyGroup();
        opening.lastGroup = groups.getEndKeyGroup();
        opening.attempt = getRuntimeContext().getTaskInfo().getAttemptNumber();
        opening.isRestored = isRestored || host != null && host.restarts() > 0;
        opening.jobName = settings.text("job.name", settings.text("weir.job-name"));
        opening.settings = settings.beneath();
        opening.markers = markers;
        opening.partitions = Math.max(partitions, 0);
        return opening;
    }

    private List<Input> restore() throws Exception {
        if (!isRestored) {
            return Collections.emptyList();
        }
        List<Input> restored = pendingState.restore(getKeyedStateBackend());

        if (!restored.isEmpty()) {
            nextOrder = restored.get(restored.size() - 1).order + 1;
        }
        LOG.info("{}: {} inputs were pending in the state, markers {}", getOperatorName(), restored.size(), markers);
        return restored;
    }

    /* ---- inputs -------------------------------------------------------------------------------------------------- */

    @Override
    public void processElement(StreamRecord<Input> element) throws Exception {
        Input input = element.getValue();

        input.order = nextOrder++;
        inputs.add(1);
        give(input);
        while (pending.count() >= mostInputs || pending.bytes() >= mostBytes) {
            mailbox.yield(); /* invariant 7 */
        }
    }

    /* To the worker, which knows the key already or is told its memory. */
    private void give(Input input) throws Exception {
        KnownKeys.Known known = keys.find(input.key);
        boolean isNew = known == null;

        if (isNew) {
            known = load(input);
        }
        keys.use(known);
        input.known = known;
        if (input.has(Input.HAS_NO_POSITION) && !input.isGivenAgain) {
            input.index = memory.takeNumber(known);
        }
        pending.add(input);
        WorkerProcess worker = host.worker();
        synchronized (worker.lock) {
            writeRun(worker.frames(), input, isNew);
            worker.filled();
        }
        if (isNew) {
            forgetOldest();
        }
    }

    private KnownKeys.Known load(Input input) throws Exception {
        int group = KeyGroupRangeAssignment.assignToKeyGroup(input.key, maxParallelism);
        KnownKeys.Known known = keys.add(input.key, group, memory.read(input.key));

        if (input.has(Input.HAS_NO_POSITION)) {
            known.nextNumber = memory.readNumber(input.key);
        }
        return known;
    }

    private void writeRun(FrameWriter out, Input input, boolean isNew) {
        int flags = input.flags & (Input.IS_JSON | Input.HAS_NO_POSITION);

        if (isNew) {
            flags |= Frames.HAS_MEMORY;
        }
        if (input.isGivenAgain) {
            flags |= Frames.IS_RESTORED;
        }
        out.begin(Frames.RUN).i64(input.ticket).u32(input.known.group).u8(flags).bytes(input.source.idBytes)
            .i64(input.index)
            .i64(Math.max(input.timestampMs, 0)).bytes(input.key.array).bytes(input.payload);
        if (isNew) {
            out.u32(memory.cells.size() / 2);
            for (Bytes part : memory.cells) {
                out.bytes(part.array);
            }
        } else {
            out.u32(0);
        }
        if (input.entries == null) {
            out.u32(0);
        } else {
            out.u32(input.entries.size());
            for (Input.Entry entry : input.entries) {
                out.i64(entry.place).bytes(entry.sealed);
            }
        }
        out.end();
    }

    /* Invariant 3. */
    private void forgetOldest() throws Exception {
        WorkerProcess worker = host.worker();

        for (KnownKeys.Known oldest; (oldest = keys.evict()) != null;) {
            memory.forget(oldest);
            synchronized (worker.lock) {
                worker.frames().begin(Frames.FORGET).bytes(oldest.key.array).end();
                worker.filled();
            }
        }
    }

    @Override
    public void startedAgain() throws Exception {
        List<Input> again = pending.takeAll();

        restarts.add(1);
        metrics.startAgain();
        memory.saveAll();
        keys.clear();
        for (Input input : again) {
            input.isGivenAgain = true;
            give(input);
        }
        marks.renumber(pending.next());
    }

    /* ---- what the worker tells ----------------------------------------------------------------------------------- */

    @Override
    public void receive(FrameReader frame) throws Exception {
        switch (frame.type) {
        case Frames.READY:
            receiveReady(frame);
            break;
        case Frames.BATCH:
            receiveEnds(frame);
            receiveChanges(frame);
            receiveMarkers(frame);
            frame.end();
            break;
        case Frames.PARKED:
            receiveParked(frame);
            break;
        case Frames.KEEP:
            receiveKeep(frame);
            break;
        case Frames.METRICS:
            metrics.read(frame);
            return;
        default:
            throw new ProtocolException("the worker's frame " + Frames.nameUp(frame.type) + " may not come here");
        }
        emitMarks();
    }

    private void receiveReady(FrameReader frame) throws IOException {
        int told = frame.u32("the number of partitions");

        pending.setParkedHolding(frame.u8(1, "is_parked_holding") == 1);
        isEndWaiting = frame.u8(1, "at_end") == 1;
        frame.end();
        if (partitions >= 0 && partitions != told) {
            throw new RefusedState("the action-state topic has " + told + " partitions, and the state was written with "
                + partitions
                + (partitions == 0 ? " (there was no topic)" : "")
                + ": runs that are pending in it would not find what was recorded of"
                + " them; use the former topic, or start without the state");
        }
        partitions = told;
        LOG.info("{}: {} is ready, partitions={}", getOperatorName(), host.worker().describe(), told);
    }

    private Input named(FrameReader frame) {
        long ticket = frame.i64();
        Input input = pending.get(ticket);

        if (input == null) {
            throw frame.broken("ticket " + ticket + " is not under way");
        }
        return input;
    }

    private void receiveEnds(FrameReader frame) throws IOException {
        int count = frame.count(10);
        long emitted = 0;

        ended.clear();
        batches++;

        for (int i = 0; i < count; i++) {
            long ticket = frame.i64();
            int kind = frame.u8(Frames.DEAD_LETTER, "an end's kind");
            Input input = pending.remove(ticket);

            if (input == null) {
                throw frame.broken("ticket " + ticket + " is not under way");
            }
            if (kind == Frames.DONE) {
                emitted += emit(input, frame);
            } else {
                refuse(input, kind, frame.text(), frame.text());
            }
            keys.release(input.known);
            if (input.known.batch != batches) {
                input.known.batch = batches;
                ended.add(input.known);
            }
            input.known = null;
            pendingState.over(input);
        }
        if (emitted > 0) {
            outputs.add(emitted);
        }
    }

    private int emit(Input input, FrameReader frame) {
        int count = frame.count(4);

        for (int i = 0; i < count; i++) {
            WeirOutput made = new WeirOutput(input.key.array, frame.present("an output"), input.source, input.index, i,
                input.timestampMs);

            /* A downstream operator may keep a record's value, never the record. */
            if (input.timestampMs == Input.NO_TIME) {
                record.replace(made);
                record.eraseTimestamp();
            } else {
                record.replace(made, input.timestampMs);
            }
            output.collect(record);
        }
        return count;
    }

    private void refuse(Input input, int kind, String code, String message) throws IOException {
        if (kind == Frames.FAILED) {
            throw new IOException(input.describe() + ": " + message + " (" + code + "); input.on-error is fail");
        }
        if (kind == Frames.SKIPPED) {
            skipped.add(1);
            LOG.debug("{}: {} is passed over: {}", getOperatorName(), input.describe(), message);
            return;
        }
        deadLetters.add(1);
        DeadLetter letter = DeadLetter.of(input, code, message);
        output.collect(DEAD_LETTERS, input.timestampMs == Input.NO_TIME ? new StreamRecord<>(letter)
            : new StreamRecord<>(letter, input.timestampMs));
    }

    private void receiveChanges(FrameReader frame) throws Exception {
        int count = frame.count(8);
        int first = 0;
        int last = ended.size() - 1;

        for (int i = 0; i < count; i++) {
            KnownKeys.Known known;

            frame.slice("a key");
            /* Keys come in the order in which their first runs ended, or in the opposite one, as a worker likes: then
             * none is looked up. */
            if (first <= last && frame.sliceIs(ended.get(last).key.array)) {
                known = ended.get(last--);
            } else if (first <= last && frame.sliceIs(ended.get(first).key.array)) {
                known = ended.get(first++);
            } else {
                known = keys.find(Bytes.of(frame.sliceCopy()));
            }
            if (known == null) {
                throw frame.broken("a key's memory has changed that the worker does not have");
            }
            if (keys.grow(known, memory.change(known, frame))) {
                keys.counted(known, memory.saveAndRead(known));
            }
        }
        if (memory.isMuchChanged()) {
            memory.saveCells();
        }
    }

    private void receiveMarkers(FrameReader frame) {
        int count = frame.count(12);

        for (int i = 0; i < count; i++) {
            int partition = frame.u32("a partition");

            markers.put(partition, frame.i64());
        }
    }

    private void receiveParked(FrameReader frame) {
        Input input = named(frame);
        boolean isParked = frame.u8(1, "is_parked") == 1;
        String what = frame.text();

        frame.end();
        pending.setParked(input, isParked);
        if (isParked) {
            LOG.warn("{}: run {}/{} is parked, its key waits for a decision: {}", getOperatorName(), input.source.id,
                input.index, what);
        } else {
            LOG.info("{}: run {}/{} goes on", getOperatorName(), input.source.id, input.index);
        }
    }

    private void receiveKeep(FrameReader frame) {
        Input input = named(frame);
        int count = frame.count(12);
        List<Input.Entry> entries = new ArrayList<>(count);

        for (int i = 0; i < count; i++) {
            long place = frame.i64();

            entries.add(new Input.Entry(place, frame.present("an entry")));
        }
        frame.end();
        input.keep(entries);
    }

    /* ---- watermarks: invariant 5 --------------------------------------------------------------------------------- */

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        marks.hold(pending.next(), mark);
        emitMarks();
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) throws Exception {
        marks.hold(pending.next(), status);
        emitMarks();
    }

    private void emitMarks() throws Exception {
        if (marks.isEmpty()) {
            return;
        }
        long oldest = pending.oldestHolding();
        for (HeldMarks.Mark mark; (mark = marks.next(oldest)) != null;) {
            if (mark.watermark != null) {
                super.processWatermark(mark.watermark);
            } else {
                super.processWatermarkStatus(mark.status);
            }
        }
    }

    /* ---- checkpoints: invariant 2 -------------------------------------------------------------------------------- */

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        pendingState.save(pending.all());
        memory.saveAll();
        factsState.update(Collections.singletonList(facts().write()));
    }

    private SavedFacts facts() {
        SavedFacts facts = new SavedFacts();

        facts.maxParallelism = maxParallelism;
        facts.partitions = partitions;
        if (partitions > 0 && groups.getNumberOfKeyGroups() > 0) {
            int first = (int) ((long) groups.getStartKeyGroup() * partitions / maxParallelism);
            int last = (int) ((long) groups.getEndKeyGroup() * partitions / maxParallelism);

            for (int partition = first; partition <= last; partition++) {
                facts.markers.put(partition, markers.getOrDefault(partition, SavedFacts.FROM_START));
            }
        }
        return facts;
    }

    /* Invariant 6. The method is not final on purpose of ours: it alone is told which kind of checkpoint it is. */
    @Override
    public OperatorSnapshotFutures snapshotState(long checkpointId, long timestamp, CheckpointOptions options,
        CheckpointStreamFactory factory) throws Exception {
        OperatorSnapshotFutures futures = super.snapshotState(checkpointId, timestamp, options, factory);

        if (options.getCheckpointType().isSavepoint() && ((SavepointType) options.getCheckpointType())
            .isSynchronous()) {
            host.hold();
            isClean = true;
        }
        return futures;
    }

    @Override
    public void notifyCheckpointAborted(long checkpointId) throws Exception {
        super.notifyCheckpointAborted(checkpointId);
        if (isClean) {
            isClean = false;
            host.release();
        }
    }

    /* ---- the end ------------------------------------------------------------------------------------------------- */

    @Override
    public void endInput() throws Exception {
        boolean isSaid = false;

        while (pending.count() > 0) {
            if (pending.isAllParked()) {
                String left = pending.count()
                    + " inputs are left at the end of the input, all parked or behind parked ones";

                if (!isEndWaiting) {
                    throw new IOException(left + "; decide on them by `JOB resolve`, or let the job wait for that by"
                        + " flink.parked-at-end: wait");
                }
                if (!isSaid) {
                    LOG.warn("{}: {}; waiting for decisions", getOperatorName(), left);
                    isSaid = true;
                }
            }
            mailbox.yield();
        }
        emitMarks();
        isClean = true;
    }

    /* Invariant 8. */
    @Override
    public void close() throws Exception {
        long graceMs = settings.number("flink.worker-stop-timeout-ms");

        try {
            if (host != null) {
                host.close(!isClean, isClean ? graceMs + settings.number("calls.stop-timeout-ms")
                    : graceMs);
            }
        } finally {
            super.close();
        }
    }
}
