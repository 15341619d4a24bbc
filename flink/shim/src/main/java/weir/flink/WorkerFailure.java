// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Why there is no worker (any more), in words for the job's exceptions. */
final class WorkerFailure extends IOException {
    private static final long serialVersionUID = 1;
    private static final Pattern NUMBER = Pattern.compile("error[=:] ?(\\d+)");
    private static final int E_NOENT = 2, E_NOEXEC = 8, E_ACCES = 13;
    static final int E_TXTBSY = 26;
    private static final int AMD64 = 62, AARCH64 = 183;

    /** Another one may well live longer: it was ready, and did not say itself that it must end. */
    final boolean isWorthAnother;

    WorkerFailure(String message, Throwable cause, boolean isWorthAnother) {
        super(message, cause);
        this.isWorthAnother = isWorthAnother;
    }

    /** The system's number of an error, out of what the JDK says of it; 0: none. */
    static int number(IOException e) {
        Matcher matcher = NUMBER.matcher(String.valueOf(e.getMessage()));

        return matcher.find() ? Integer.parseInt(matcher.group(1)) : 0;
    }

    static WorkerFailure ofStart(Path binary, IOException e) {
        String why;

        switch (number(e)) {
        case E_ACCES:
            why = Files.isExecutable(binary) || hasExecuteBit(binary)
                ? "the system does not let it be run: '" + binary.getParent().getParent()
                + "' may be on a file system that is mounted"
                    + " noexec; flink.work-dir names another folder"
                : "it may not be executed";
            break;
        case E_NOEXEC:
            why = machine(binary);
            break;
        case E_NOENT:
            why = Files.exists(binary)
                ? "the loader that it names is not on this machine: it needs glibc (an image of Debian, Ubuntu"
                + " or the like)" : "it is not there any more";
            break;
        default:
            why = "the system refused";
        }
        return new WorkerFailure("the worker '" + binary + "' cannot be started: " + why + " (" + e.getMessage() + ")",
            e, false);
    }

    private static boolean hasExecuteBit(Path binary) {
        try {
            return Files.getPosixFilePermissions(binary)
                .contains(java.nio.file.attribute.PosixFilePermission.OWNER_EXECUTE);
        } catch (IOException e) {
            return false;
        }
    }

    /** Refuses a program for another CPU: the JDK would take it for a script, and give it to the shell. */
    static void checkMachine(Path binary) throws WorkerFailure {
        int here = System.getProperty("os.arch").equals("amd64") ? AMD64
            : System.getProperty("os.arch").equals("aarch64") ? AARCH64 : 0;
        int machine = machineOf(binary);

        if (here != 0 && machine > 0 && machine != here) {
            throw new WorkerFailure("the worker '" + binary + "' cannot be started: " + machine(binary), null, false);
        }
    }

    private static String machine(Path binary) {
        int machine = machineOf(binary);

        return machine < 0 ? "it is no program of Linux"
            : "it is for " + nameOf(machine) + ", and this machine is " + System.getProperty("os.arch");
    }

    /* e_machine of an ELF header; -1: it is none. Source: elf(5). */
    private static int machineOf(Path binary) {
        byte[] head = new byte[20];

        try (InputStream in = Files.newInputStream(binary)) {
            if (in.readNBytes(head, 0, head.length) < head.length || head[0] != 0x7F || head[1] != 'E' || head[2] != 'L'
                || head[3] != 'F') {
                return -1;
            }
        } catch (IOException e) {
            return -1;
        }
        return head[5] == 1 ? head[18] & 0xFF | (head[19] & 0xFF) << 8 : head[19] & 0xFF | (head[18] & 0xFF) << 8;
    }

    private static String nameOf(int machine) {
        switch (machine) {
        case 3:
            return "x86 (32 bits)";
        case 40:
            return "ARM (32 bits)";
        case AMD64:
            return "amd64";
        case AARCH64:
            return "aarch64";
        case 243:
            return "RISC-V";
        default:
            return "another CPU (ELF machine " + machine + ")";
        }
    }
}
