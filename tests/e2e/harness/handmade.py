"""Packets put together by hand with scapy, and a peer that is nothing but them."""

import logging
import os
import struct
import subprocess

from .registry import check

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
from scapy.layers import sctp  # noqa: E402
from scapy.packet import Raw  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
OUR_TAG = 0x11223344
INITIAL_TSN = 1000

_TABLE = []
for _index in range(256):
    _value = _index
    for _ in range(8):
        _value = _value >> 1 ^ (0x82f63b78 if _value & 1 else 0)
    _TABLE.append(_value)


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xff]
    return value ^ 0xffffffff


def with_checksum(packet):
    """The packet with the checksum it should have."""
    blank = packet[:8] + b"\0\0\0\0" + packet[12:]
    return packet[:8] + struct.pack("<I", crc32c(blank)) + packet[12:]


def chunk(kind, flags=0, value=b"", length=None):
    """A chunk of any type, with any length field."""
    length = 4 + len(value) if length is None else length
    return struct.pack("!BBH", kind, flags, length) + value + b"\0" * (-len(value) % 4)


def parameter(kind, value=b""):
    return struct.pack("!HH", kind, 4 + len(value)) + value + b"\0" * (-len(value) % 4)


def init(tag=OUR_TAG, rwnd=100000, out=10, inbound=10, parameters=b""):
    return chunk(1, 0, struct.pack("!IIHHI", tag, rwnd, out, inbound, INITIAL_TSN) + parameters)


def data(tsn, stream=0, sequence=0, payload=b"payload", flags=3):
    return chunk(0, flags, struct.pack("!IHHI", tsn, stream, sequence, 0) + payload)


class HandmadePeer:
    """Talks to one address of the engine from the peer's namespace."""

    def __init__(self, rig, address, port, source=40000):
        self.port, self.source = port, source
        self.tag = 0  # of the engine, once it has told
        self.process = subprocess.Popen(
            rig.peer.command(["/usr/bin/python3", os.path.join(HERE, "wire_agent.py"), address]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        rig.stack.callback(self.close)
        self._answer()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _answer(self):
        line = self.process.stdout.readline()
        check(line, "the agent in the namespace died")
        return line.strip()

    def _ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def packet(self, *chunks, tag=None):
        """With a good checksum."""
        header = sctp.SCTP(sport=self.source, dport=self.port, tag=self.tag if tag is None else tag)
        return bytes(header / Raw(b"".join(chunks)))

    def send(self, *chunks, tag=None):
        self._ask("send " + self.packet(*chunks, tag=tag).hex())

    def send_raw(self, packet):
        self._ask("send " + packet.hex())

    def send_burst(self, packets, path):
        with open(path, "w", encoding="ascii") as file:
            file.writelines(packet.hex() + "\n" for packet in packets)
        self._ask("burst " + path)

    def receive(self, seconds=0.4):
        """The packets to our port within that time, as scapy understands them."""
        return self._mine(self._ask(f"receive {seconds}"))

    def answer(self, seconds=2):
        """The first packet that comes; None if there is none."""
        packets = self._mine(self._ask(f"await {seconds}"))
        return packets[0] if packets else None

    def _mine(self, line):
        packets = [sctp.SCTP(bytes.fromhex(word)) for word in line.split()]
        return [packet for packet in packets if packet.dport == self.source]

    def associate(self):
        """The four-way handshake."""
        self.send(init(), tag=0)
        ack = self.answer()
        check(ack is not None and sctp.SCTPChunkInitAck in ack, f"no INIT ACK: {ack!r}")
        body = ack[sctp.SCTPChunkInitAck]
        self.tag = body.init_tag
        self.engine_tsn = body.init_tsn
        self.send(chunk(10, 0, cookie_of(ack)))
        answer = self.answer()
        check(answer is not None and first_type(answer) == 11, f"no COOKIE ACK: {answer!r}")


def cookie_of(packet):
    """The state cookie's bytes, found by hand: the parameters of INIT ACK begin after 20 bytes."""
    content = bytes(packet)[12:]
    at, end = 20, struct.unpack("!H", content[2:4])[0]
    while at + 4 <= end:
        kind, length = struct.unpack("!HH", content[at:at + 4])
        if kind == 7:
            return content[at + 4:at + length]
        at += (length + 3) & ~3
    raise AssertionError("no cookie in INIT ACK")


def first_type(packet):
    return bytes(packet)[12]


def first_flags(packet):
    return bytes(packet)[13]


def chunk_types(packet):
    content, at, types = bytes(packet), 12, []
    while at + 4 <= len(content):
        types.append(content[at])
        at += (max(4, struct.unpack("!H", content[at + 2:at + 4])[0]) + 3) & ~3
    return types
