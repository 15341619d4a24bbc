// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a worker says, into the TaskManager's log: lines of its standard error and LOG frames. A flood is always read,
 * and thinned out: long lines are cut, and beyond a rate lines are counted instead. The last lines are kept for the
 * failure's message.
 */
final class WorkerLog {
    private static final Logger LOG = LoggerFactory.getLogger("weir.worker");
    private static final int LONGEST_LINE = 4000;
    private static final int LINES_A_SECOND = 200;
    private static final int LAST_LINES = 12;
    private static final int LAST_LINE = 300;

    private final String name;
    private final Deque<String> last = new ArrayDeque<>();
    private long second;
    private int linesThisSecond;
    private long leftOut;

    WorkerLog(String name) {
        this.name = name;
    }

    /** Reads to the end. */
    void read(InputStream in) {
        byte[] chunk = new byte[8192];
        byte[] line = new byte[LONGEST_LINE];
        int size = 0;
        boolean isCut = false;

        try {
            for (int count; (count = in.read(chunk)) >= 0;) {
                for (int i = 0; i < count; i++) {
                    if (chunk[i] != '\n') {
                        if (size < LONGEST_LINE) {
                            line[size++] = chunk[i];
                        } else {
                            isCut = true;
                        }
                    } else {
                        say(line, size, isCut);
                        size = 0;
                        isCut = false;
                    }
                }
            }
        } catch (IOException e) {
            /* Its end was closed under the reader: as good as the end. */
        }
        if (size > 0) {
            say(line, size, isCut);
        }
        flushCount();
    }

    private void say(byte[] line, int size, boolean isCut) {
        String text = new String(line, 0, size, StandardCharsets.UTF_8) + (isCut ? " … (cut)" : "");

        synchronized (last) {
            if (last.size() == LAST_LINES) {
                last.removeFirst();
            }
            last.addLast(text.length() > LAST_LINE ? text.substring(0, LAST_LINE) + " …" : text);
        }
        if (isWithinRate()) {
            LOG.info("{}: {}", name, text);
        }
    }

    private synchronized boolean isWithinRate() {
        long now = System.nanoTime() / 1_000_000_000L;

        if (now != second) {
            flushCount();
            second = now;
            linesThisSecond = 0;
        }
        if (++linesThisSecond <= LINES_A_SECOND) {
            return true;
        }
        leftOut++;
        return false;
    }

    private synchronized void flushCount() {
        if (leftOut > 0) {
            LOG.warn("{}: {} more lines are left out, more than {} came in a second", name, leftOut, LINES_A_SECOND);
            leftOut = 0;
        }
    }

    /** A LOG frame. */
    void frame(int level, String text) {
        if (level == 0) {
            LOG.error("{}: {}", name, text);
        } else if (!isWithinRate()) {
            return;
        } else if (level == 1) {
            LOG.warn("{}: {}", name, text);
        } else if (level == 2) {
            LOG.info("{}: {}", name, text);
        } else {
            LOG.debug("{}: {}", name, text);
        }
    }

    /** The last lines, for a message; empty if there were none. */
    String lastLines() {
        synchronized (last) {
            return last.isEmpty() ? "" : "; the last it said: " + String.join(" | ", last);
        }
    }
}
