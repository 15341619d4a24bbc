// SPDX-License-Identifier: Apache-2.0
package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Frames: what is written is read back, and what is broken is refused, never believed. */
class FramesTest {
    private static byte[] body(FrameWriter out) {
        return Arrays.copyOfRange(out.data, 4, out.size);
    }

    private static FrameReader read(byte[] body) {
        return new FrameReader(body, 0, body.length);
    }

    @Test
    void what_is_written_is_read_back() {
        FrameWriter out = new FrameWriter(1, 1000);

        out.begin(7).u8(255).u16(65535).u32(5).i64(-2).bytes(new byte[] { 1 }).bytes(null).bytes(new byte[0]).text("ä")
            .end();
        FrameReader in = read(body(out));
        assertEquals(7, in.type);
        assertEquals(255, in.u8());
        assertEquals(65535, in.u16());
        assertEquals(5, in.u32("a number"));
        assertEquals(-2, in.i64());
        assertArrayEquals(new byte[] { 1 }, in.bytes());
        assertNull(in.bytes());
        assertEquals(0, in.bytes().length);
        assertEquals("ä", in.text());
        in.end();
        assertEquals(out.size - 4, (out.data[2] & 0xFF) << 8 | out.data[3] & 0xFF);
    }

    @Test
    void a_frame_that_is_too_long_is_taken_back() {
        FrameWriter out = new FrameWriter(16, 20);

        out.begin(1).u8(1).end();
        int before = out.size;
        out.begin(1).bytes(new byte[100]);
        assertThrows(ProtocolException.class, out::end);
        assertEquals(before, out.size);
        out.begin(1).u8(1).end();
    }

    @Test
    void bytes_that_do_not_fit_are_refused_before_memory_is_taken() {
        byte[] huge = { 1, 0x7F, (byte) 0xFF, (byte) 0xFF, (byte) 0xF0 };

        assertThrows(ProtocolException.class, () -> read(huge).bytes());
        assertThrows(ProtocolException.class, () -> read(huge).count(1));
        assertThrows(ProtocolException.class, () -> read(new byte[] { 1, (byte) 0x80, 0, 0, 0 }).bytes());
    }

    @Test
    void an_absent_text_and_text_that_is_no_utf8_are_refused() {
        assertThrows(ProtocolException.class, () -> read(new byte[] { 1, -1, -1, -1, -1 }).text());
        assertThrows(ProtocolException.class, () -> read(new byte[] { 1, 0, 0, 0, 1, (byte) 0xC0 }).text());
        assertThrows(ProtocolException.class, () -> read(new byte[] { 1, 0, 0, 0, 1, 0 }).text());
        assertThrows(ProtocolException.class, () -> new FrameWriter(16, 100).begin(1).text("a\0b"));
    }

    @Test
    void bytes_left_over_are_refused() {
        assertTrue(assertThrows(ProtocolException.class, () -> read(new byte[] { 3, 0 }).end()).getMessage()
            .contains("BATCH"));
    }

    @Test
    void rubbish_is_refused_and_never_anything_else() {
        Random random = new Random(1);

        for (int i = 0; i < 20_000; i++) {
            byte[] body = new byte[1 + random.nextInt(40)];
            random.nextBytes(body);
            try {
                FrameReader in = read(body);
                for (int items = in.count(8); items > 0; items--) {
                    in.bytes();
                    in.text();
                }
                in.end();
            } catch (ProtocolException e) {
                assertTrue(e.getMessage().contains("broken"));
            }
        }
    }
}
