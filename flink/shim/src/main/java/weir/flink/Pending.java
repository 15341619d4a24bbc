// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.Arrays;
import java.util.Comparator;
import java.util.function.Consumer;

/**
 * Inputs that are not over, by ticket. Tickets grow by one, so nearly all sit in the slot that their number names, and what stays
 * for long sits a few slots further on.
 */
final class Pending {
    private Input[] slots = new Input[1024];
    private int count;
    private int parked;
    private long bytes;
    private long next = 1;
    /** No input below it holds watermarks. */
    private long oldest = 1;
    private boolean isParkedHolding = true;

    void setParkedHolding(boolean isHolding) {
        isParkedHolding = isHolding;
        oldest = 1;
    }

    /** Gives it the next ticket. */
    void add(Input input) {
        if (count * 2 >= slots.length) {
            grow();
        }
        input.ticket = next++;
        put(input);
        count++;
        bytes += input.sizeBytes();
    }

    private void put(Input input) {
        int mask = slots.length - 1;
        int at = (int) input.ticket & mask;

        while (slots[at] != null) {
            at = at + 1 & mask;
        }
        slots[at] = input;
    }

    private void grow() {
        Input[] old = slots;

        slots = new Input[old.length * 2];
        for (Input input : old) {
            if (input != null) {
                put(input);
            }
        }
    }

    private int find(long ticket) {
        int mask = slots.length - 1;

        for (int at = (int) ticket & mask; slots[at] != null; at = at + 1 & mask) {
            if (slots[at].ticket == ticket) {
                return at;
            }
        }
        return -1;
    }

    /** @return null: it is over, or never was */
    Input get(long ticket) {
        int at = find(ticket);

        return at < 0 ? null : slots[at];
    }

    /** @return null: there is none */
    Input remove(long ticket) {
        int mask = slots.length - 1;
        int at = find(ticket);

        if (at < 0) {
            return null;
        }
        Input input = slots[at];
        slots[at] = null;
        count--;
        bytes -= input.sizeBytes();
        setParked(input, false);
        /* What sits further on because this slot was taken comes nearer again. */
        int hole = at;
        for (int i = at + 1 & mask; slots[i] != null; i = i + 1 & mask) {
            int home = (int) slots[i].ticket & mask;
            if ((i - home & mask) >= (i - hole & mask)) {
                slots[hole] = slots[i];
                slots[i] = null;
                hole = i;
            }
        }
        return input;
    }

    void setParked(Input input, boolean isParked) {
        if (input.isParked == isParked) {
            return;
        }
        input.isParked = isParked;
        parked += isParked ? 1 : -1;
        input.known.parked += isParked ? 1 : -1;
        if (!isParked) {
            /* The first of its key: those behind it have higher tickets. */
            oldest = Math.min(oldest, input.ticket);
        }
    }

    int count() {
        return count;
    }

    int parked() {
        return parked;
    }

    long bytes() {
        return bytes;
    }

    /** The ticket that the next input will have. */
    long next() {
        return next;
    }

    /** The lowest ticket that holds watermarks back; next() if none does. */
    long oldestHolding() {
        while (oldest < next) {
            Input input = get(oldest);

            if (input != null && (isParkedHolding || input.known.parked == 0)) {
                break;
            }
            oldest++;
        }
        return oldest;
    }

    /** Whether nothing can go on before somebody decides: all are parked, or wait behind one that is. */
    boolean isAllParked() {
        if (parked == 0) {
            return false;
        }
        for (Input input : slots) {
            if (input != null && input.known.parked == 0) {
                return false;
            }
        }
        return true;
    }

    void each(Consumer<Input> visit) {
        for (Input input : slots) {
            if (input != null) {
                visit.accept(input);
            }
        }
    }

    /** Takes all out, in the order of their tickets; tickets begin with 1 again. */
    Input[] takeAll() {
        Input[] all = new Input[count];
        int at = 0;

        for (Input input : slots) {
            if (input != null) {
                all[at++] = input;
                input.isParked = false;
            }
        }
        Arrays.sort(all, Comparator.comparingLong(input -> input.ticket));
        slots = new Input[1024];
        count = 0;
        parked = 0;
        bytes = 0;
        next = 1;
        oldest = 1;
        return all;
    }
}
