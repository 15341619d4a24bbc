// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One worker: the process and four threads. One writes frames, one reads them, one reads standard error, one ends it if
 * it is not ready in time. The operator's thread appends frames and takes frames, and never waits here but in {@link
 * #stop}.
 *
 * <p>Frames gather while the writer is busy, and a moment longer: many go with one write, and the moment is all that
 * one costs. See README.md for the states.
 */
final class WorkerProcess {
    private static final Logger LOG = LoggerFactory.getLogger(WorkerProcess.class);
    private static final int GATHER_BYTES = 32 << 10;
    private static final long GATHER_NANOS = 200_000;
    private static final int USUAL_BUFFER = 1 << 20;
    private static final long MOST_QUEUED_BYTES = 64L << 20;
    private static final long REAP_MS = 10_000;
    /** From one sign of a worker's end to the next: at once, but on a machine that is busy with other things. */
    private static final long END_MS = 5_000;

    enum State { STARTING, OPENING, READY, STOPPING, GONE, DEAD }

    /** Told, by any thread, that something is there to be taken. */
    interface Listener {
        void arrived();
    }

    final Object lock = new Object();
    private final String name;
    private final Process process;
    private final WorkerLog log;
    private final Listener listener;
    private final int longest;
    private final byte[] hello;
    private final byte[] open;
    private final long startTimeoutMs;
    private final List<Thread> threads = new ArrayList<>();
    private final Thread errors;

    /* lock: lock */
    private State state = State.STARTING;
    private FrameWriter out;
    private FrameWriter spare;
    private boolean isWriterWaiting;
    private final ArrayDeque<FrameReader> arrived = new ArrayDeque<>();
    private final ArrayDeque<Integer> arrivedSizes = new ArrayDeque<>();
    private long arrivedBytes;
    private FrameReader lastMetrics;
    private WorkerFailure failure;
    private String version = "";
    private long pid;

    /**
     * Starts it.
     *
     * @param opening what HELLO and OPEN say
     * @throws WorkerFailure it cannot be started
     */
    WorkerProcess(String name, JobFiles.Unpacked files, Settings settings, WorkerOpening opening, Listener listener)
        throws WorkerFailure {
        this.name = name;
        this.listener = listener;
        this.longest = Frames.longest(settings.number("limits.record-bytes"));
        this.startTimeoutMs = settings.number("flink.worker-start-timeout-ms");
        this.log = new WorkerLog(name);
        this.out = new FrameWriter(USUAL_BUFFER / 4, longest);
        this.spare = new FrameWriter(USUAL_BUFFER / 4, longest);
        this.hello = opening.hello(longest);
        this.open = opening.open(longest);
        this.process = spawn(files, settings);
        this.pid = process.pid();
        LOG.info("{}: worker started pid={} binary={}", name, pid, files.binary);
        /* First: the reading thread waits for its end, and nobody can wait for a thread that has not begun. */
        this.errors = thread("stderr", () -> log.read(process.getErrorStream()));
        thread("reader", this::read);
        thread("writer", this::write);
        thread("start", this::watchStart);
    }

    private Thread thread(String what, Runnable body) {
        Thread thread = new Thread(body, "weir-" + what + " " + name);

        thread.setDaemon(true);
        /* A thread outlives its task by moments, and must not hold the job's class loader longer. */
        threads.add(thread);
        thread.start();
        return thread;
    }

    private static Process spawn(JobFiles.Unpacked files, Settings settings) throws WorkerFailure {
        List<String> command = new ArrayList<>();

        WorkerFailure.checkMachine(files.binary);
        command.add(files.binary.toString());
        command.add("worker");
        if (files.config != null) {
            command.add("--config");
            command.add(files.config.toString());
        }
        settings.overrides().forEach((key, value) -> {
            command.add("--set");
            command.add(key + "=" + value);
        });
        ProcessBuilder builder = new ProcessBuilder(command);
        /* Official images preload another allocator for the JVM; the worker brings what it needs. */
        builder.environment().remove("LD_PRELOAD");
        for (int tries = 0;; tries++) {
            try {
                return builder.start();
            } catch (IOException e) {
                /* Another thread forked while the file was being written, and its child has not come to its exec yet.
                 * */
                if (WorkerFailure.number(e) != WorkerFailure.E_TXTBSY || tries == 200) {
                    throw WorkerFailure.ofStart(files.binary, e);
                }
                LockSupport.parkNanos(25_000_000L);
            }
        }
    }

    /* ---- the operator's side ------------------------------------------------------------------------------------- */

    /** Where frames are appended; under the lock, and filled() follows. */
    FrameWriter frames() {
        return out;
    }

    /** Under the lock: frames were appended. */
    void filled() {
        if (isWriterWaiting) {
            isWriterWaiting = false;
            lock.notifyAll();
        }
    }

    /** How much waits to be written. */
    int waitingBytes() {
        synchronized (lock) {
            return out.size;
        }
    }

    /** The next frame of READY, BATCH, PARKED, KEEP, METRICS, KEYED; null: none is here now. */
    FrameReader take() {
        synchronized (lock) {
            FrameReader frame = arrived.poll();

            if (frame != null) {
                arrivedBytes -= arrivedSizes.poll();
                lock.notifyAll();
            }
            return frame;
        }
    }

    /** After stop(): what it told of its metrics at last; null: nothing more. */
    FrameReader lastMetrics() {
        synchronized (lock) {
            return lastMetrics;
        }
    }

    /** Why it is gone; null: it is not. Frames that came before may still be there. */
    WorkerFailure failure() {
        synchronized (lock) {
            return failure;
        }
    }

    String describe() {
        return "worker " + pid + " (weir " + version + ")";
    }

    /**
     * Ends it, and comes back when it is gone: asks it to stop, waits, kills.
     *
     * @param isAtOnce calls under way are not waited for
     */
    void stop(boolean isAtOnce, long graceMs) {
        boolean wasReady;
        boolean wasInterrupted = false;

        synchronized (lock) {
            wasReady = state == State.READY;
            if (state != State.DEAD && state != State.GONE) {
                state = State.STOPPING;
            }
            arrived.clear();
            arrivedSizes.clear();
            arrivedBytes = 0;
            if (wasReady) {
                out.begin(Frames.STOP).u8(isAtOnce ? 1 : 0).end();
            }
            lock.notifyAll();
        }
        try {
            if (!wasReady || !process.waitFor(graceMs, TimeUnit.MILLISECONDS)) {
                if (wasReady) {
                    LOG.warn("{}: the worker did not end within {} ms of STOP, killing it pid={}", name, graceMs, pid);
                }
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            wasInterrupted = true;
            process.destroyForcibly();
        }
        wasInterrupted |= reap();
        wasInterrupted |= joinThreads();
        LOG.info("{}: worker ended pid={}", name, pid);
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /* The JVM reaps by a thread of its own; what is killed is gone soon, unless the machine holds it in the kernel. */
    private boolean reap() {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(REAP_MS);
        boolean wasInterrupted = false;

        while (process.isAlive()) {
            long left = deadline - System.nanoTime();

            if (left <= 0) {
                LOG.error("{}: worker {} was killed and is still there", name, pid);
                break;
            }
            try {
                process.waitFor(left, TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                wasInterrupted = true;
            }
        }
        return wasInterrupted;
    }

    private boolean joinThreads() {
        boolean wasInterrupted = false;

        synchronized (lock) {
            state = state == State.DEAD ? State.DEAD : State.GONE;
            lock.notifyAll();
        }
        close(process.getOutputStream());
        for (Thread thread : threads) {
            try {
                thread.join(2000);
            } catch (InterruptedException e) {
                wasInterrupted = true;
            }
        }
        close(process.getInputStream());
        close(process.getErrorStream());
        return wasInterrupted;
    }

    private static void close(AutoCloseable stream) {
        try {
            stream.close();
        } catch (Exception e) {
            /* The other end is gone, which is what was wanted. */
        }
    }

    /* ---- writing ------------------------------------------------------------------------------------------------- */

    private void write() {
        OutputStream stream = process.getOutputStream();

        try {
            stream.write(hello);
            stream.flush();
            synchronized (lock) {
                while (state == State.STARTING) {
                    lock.wait();
                }
            }
            stream.write(open);
            stream.flush();
            for (FrameWriter filled; (filled = nextFrames()) != null;) {
                stream.write(filled.data, 0, filled.size);
                stream.flush();
                filled.size = 0;
                if (filled.data.length > USUAL_BUFFER) {
                    filled.data = new byte[USUAL_BUFFER];
                }
                synchronized (lock) {
                    spare = filled;
                }
            }
        } catch (IOException e) {
            /* It does not read any more: the reading thread finds out why. */
            LOG.debug("{}: writing ended: {}", name, e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /* Waits until there are some, and a moment more if they are few; null: there will be none. */
    private FrameWriter nextFrames() throws InterruptedException {
        boolean isFew;

        synchronized (lock) {
            while (out.size == 0) {
                if (state == State.GONE || state == State.DEAD) {
                    return null;
                }
                isWriterWaiting = true;
                lock.wait();
            }
            isWriterWaiting = false;
            isFew = out.size < GATHER_BYTES && state != State.STOPPING;
        }
        if (isFew) {
            LockSupport.parkNanos(GATHER_NANOS);
        }
        synchronized (lock) {
            FrameWriter filled = out;

            out = spare;
            spare = null;
            return filled;
        }
    }

    /* ---- reading ------------------------------------------------------------------------------------------------- */

    private void read() {
        InputStream stream = process.getInputStream();
        byte[] buffer = new byte[256 << 10];
        int begin = 0;
        int end = 0;

        try {
            while (true) {
                while (end - begin >= 4) {
                    int size = length(buffer, begin, end);

                    if (end - begin - 4 < size) {
                        break;
                    }
                    byte[] frame = new byte[size];
                    System.arraycopy(buffer, begin + 4, frame, 0, size);
                    begin += 4 + size;
                    receive(new FrameReader(frame, 0, size), size);
                }
                int needed = end - begin >= 4 ? 4 + length(buffer, begin, end) : 4;

                if (begin > 0) {
                    System.arraycopy(buffer, begin, buffer, 0, end - begin);
                    end -= begin;
                    begin = 0;
                }
                if (needed > buffer.length) {
                    byte[] larger = new byte[needed];
                    System.arraycopy(buffer, 0, larger, 0, end);
                    buffer = larger;
                } else if (buffer.length > USUAL_BUFFER && needed < USUAL_BUFFER && end < USUAL_BUFFER) {
                    byte[] usual = new byte[USUAL_BUFFER];
                    System.arraycopy(buffer, 0, usual, 0, end);
                    buffer = usual;
                }
                int count = stream.read(buffer, end, buffer.length - end);
                if (count < 0) {
                    ended(end > begin ? " in the middle of a frame" : "");
                    return;
                }
                end += count;
            }
        } catch (IOException e) {
            ended(": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | OutOfMemoryError e) {
            process.destroyForcibly();
            fail(new WorkerFailure(e.getMessage() + log.lastLines(), e, false));
        }
    }

    private int length(byte[] buffer, int begin, int end) {
        long size = (buffer[begin] & 0xFFL) << 24 | (buffer[begin + 1] & 0xFF) << 16 | (buffer[begin + 2] & 0xFF) << 8
            | buffer[begin + 3] & 0xFF;

        if (size < 1 || size > longest) {
            String text = new String(buffer, begin, Math.min(end - begin, 60), StandardCharsets.UTF_8)
                .replaceAll("\\p{Cntrl}", ".");

            throw new ProtocolException("the worker wrote what is no frame to its standard output (a length of " + size
                + ", 1 to "
                + longest + " are allowed): '" + text + "'; does the job print there itself?");
        }
        return (int) size;
    }

    private void receive(FrameReader frame, int size) throws InterruptedException {
        State now;

        synchronized (lock) {
            now = state;
        }
        switch (frame.type) {
        case Frames.HELLO:
            allow(now == State.STARTING, frame);
            receiveHello(frame);
            move(State.STARTING, State.OPENING);
            break;
        case Frames.LOG:
            allow(now != State.STARTING, frame);
            int level = frame.u8(3, "the level");
            log.frame(level, frame.text());
            frame.end();
            break;
        case Frames.FATAL:
            String code = frame.text();
            String message = frame.text();
            frame.end();
            fail(new WorkerFailure("the worker gave up: " + message + " (" + code + ")", null, false));
            break;
        case Frames.BYE:
            allow(now == State.STOPPING || now == State.GONE, frame);
            frame.end();
            break;
        case Frames.READY:
            allow(now == State.OPENING || now == State.STOPPING, frame);
            move(State.OPENING, State.READY);
            queue(frame, size);
            break;
        case Frames.BATCH:
        case Frames.PARKED:
        case Frames.KEEP:
        case Frames.METRICS:
        case Frames.KEYED:
            allow(now == State.READY || now == State.STOPPING || now == State.DEAD || now == State.GONE, frame);
            queue(frame, size);
            break;
        default:
            throw new ProtocolException("the worker sent a frame of unknown type " + frame.type);
        }
    }

    private void allow(boolean isAllowed, FrameReader frame) {
        if (!isAllowed) {
            throw new ProtocolException("the worker's frame " + Frames.nameUp(frame.type) + " may not come now");
        }
    }

    private void receiveHello(FrameReader frame) {
        int magic = frame.u8() << 24 | frame.u16() << 8 | frame.u8();

        if (magic != Frames.MAGIC) {
            throw frame.broken("it does not begin with 'WEIR'");
        }
        int chosen = frame.u16();
        String said = frame.text();
        String job = frame.text();
        frame.u8();
        frame.u16();
        frame.u8();
        frame.end();
        if (chosen < Frames.LOWEST_VERSION || chosen > Frames.HIGHEST_VERSION) {
            throw new ProtocolException("the worker (weir " + said + ") speaks version " + chosen
                + " of the protocol, this weir-flink.jar"
                + " versions " + Frames.LOWEST_VERSION + " to " + Frames.HIGHEST_VERSION + "; package the job again");
        }
        synchronized (lock) {
            version = said;
        }
        LOG.info("{}: worker says hello pid={} weir={} job={}", name, pid, said, job);
    }

    private void move(State from, State to) {
        synchronized (lock) {
            if (state == from) {
                state = to;
                lock.notifyAll();
            }
        }
    }

    /* The only wait of this thread: for the operator to take what is there. It always does, in a mail of its own. */
    private void queue(FrameReader frame, int size) throws InterruptedException {
        synchronized (lock) {
            while (arrivedBytes > MOST_QUEUED_BYTES && state == State.READY) {
                lock.wait();
            }
            if (state != State.READY && state != State.DEAD) {
                lastMetrics = frame.type == Frames.METRICS ? frame : lastMetrics;
                return;
            }
            arrived.add(frame);
            arrivedSizes.add(size);
            arrivedBytes += size;
        }
        listener.arrived();
    }

    /* ---- its end ------------------------------------------------------------------------------------------------- */

    private void ended(String how) throws RuntimeException {
        State before;

        synchronized (lock) {
            before = state;
        }
        if (before == State.STOPPING || before == State.GONE) {
            return;
        }
        try {
            if (!process.waitFor(END_MS, TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
                how += ", closing its standard output and staying alive";
                process.waitFor(END_MS, TimeUnit.MILLISECONDS);
            }
            /* Standard error ends with it, unless what it has started keeps that open; its last lines say why. */
            errors.join(END_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        fail(new WorkerFailure("the worker ended" + how + (before == State.READY ? "" : before == State.STARTING
            ? " before it said hello" : " before it was ready") + ", " + status() + log.lastLines(), null,
            before == State.READY));
    }

    private String status() {
        int status = process.isAlive() ? -1 : process.exitValue();

        return status < 0 ? "without an exit status" : status > 128 && status < 193 ? "by signal " + (status - 128)
            : "with exit status " + status;
    }

    private void fail(WorkerFailure why) {
        synchronized (lock) {
            if (failure != null || state == State.STOPPING || state == State.GONE) {
                return;
            }
            failure = why;
            state = State.DEAD;
            lock.notifyAll();
        }
        listener.arrived();
    }

    private void watchStart() {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(startTimeoutMs);
        State stuck;

        synchronized (lock) {
            while (state == State.STARTING || state == State.OPENING) {
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());

                if (left <= 0) {
                    break;
                }
                try {
                    lock.wait(left);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return;
                }
            }
            stuck = state;
        }
        if (stuck == State.STARTING || stuck == State.OPENING) {
            fail(new WorkerFailure("the worker " + (stuck == State.STARTING ? "said no hello" : "was not ready")
                + " within "
                + startTimeoutMs + " ms (flink.worker-start-timeout-ms); it is killed" + log.lastLines(), null, false));
            process.destroyForcibly();
        }
    }
}
