// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes that are no workers: what is said of their end, without a cluster. */
class WorkerProcessTest {
    @TempDir
    Path root;

    /** No process is left, whatever happened. */
    @AfterEach
    void noWorkerIsLeft() {
        assertFalse(ProcessHandle.current().children().anyMatch(ProcessHandle::isAlive), "a worker is left");
    }

    private JobFiles.Unpacked script(String text) throws IOException {
        Path binary = Files.writeString(root.resolve("job"), "#!/bin/sh\n" + text + "\n");

        Files.setPosixFilePermissions(binary, PosixFilePermissions.fromString("rwx------"));
        return new JobFiles.Unpacked(root, binary, null);
    }

    /** What is said of its end. */
    private static String failure(JobFiles.Unpacked files) throws Exception {
        Settings settings = Settings.read(new ByteArrayInputStream(new byte[0]), "test");
        CountDownLatch isOver = new CountDownLatch(1);
        WorkerProcess process = new WorkerProcess("w", files, settings, new WorkerOpening(), isOver::countDown);

        try {
            assertTrue(isOver.await(60, TimeUnit.SECONDS), "nothing is said");
            return process.failure().getMessage();
        } finally {
            process.stop(true, 0);
        }
    }

    /** Many times, a few at a time: so that a thread waits for its core at every place in turn. */
    private static void assertAlwaysSaid(JobFiles.Unpacked files, String expected) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);

        try {
            List<Callable<String>> calls = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                calls.add(() -> failure(files));
            }
            for (Future<String> said : pool.invokeAll(calls)) {
                assertEquals(expected, said.get());
            }
        } finally {
            pool.shutdownNow();
        }
    }

    @Test
    void a_worker_that_exits_at_once_has_its_status_and_last_words_told() throws Exception {
        assertAlwaysSaid(script("echo 'no luck today' >&2\nexit 7"),
            "the worker ended before it said hello, with exit status 7; the last it said: no luck today");
    }
}
