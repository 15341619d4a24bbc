// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/** A job in a folder, whose binary is fake_worker.py. */
final class JobFolder {
    private JobFolder() {
    }

    static Path make(Path root, Map<String, String> properties) throws IOException {
        Path folder = root.resolve("weir");
        StringBuilder text = new StringBuilder("job.name=fake\nweir.agent-names=counter\n");

        Files.createDirectories(folder.resolve("bin"));
        properties.forEach((name, value) -> text.append(name).append('=').append(value).append('\n'));
        text.append("flink.work-dir=").append(root.resolve("work")).append('\n');
        Files.writeString(folder.resolve("job.properties"), text);
        try (InputStream in = JobFolder.class.getResourceAsStream("/fake_worker.py")) {
            Files.write(folder.resolve("bin/fake"), in.readAllBytes());
        }
        Files.setPosixFilePermissions(folder.resolve("bin/fake"), PosixFilePermissions.fromString("rwx------"));
        return root;
    }
}
