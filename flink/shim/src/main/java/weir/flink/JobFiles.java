// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The job's files, `weir/…`: in the JAR that the class path has, in a JAR at a path, or in a folder. They are unpacked
 * into a folder that is named after their contents, so all subtasks of a machine share it, and made in one step by
 * renaming.
 */
final class JobFiles implements Serializable {
    private static final long serialVersionUID = 1;
    private static final Logger LOG = LoggerFactory.getLogger(JobFiles.class);
    private static final String PREFIX = "weir/";
    private static final String PROPERTIES = PREFIX + "job.properties";
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");

    /** A JAR, or a folder that holds `weir/`, on every machine; null: the class path. */
    private final String path;

    JobFiles(String path) {
        this.path = path;
    }

    /** Where a worker finds its files. */
    static final class Unpacked {
        final Path folder;
        final Path binary;
        /** null: the job has none. */
        final Path config;

        Unpacked(Path folder, Path binary, Path config) {
            this.folder = folder;
            this.binary = binary;
            this.config = config;
        }
    }

    private interface Opener {
        InputStream open() throws IOException;
    }

    Settings settings(ClassLoader loader) throws IOException {
        try (Contents contents = contents(loader)) {
            Opener opener = contents.files.get(PROPERTIES);

            if (opener == null) {
                throw new IOException(contents.where + " has no " + PROPERTIES + "; it is made by `JOB package`");
            }
            try (InputStream in = opener.open()) {
                return Settings.read(in, PROPERTIES);
            }
        }
    }

    /* ---- finding ------------------------------------------------------------------------------------------------- */

    private static final class Contents implements AutoCloseable {
        final Map<String, Opener> files = new TreeMap<>();
        String where;
        JarFile jar;

        @Override
        public void close() throws IOException {
            if (jar != null) {
                jar.close();
            }
        }
    }

    private Contents contents(ClassLoader loader) throws IOException {
        Contents contents = new Contents();

        if (path == null) {
            URL url = loader.getResource(PROPERTIES);
            URLConnection connection;

            if (url == null) {
                throw new IOException("the class path has no " + PROPERTIES + ": weir-flink.jar alone is no job;"
                    + " `JOB package --output job.jar` makes one");
            }
            connection = url.openConnection();
            connection.setUseCaches(false);
            if (connection instanceof JarURLConnection) {
                contents.jar = ((JarURLConnection) connection).getJarFile();
                contents.where = contents.jar.getName();
                addJar(contents);
            } else if (url.getProtocol().equals("file")) {
                addFolder(contents, new File(url.getPath()).toPath().getParent().getParent());
            } else {
                throw new IOException(PROPERTIES + " is at '" + url + "', neither in a JAR nor in a folder");
            }
        } else if (Files.isDirectory(Path.of(path))) {
            addFolder(contents, Path.of(path));
        } else if (Files.exists(Path.of(path))) {
            contents.jar = new JarFile(path);
            contents.where = path;
            addJar(contents);
        } else {
            throw new IOException("'" + path
                + "' is not on this machine; the job's JAR must be at that path on every one");
        }
        return contents;
    }

    private static void addJar(Contents contents) {
        Enumeration<JarEntry> entries = contents.jar.entries();
        JarFile jar = contents.jar;

        while (entries.hasMoreElements()) {
            JarEntry entry = entries.nextElement();

            if (!entry.isDirectory() && isOurs(entry.getName())) {
                contents.files.put(entry.getName(), () -> jar.getInputStream(entry));
            }
        }
    }

    private static void addFolder(Contents contents, Path root) throws IOException {
        contents.where = root.toString();
        try (Stream<Path> paths = Files.walk(root.resolve(PREFIX))) {
            for (Path file : paths.filter(Files::isRegularFile).collect(Collectors.toList())) {
                String name = root.relativize(file).toString();

                if (isOurs(name)) {
                    contents.files.put(name, () -> Files.newInputStream(file));
                }
            }
        }
    }

    /* The shim's classes are under weir/ as well; and no name may lead out of the folder. */
    private static boolean isOurs(String name) {
        return name.startsWith(PREFIX) && !name.startsWith("weir/flink/") && !name.endsWith(".class")
            && !name.contains("..");
    }

    /* ---- unpacking ----------------------------------------------------------------------------------------------- */

    /**
     * @param work   the folder that the files' own is made in
     * @param loader whose class path has the JAR
     */
    Unpacked unpack(String work, ClassLoader loader) throws IOException {
        Path base = Path.of(work);

        try (Contents contents = contents(loader)) {
            Map<String, byte[]> bytes = new TreeMap<>();
            Path folder;

            for (Map.Entry<String, Opener> file : contents.files.entrySet()) {
                try (InputStream in = file.getValue().open()) {
                    bytes.put(file.getKey().substring(PREFIX.length()), in.readAllBytes());
                }
            }
            String binary = binaryName(bytes.keySet(), contents.where);
            folder = base.resolve("weir-" + hash(bytes));
            try {
                Files.createDirectories(base);
                if (!isWhole(folder, bytes)) {
                    make(base, folder, bytes);
                }
            } catch (FileSystemException e) {
                throw new IOException("the job's files cannot be unpacked into '" + base + "': " + e
                    + "; flink.work-dir names another folder", e);
            }
            return new Unpacked(folder, folder.resolve(binary), bytes.containsKey("job.yaml")
                ? folder.resolve("job.yaml") : null);
        }
    }

    private static String binaryName(Set<String> names, String where) throws IOException {
        List<String> found = names.stream().filter(name -> name.startsWith("bin/")).collect(Collectors.toList());

        if (found.size() != 1) {
            throw new IOException(where + " has " + found.size()
                + " files in weir/bin, one is needed: the job's binary");
        }
        return found.get(0);
    }

    private static String hash(Map<String, byte[]> bytes) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            StringBuilder text = new StringBuilder();

            for (Map.Entry<String, byte[]> file : bytes.entrySet()) {
                digest.update((file.getKey() + "\n" + file.getValue().length + "\n")
                    .getBytes(java.nio.charset.StandardCharsets.UTF_8));
                digest.update(file.getValue());
            }
            byte[] hash = digest.digest();
            for (int i = 0; i < 12; i++) {
                text.append(String.format("%02x", hash[i]));
            }
            return text.toString();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /* A folder of somebody else's in a shared temporary folder is not run; one that a cleaner has been at is made anew.
     * */
    private static boolean isWhole(Path folder, Map<String, byte[]> bytes) throws IOException {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        if (!Files.getOwner(folder).equals(Files.getOwner(Path.of("/proc/self")))
            || Files.getPosixFilePermissions(folder).contains(PosixFilePermission.OTHERS_WRITE)) {
            throw new IOException("'" + folder
                + "' belongs to another user; remove it, or name another folder by flink.work-dir");
        }
        for (Map.Entry<String, byte[]> file : bytes.entrySet()) {
            Path path = folder.resolve(file.getKey());

            if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS) || Files.size(path) != file.getValue().length) {
                LOG.warn("'{}' is not whole any more, making it anew", folder);
                return false;
            }
        }
        return true;
    }

    private static void make(Path base, Path folder, Map<String, byte[]> bytes) throws IOException {
        Path draft = base.resolve(folder.getFileName() + "." + UUID.randomUUID());

        try {
            Files.createDirectory(draft, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
            for (Map.Entry<String, byte[]> file : bytes.entrySet()) {
                Path path = draft.resolve(file.getKey());

                Files.createDirectories(path.getParent());
                Files.write(path, file.getValue());
                if (!file.getKey().startsWith("job.")) {
                    Files.setPosixFilePermissions(path, OWNER_ONLY);
                }
            }
            for (int tries = 0;; tries++) {
                try {
                    Files.move(draft, folder, StandardCopyOption.ATOMIC_MOVE);
                    return;
                } catch (AtomicMoveNotSupportedException e) {
                    throw e;
                } catch (FileSystemException e) {
                    /* Another subtask was first, or a cleaner has left a part of an older one. */
                    if (isWhole(folder, bytes)) {
                        return;
                    }
                    if (tries == 3 || !Files.exists(folder)) {
                        throw e;
                    }
                    Path aside = base.resolve(folder.getFileName() + ".old." + UUID.randomUUID());
                    Files.move(folder, aside, StandardCopyOption.ATOMIC_MOVE);
                    remove(aside);
                }
            }
        } finally {
            remove(draft);
        }
    }

    private static void remove(Path folder) throws IOException {
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).collect(Collectors.toList())) {
                Files.deleteIfExists(path);
            }
        }
    }
}
