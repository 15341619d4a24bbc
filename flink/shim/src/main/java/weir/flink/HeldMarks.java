// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.ArrayDeque;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/** Watermarks and changes of idleness, in order, each behind the inputs that came before it. */
final class HeldMarks {
    /** Something that may leave once no ticket below `behind` holds it. One of the two is null. */
    static final class Mark {
        long behind;
        final Watermark watermark;
        final WatermarkStatus status;

        private Mark(long behind, Watermark watermark, WatermarkStatus status) {
            this.behind = behind;
            this.watermark = watermark;
            this.status = status;
        }
    }

    private final ArrayDeque<Mark> marks = new ArrayDeque<>();

    void hold(long behind, Watermark watermark) {
        Mark last = marks.peekLast();

        /* A later watermark behind the same inputs makes an earlier one superfluous. */
        if (last != null && last.behind == behind && last.watermark != null) {
            marks.removeLast();
        }
        marks.add(new Mark(behind, watermark, null));
    }

    void hold(long behind, WatermarkStatus status) {
        marks.add(new Mark(behind, null, status));
    }

    boolean isEmpty() {
        return marks.isEmpty();
    }

    /** @return null: the first one must wait, or there is none */
    Mark next(long oldestHolding) {
        Mark first = marks.peekFirst();

        return first != null && first.behind <= oldestHolding ? marks.pollFirst() : null;
    }

    /** All inputs that are not over have been given new tickets, below `next`. */
    void renumber(long next) {
        marks.forEach(mark -> mark.behind = next);
    }
}
