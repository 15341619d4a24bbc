# SPDX-License-Identifier: Apache-2.0
"""A request to a Kafka broker and its answer, for what no client offers.

Source: the Kafka protocol guide, "Protocol Primitive Types"; the compact ones are those of flexible versions.
"""
import socket
import struct

TAGS = b"\0"  # none


def exchange(port, request, timeout):
    """What follows the answer's correlation id. OSError: the broker does not answer."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = b""
        while len(answer) < 4 or len(answer) < 4 + struct.unpack_from(">i", answer)[0]:
            more = connection.recv(1 << 20)
            if not more:
                raise ConnectionError("closed in the middle of an answer")
            answer += more
    return answer[8:]


def pack_size(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes(out + bytearray([number]))


def pack_text(value):
    return pack_size(len(value) + 1) + value.encode()


def pack_array(items):
    return pack_size(len(items) + 1) + b"".join(items)


class Answer:
    """Takes one field after the other."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.place)
        self.place += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def size(self):
        number = shift = 0
        while True:
            byte = self.take("B")
            number |= (byte & 0x7f) << shift
            if byte < 0x80:
                return number
            shift += 7

    def text(self):
        count = self.size()
        if count == 0:
            return None
        self.place += count - 1
        return self.data[self.place - count + 1:self.place].decode()

    def tags(self):
        for _ in range(self.size()):
            self.size()
            self.place += self.size()

    def array(self, take):
        items = []
        for _ in range(self.size() - 1):
            items.append(take())
            self.tags()
        return items
