// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Names that are made of a run's id, the same as the worker would make them. */
final class RunIds {
    /* weir's own name space: that of src/base/uuid.c. Never changes, since keys that were given out depend on it. */
    private static final byte[] NAME_SPACE = { 0x6f, 0x1d, 0x2c, 0x0e, 0x5b, 0x7a, 0x4e, 0x19, (byte) 0x9c, 0x33,
        (byte) 0xd2, 0x41,
        (byte) 0x8a, 0x60, 0x57, (byte) 0xbe };
    private static final char[] HEX = "0123456789abcdef".toCharArray();

    private final MessageDigest digest;

    RunIds() {
        try {
            digest = MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); /* every Java has it */
        }
    }

    /** UUIDv5 of a name in weir's name space, in lower case. Source: RFC 9562, 5.5. */
    String uuid(byte[] name) {
        byte[] hash;
        StringBuilder text = new StringBuilder(36);

        digest.update(NAME_SPACE);
        hash = digest.digest(name);
        hash[6] = (byte) (hash[6] & 0x0F | 0x50);
        hash[8] = (byte) (hash[8] & 0x3F | 0x80);
        for (int i = 0; i < 16; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10) {
                text.append('-');
            }
            text.append(HEX[hash[i] >> 4 & 15]).append(HEX[hash[i] & 15]);
        }
        return text.toString();
    }

    /** The key of a record that has none. */
    Bytes keyOf(Source source, long index) {
        return Bytes.of(uuid((source.id + "/" + index).getBytes(StandardCharsets.UTF_8)));
    }
}
