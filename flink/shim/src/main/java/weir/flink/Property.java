// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What is known of a property of weir's: a line of properties.txt, which is printed from the one table of them all. */
final class Property {
    private static final Map<String, Property> ALL = read();

    final String name;
    final String type;
    /** Empty: none. */
    final String fallback;
    final long least;
    final long most;
    final List<String> choices;

    private Property(String line) {
        String[] fields = line.split("\\|", -1);
        int dots = fields[3].indexOf("..");

        name = fields[0];
        type = fields[1];
        fallback = fields[2];
        least = dots < 0 ? 0 : Long.parseLong(fields[3].substring(0, dots));
        most = dots < 0 ? Long.MAX_VALUE : Long.parseLong(fields[3].substring(dots + 2));
        choices = type.equals("choice") ? Arrays.asList(fields[3].split(", ")) : new ArrayList<>();
    }

    private static Map<String, Property> read() {
        Map<String, Property> all = new LinkedHashMap<>();

        try (InputStream in = Property.class.getResourceAsStream("properties.txt");
            BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            for (String line; (line = lines.readLine()) != null;) {
                if (!line.startsWith("#")) {
                    Property property = new Property(line);

                    all.put(property.name, property);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return all;
    }

    /** Null: there is none of that name. */
    static Property find(String name) {
        return ALL.get(name);
    }

    /** All whose names begin so. */
    static List<String> names(String prefix) {
        List<String> names = new ArrayList<>();

        for (String name : ALL.keySet()) {
            if (name.startsWith(prefix)) {
                names.add(name);
            }
        }
        return names;
    }

    /**
     * Checks what a property is set to.
     *
     * @throws IllegalArgumentException it may not be set so; says why
     */
    void check(String value) {
        switch (type) {
        case "integer":
            number(value);
            break;
        case "truth":
            if (!value.equals("true") && !value.equals("false")) {
                throw new IllegalArgumentException(name + ": '" + value + "' is neither true nor false");
            }
            break;
        case "choice":
            if (!choices.contains(value)) {
                throw new IllegalArgumentException(name + ": '" + value + "' is none of "
                    + String.join(", ", choices));
            }
            break;
        default:
            break;
        }
    }

    long number(String text) {
        long value;

        try {
            value = Long.parseLong(text.trim());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + ": '" + text + "' is no number", e);
        }
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + ": " + value + " is out of range, " + least + " to " + most
                + " are allowed");
        }
        return value;
    }
}
