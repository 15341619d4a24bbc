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

    /* Of the shim's own section; what else there is, the worker checks. */
    private void check(String where) {
        for (String name : values.keySet()) {
            if (name.startsWith("flink.") && !name.startsWith("flink.kafka.")) {
                if (Property.find(name) == null) {
                    throw new IllegalArgumentException(where + ": '" + name + "' is no property of weir's; there are "
                        + String.join(", ", Property.names("flink.")) + ", flink.kafka.* (of the Java client)");
                }
                if (!text(name).isEmpty()) {
                    Property.find(name).check(text(name));
                }
            }
        }
    }

    long number(String name) {
        return Property.find(name).number(text(name));
    }

    boolean truth(String name) {
        return text(name).equals("true");
    }

    /** Or its default; empty: it has none. */
    String text(String name) {
        Property property = Property.find(name);

        return text(name, property == null ? "" : property.fallback);
    }

    /** Empty text counts as not set. */
    String text(String name, String fallback) {
        String value = values.get(name);

        return value == null || value.isEmpty() ? fallback : resolve(name, value);
    }

    String required(String name, String why) {
        String value = text(name);

        if (value.isEmpty()) {
            throw new IllegalArgumentException(name + " is not set: " + why);
        }
        return value;
    }

    List<String> list(String name) {
        List<String> items = new ArrayList<>();

        for (String item : text(name).split(",")) {
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
