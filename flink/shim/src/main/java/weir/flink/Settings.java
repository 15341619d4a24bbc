// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The job's flat configuration: what `weir/job.properties` says, and over it what was set by the program or after
 * `flink run job.jar`. Values keep `${env:NAME}` and `${file:PATH}`; they are resolved when they are asked for. The
 * shim reads a few names; all others are the worker's.
 */
final class Settings implements Serializable {
    private static final long serialVersionUID = 1;
    private static final Pattern SECRET = Pattern.compile("\\$\\$\\{|\\$\\{(env|file):([^}]*)}");

    /** The shim's own names: default, least, most. Text has neither. */
    private static final Object[][] OWN = {
        { "flink.bounded", "false" },
        { "flink.checkpoint-interval-ms", 10_000L, 10L, 86_400_000L },
        { "flink.inputs-in-flight", 20_000L, 1L, 10_000_000L },
        { "flink.inputs-in-flight-mb", 64L, 1L, 16_384L },
        { "flink.parked-at-end", "fail" },
        { "flink.parked-holds-watermark", "true" },
        { "flink.source-idle-ms", 0L, 0L, 86_400_000L },
        { "flink.state-gc-ms", 0L, 0L, 3_153_600_000_000L },
        { "flink.topic-made-anew", "fail" },
        { "flink.work-dir", "" },
        { "flink.worker-keys", 200_000L, 1L, 100_000_000L },
        { "flink.worker-keys-mb", 256L, 1L, 65_536L },
        { "flink.worker-restarts", 3L, 0L, 1_000_000L },
        { "flink.worker-start-timeout-ms", 60_000L, 100L, 3_600_000L },
        { "flink.worker-stop-timeout-ms", 3_000L, 0L, 3_600_000L },
        { "flink.transaction-timeout-ms", 600_000L, 1_000L, 86_400_000L },
    };

    private final TreeMap<String, String> values = new TreeMap<>();
    /** What goes to the worker as `--set`, as it was written. */
    private final TreeMap<String, String> overrides = new TreeMap<>();
    /** What goes to the worker in OPEN, beneath its own configuration: Flink's `agent:` block. */
    private final TreeMap<String, String> beneath = new TreeMap<>();

    static Settings read(InputStream in, String where) throws IOException {
        Settings settings = new Settings();
        Properties properties = new Properties();

        properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
        for (String name : properties.stringPropertyNames()) {
            settings.values.put(name, properties.getProperty(name));
        }
        settings.check(where);
        return settings;
    }

    Settings copy() {
        Settings copy = new Settings();

        copy.values.putAll(values);
        copy.overrides.putAll(overrides);
        copy.beneath.putAll(beneath);
        return copy;
    }

    /** Over all else; goes to the worker, too, where it is of use to it. */
    void set(String name, String value) {
        values.put(name, value);
        /* What is the shim's alone would mean nothing to a worker. */
        if (!name.startsWith("flink.") || name.startsWith("flink.parked-")) {
            overrides.put(name, value);
        }
        check("--set " + name);
    }

    void setBeneath(String name, String value) {
        beneath.put(name, value);
    }

    Map<String, String> overrides() {
        return overrides;
    }

    Map<String, String> beneath() {
        return beneath;
    }

    private void check(String where) {
        for (String name : values.keySet()) {
            if (name.startsWith("flink.") && !name.startsWith("flink.kafka.")) {
                if (own(name) == null) {
                    throw new IllegalArgumentException(where + ": '" + name + "' is no property of weir's; there are "
                        + String.join(", ", ownNames()));
                }
                if (own(name).length == 4) {
                    number(name);
                }
            }
        }
    }

    private static Object[] own(String name) {
        for (Object[] row : OWN) {
            if (row[0].equals(name)) {
                return row;
            }
        }
        return null;
    }

    private static List<String> ownNames() {
        List<String> names = new ArrayList<>();

        for (Object[] row : OWN) {
            names.add((String) row[0]);
        }
        names.add("flink.kafka.* (of the Java client)");
        return names;
    }

    /** One of the shim's own numbers. */
    long number(String name) {
        Object[] row = own(name);

        return number(name, (Long) row[1], (Long) row[2], (Long) row[3]);
    }

    long number(String name, long fallback, long least, long most) {
        String text = text(name, "");
        long value;

        if (text.isEmpty()) {
            return fallback;
        }
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

    boolean truth(String name) {
        String text = text(name, (String) own(name)[1]);

        if (!text.equals("true") && !text.equals("false")) {
            throw new IllegalArgumentException(name + ": '" + text + "' is neither true nor false");
        }
        return text.equals("true");
    }

    /** Empty text counts as not set. */
    String text(String name, String fallback) {
        String value = values.get(name);

        return value == null || value.isEmpty() ? fallback : resolve(name, value);
    }

    String required(String name, String why) {
        String value = text(name, "");

        if (value.isEmpty()) {
            throw new IllegalArgumentException(name + " is not set: " + why);
        }
        return value;
    }

    List<String> list(String name) {
        List<String> items = new ArrayList<>();

        for (String item : text(name, "").split(",")) {
            if (!item.trim().isEmpty()) {
                items.add(item.trim());
            }
        }
        return items;
    }

    /** All names that begin so, without the beginning. */
    Map<String, String> beginningWith(String prefix) {
        Map<String, String> found = new TreeMap<>();

        for (Map.Entry<String, String> entry : values.entrySet()) {
            if (entry.getKey().startsWith(prefix)) {
                found.put(entry.getKey().substring(prefix.length()), resolve(entry.getKey(), entry.getValue()));
            }
        }
        return found;
    }

    private static String resolve(String name, String value) {
        Matcher matcher = SECRET.matcher(value);
        StringBuilder out = new StringBuilder();
        int from = 0;

        while (matcher.find()) {
            out.append(value, from, matcher.start());
            out.append(matcher.group(1) == null ? "${" : secret(name, matcher.group(1), matcher.group(2)));
            from = matcher.end();
        }
        return from == 0 ? value : out.append(value, from, value.length()).toString();
    }

    private static String secret(String name, String kind, String of) {
        if (kind.equals("env")) {
            String value = System.getenv(of);

            if (value == null) {
                throw new IllegalArgumentException(name + ": the environment has no variable '" + of
                    + "' where flink run is called");
            }
            return value;
        }
        try {
            String text = new String(Files.readAllBytes(Path.of(of)), StandardCharsets.UTF_8);
            /* One newline at its end is the editor's. */
            return text.endsWith("\n") ? text.substring(0, text.length() - (text.endsWith("\r\n") ? 2 : 1)) : text;
        } catch (IOException e) {
            throw new IllegalArgumentException(name + ": file '" + of + "' cannot be read where flink run is called: "
                + e.getMessage(), e);
        }
    }
}
