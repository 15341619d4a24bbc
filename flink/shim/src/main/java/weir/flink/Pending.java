// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Inputs that are not over, by ticket. Tickets grow by one, so nearly all sit in the slot that their number names; one
 * that is still there when its slot is wanted by a later one moves into a map.
 */
final class Pending {
    private Input[] slots = new Input[1024];
    private final Map<Long, Input> late = new HashMap<>();
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
        int at = (int) input.ticket & slots.length - 1;
        Input older = slots[at];

        if (older != null) {
            late.put(older.ticket, older);
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

    /** @return null: it is over, or never was */
    Input get(long ticket) {
        Input input = slots[(int) ticket & slots.length - 1];

        if (input != null && input.ticket == ticket) {
            return input;
        }
        return late.isEmpty() ? null : late.get(ticket);
    }

    /** @return null: there is none */
    Input remove(long ticket) {
        int at = (int) ticket & slots.length - 1;
        Input input = slots[at];

        if (input != null && input.ticket == ticket) {
            slots[at] = null;
        } else {
            input = late.remove(ticket);
        }
        if (input != null) {
            count--;
            bytes -= input.sizeBytes();
            setParked(input, false);
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
        for (Input input : all()) {
            if (input.known.parked == 0) {
                return false;
            }
        }
        return true;
    }

    /** All of them, in no order. */
    List<Input> all() {
        List<Input> all = new ArrayList<>(count);

        for (Input input : slots) {
            if (input != null) {
                all.add(input);
            }
        }
        all.addAll(late.values());
        return all;
    }

    /** Takes all out, in the order of their tickets; tickets begin with 1 again. */
    List<Input> takeAll() {
        List<Input> all = all();

        all.forEach(input -> input.isParked = false);
        all.sort(Comparator.comparingLong(input -> input.ticket));
        Arrays.fill(slots, null);
        late.clear();
        count = 0;
        parked = 0;
        bytes = 0;
        next = 1;
        oldest = 1;
        return all;
    }
}
