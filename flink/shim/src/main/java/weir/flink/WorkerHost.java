// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An operator's worker, over the lives of its processes: brings what it sends to the mailbox's thread, in one mail for
 * all that is there, and starts another one when one has died and that is allowed.
 */
final class WorkerHost implements WorkerProcess.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerHost.class);
    /** Of one mail, so that a checkpoint need not wait for long. */
    private static final int MOST_FRAMES = 64;

    /** The operator. All of it is called on the mailbox's thread. */
    interface Owner {
        /** What a worker that is started now must know. */
        WorkerOpening opening();

        void receive(FrameReader frame) throws Exception;

        /** Another one is there, and knows nothing. */
        void startedAgain() throws Exception;
    }

    private final String name;
    private final Settings settings;
    private final MailboxExecutor mailbox;
    private final Owner owner;
    private final JobFiles.Unpacked files;
    private final AtomicBoolean isMailed = new AtomicBoolean();
    private final long mostRestarts;
    private long restarts;
    private WorkerProcess worker;
    private boolean isHeld;
    private boolean isClosed;

    WorkerHost(AbstractStreamOperator<?> operator, JobFiles files, Settings settings, MailboxExecutor mailbox,
        Owner owner)
        throws IOException {
        TaskInfo task = operator.getRuntimeContext().getTaskInfo();
        String[] temporary = operator.getContainingTask().getEnvironment().getTaskManagerInfo().getTmpDirectories();
        String folder = settings.text("flink.work-dir", temporary.length > 0 ? temporary[0]
            : System.getProperty("java.io.tmpdir"));

        this.name = operator.getOperatorConfig().getOperatorName() + " (" + (task.getIndexOfThisSubtask() + 1) + "/"
            + task.getNumberOfParallelSubtasks() + ")#" + task.getAttemptNumber();
        this.settings = settings;
        this.mailbox = mailbox;
        this.owner = owner;
        this.mostRestarts = settings.number("flink.worker-restarts");
        this.files = files.unpack(folder, operator.getUserCodeClassloader());
    }

    void start() throws IOException {
        worker = new WorkerProcess(name, files, settings, owner.opening(), this);
    }

    WorkerProcess worker() {
        return worker;
    }

    long restarts() {
        return restarts;
    }

    @Override
    public void arrived() {
        if (isMailed.compareAndSet(false, true)) {
            try {
                mailbox.execute(this::deliver, "weir: what the worker sent");
            } catch (RejectedExecutionException e) {
                /* The task is past its end: nobody waits for it any more. */
            }
        }
    }

    /** Takes what is there. */
    void deliver() throws Exception {
        WorkerProcess process = worker;
        WorkerFailure failure;

        isMailed.set(false);
        if (isHeld || isClosed) {
            return;
        }
        failure = process.failure(); /* before the frames: all that came before it is taken first */
        for (int i = 0; i < MOST_FRAMES; i++) {
            FrameReader frame = process.take();

            if (frame == null) {
                if (failure != null) {
                    replace(failure);
                }
                return;
            }
            owner.receive(frame);
        }
        arrived();
    }

    private void replace(WorkerFailure failure) throws Exception {
        if (!failure.isWorthAnother || restarts >= mostRestarts) {
            throw new IOException(name + ": " + failure.getMessage() + (failure.isWorthAnother && mostRestarts > 0
                ? "; it was started again " + restarts + " times (flink.worker-restarts)" : ""), failure);
        }
        restarts++;
        LOG.warn("{}: {}; starting it again, {} of {}", name, failure.getMessage(), restarts, mostRestarts);
        worker.stop(true, 0);
        start();
        owner.startedAgain();
    }

    /** What comes stays where it is from now on: after the snapshot of a stop-with-savepoint. */
    void hold() {
        isHeld = true;
    }

    void release() {
        isHeld = false;
        arrived();
    }

    /** Ends the worker. What it told of its metrics at last is still taken. */
    void close(boolean isAtOnce, long graceMs) throws Exception {
        FrameReader metrics;

        isClosed = true;
        if (worker != null) {
            worker.stop(isAtOnce, graceMs);
            metrics = worker.lastMetrics();
            if (metrics != null) {
                owner.receive(metrics);
            }
        }
    }
}
