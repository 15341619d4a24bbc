// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.temporal.Temporal;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.types.Row;

/**
 * A row as JSON: an object of its columns, in their order (by name, if the row has names and no positions). Whole
 * numbers and reals are numbers; decimals are numbers if they are whole and fit 64 bits, else text, so that nothing is
 * lost; NaN and infinities are null; bytes are {@code {"$bytes": base64}}; dates and times are text in ISO 8601; maps
 * have their keys as text; all else is an error that names the class.
 */
final class RowJson {
    private static final String HEX = "0123456789abcdef";

    private RowJson() {
    }

    static String print(Row row) {
        StringBuilder out = new StringBuilder(64);

        value(out, row);
        return out.toString();
    }

    private static void value(StringBuilder out, Object value) {
        if (value == null) {
            out.append("null");
        } else if (value instanceof Row) {
            row(out, (Row) value);
        } else if (value instanceof CharSequence || value instanceof Character || value instanceof Temporal) {
            text(out, value.toString());
        } else if (value instanceof Boolean || value instanceof Byte || value instanceof Short
            || value instanceof Integer
            || value instanceof Long) {
            out.append(value);
        } else if (value instanceof Float || value instanceof Double) {
            double real = ((Number) value).doubleValue();

            out.append(Double.isNaN(real) || Double.isInfinite(real) ? "null" : value.toString());
        } else if (value instanceof BigInteger || value instanceof BigDecimal) {
            decimal(out, value instanceof BigDecimal ? (BigDecimal) value : new BigDecimal((BigInteger) value));
        } else if (value instanceof byte[]) {
            out.append("{\"$bytes\":\"").append(Base64.getEncoder().encodeToString((byte[]) value)).append("\"}");
        } else if (value instanceof Map) {
            map(out, (Map<?, ?>) value);
        } else if (value instanceof Iterable) {
            list(out, (Iterable<?>) value);
        } else if (value.getClass().isArray()) {
            array(out, value);
        } else if (value instanceof java.util.Date) {
            text(out, value instanceof java.sql.Timestamp ? ((java.sql.Timestamp) value).toLocalDateTime().toString()
                : value.toString());
        } else {
            throw new IllegalArgumentException("a value of " + value.getClass().getName()
                + " has no form in JSON here; cast the column");
        }
    }

    private static void row(StringBuilder out, Row row) {
        Set<String> names = row.getFieldNames(true);
        int at = 0;

        if (names == null) {
            throw new IllegalArgumentException("the columns of a row have no names");
        }
        if (row.getFieldNames(false) != null) {
            names = new TreeSet<>(names); /* a row without positions keeps no order of its own */
        }
        out.append('{');
        for (String name : names) {
            out.append(at++ == 0 ? "" : ",");
            text(out, name);
            out.append(':');
            value(out, row.getField(name));
        }
        out.append('}');
    }

    private static void map(StringBuilder out, Map<?, ?> map) {
        int at = 0;

        out.append('{');
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            out.append(at++ == 0 ? "" : ",");
            text(out, String.valueOf(entry.getKey()));
            out.append(':');
            value(out, entry.getValue());
        }
        out.append('}');
    }

    private static void list(StringBuilder out, Iterable<?> items) {
        int at = 0;

        out.append('[');
        for (Object item : items) {
            out.append(at++ == 0 ? "" : ",");
            value(out, item);
        }
        out.append(']');
    }

    private static void array(StringBuilder out, Object array) {
        out.append('[');
        for (int i = 0; i < Array.getLength(array); i++) {
            out.append(i == 0 ? "" : ",");
            value(out, Array.get(array, i));
        }
        out.append(']');
    }

    private static void decimal(StringBuilder out, BigDecimal number) {
        try {
            out.append(number.longValueExact());
        } catch (ArithmeticException e) {
            text(out, number.toPlainString());
        }
    }

    private static void text(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);

            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ') {
                out.append("\\u00").append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 15));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
