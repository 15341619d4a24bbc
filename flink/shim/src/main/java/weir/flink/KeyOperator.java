// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.util.ArrayDeque;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.streaming.api.graph.StreamConfig;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.StreamTask;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.OutputTag;

/**
 * Finds the keys of inputs by {@code input.key-by}, which a worker does: the same code as on every other host. It has
 * no state: before a checkpoint's barrier goes on, all that was asked is answered.
 */
final class KeyOperator extends AbstractStreamOperator<Input>
    implements OneInputStreamOperator<Input, Input>, BoundedOneInput, WorkerHost.Owner {
    private static final long serialVersionUID = 1;
    static final OutputTag<DeadLetter> DEAD_LETTERS = new OutputTag<>("weir-unkeyed", new DeadLetterSerializer.Type());

    private final JobFiles files;
    private final Settings settings;
    private final transient MailboxExecutor mailbox;

    private transient WorkerHost host;
    private transient WorkerMetrics metrics;
    private transient WorkerMetrics.Total skipped;
    private transient WorkerMetrics.Total deadLetters;
    private transient WorkerMetrics.Total restarts;
    private transient ArrayDeque<Input> asked;
    private transient HeldMarks marks;
    private transient long nextTicket;
    private transient long most;
    private transient long askedBytes;
    private transient long mostBytes;
    private transient StreamRecord<Input> record;

    KeyOperator(JobFiles files, Settings settings, StreamOperatorParameters<Input> parameters) {
        this.files = files;
        this.settings = settings;
        mailbox = parameters.getMailboxExecutor();
        processingTimeService = parameters.getProcessingTimeService();
        setup(parameters.getContainingTask(), parameters.getStreamConfig(), parameters.getOutput());
    }

    /* Public in Flink 1.20 and protected in 2.x: as public it overrides both. */
    @Override
    public void setup(StreamTask<?, ?> task, StreamConfig config, Output<StreamRecord<Input>> output) {
        super.setup(task, config, output);
    }

    @Override
    public void open() throws Exception {
        super.open();
        asked = new ArrayDeque<>();
        marks = new HeldMarks();
        nextTicket = 1;
        record = new StreamRecord<>(null);
        most = settings.number("flink.inputs-in-flight");
        mostBytes = settings.number("flink.inputs-in-flight-mb") << 20;
        metrics = new WorkerMetrics(getMetricGroup(), getRuntimeContext());
        skipped = metrics.counter("skipped");
        deadLetters = metrics.counter("dead-letters");
        restarts = metrics.counter("worker-restarts");
        host = new WorkerHost(this, files, settings, mailbox, this);
        host.start();
    }

    /* Without key groups: it gets no RUN, and touches no journal. */
    @Override
    public WorkerOpening opening() {
        WorkerOpening opening = new WorkerOpening();

        opening.subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
        opening.parallelism = getRuntimeContext().getTaskInfo().getNumberOfParallelSubtasks();
        opening.maxParallelism = getRuntimeContext().getTaskInfo().getMaxNumberOfParallelSubtasks();
        opening.attempt = getRuntimeContext().getTaskInfo().getAttemptNumber();
        opening.jobName = settings.text("job.name", settings.text("weir.job-name"));
        opening.settings = settings.beneath();
        return opening;
    }

    @Override
    public void processElement(StreamRecord<Input> element) throws Exception {
        ask(element.getValue());
        while (asked.size() >= most || askedBytes >= mostBytes) {
            mailbox.yield();
        }
    }

    private void ask(Input input) {
        WorkerProcess worker = host.worker();

        input.ticket = nextTicket++;
        asked.add(input);
        askedBytes += 96 + (input.payload == null ? 0 : input.payload.length);
        synchronized (worker.lock) {
            worker.frames().begin(Frames.KEY).i64(input.ticket).bytes(input.payload).end();
            worker.filled();
        }
    }

    @Override
    public void startedAgain() {
        Input[] again = asked.toArray(new Input[0]);

        restarts.add(1);
        metrics.startAgain();
        asked.clear();
        askedBytes = 0;
        /* Tickets stay what they are: marks stand behind them. */
        nextTicket -= again.length;
        for (Input input : again) {
            ask(input);
        }
    }

    @Override
    public void receive(FrameReader frame) throws Exception {
        if (frame.type == Frames.READY) {
            frame.u32("the number of partitions");
            frame.u8();
            frame.u8();
            frame.end();
        } else if (frame.type == Frames.METRICS) {
            metrics.read(frame);
        } else if (frame.type == Frames.KEYED) {
            answer(frame);
            emitMarks();
        } else {
            throw new ProtocolException("the worker's frame " + Frames.nameUp(frame.type) + " may not come here");
        }
    }

    private void answer(FrameReader frame) throws IOException {
        long ticket = frame.i64();
        int kind = frame.u8(Frames.DEAD_LETTER, "an answer's kind");
        Input input = asked.poll();

        if (input == null || input.ticket != ticket) {
            throw frame.broken("ticket " + ticket + " is not the next one that was asked");
        }
        askedBytes -= 96 + (input.payload == null ? 0 : input.payload.length);
        if (kind == 0) {
            Bytes found = Bytes.of(frame.present("a key"));

            frame.end();
            input.key = found;
            emit(input);
            return;
        }
        String code = frame.text();
        String message = frame.text();
        frame.end();
        if (kind == Frames.FAILED) {
            throw new IOException(input.describe() + ": " + message + " (" + code + "); input.on-error is fail");
        }
        if (kind == Frames.SKIPPED) {
            skipped.add(1);
            return;
        }
        deadLetters.add(1);
        DeadLetter letter = DeadLetter.of(input, code, message);
        output.collect(DEAD_LETTERS, input.timestampMs == Input.NO_TIME ? new StreamRecord<>(letter)
            : new StreamRecord<>(letter, input.timestampMs));
    }

    private void emit(Input input) {
        if (input.timestampMs == Input.NO_TIME) {
            record.replace(input);
            record.eraseTimestamp();
        } else {
            record.replace(input, input.timestampMs);
        }
        output.collect(record);
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        marks.hold(nextTicket, mark);
        emitMarks();
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) throws Exception {
        marks.hold(nextTicket, status);
        emitMarks();
    }

    private void emitMarks() throws Exception {
        long oldest = asked.isEmpty() ? nextTicket : asked.peek().ticket;

        for (HeldMarks.Mark mark; (mark = marks.next(oldest)) != null;) {
            if (mark.watermark != null) {
                super.processWatermark(mark.watermark);
            } else {
                super.processWatermarkStatus(mark.status);
            }
        }
    }

    private void drain() throws Exception {
        while (!asked.isEmpty()) {
            mailbox.yield();
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        super.prepareSnapshotPreBarrier(checkpointId);
        drain();
    }

    @Override
    public void endInput() throws Exception {
        drain();
        emitMarks();
    }

    @Override
    public void close() throws Exception {
        try {
            if (host != null) {
                host.close(true, settings.number("flink.worker-stop-timeout-ms"));
            }
        } finally {
            super.close();
        }
    }
}
