"""Two M3UA application server processes of one signalling gateway, which say something to each other
through it (RFC 4666). Run by tests/e2e/cases/programs.py under millrace-run; it knows of nothing but the
kernel's SCTP.

    m3ua.py ADDRESS GATEWAY MESSAGES

Those at the point codes 0.0.1 and 0.0.2 come from the ports 2906 and 2907. Each of MESSAGES goes from the
first to the second and is answered."""

import socket
import struct
import sys

IPPROTO_SCTP = 132
SCTP_DEFAULT_SNDINFO = 34
PPID, GATEWAY_PORT = 3, 2905
DATA = (1, 1)
UP, BEAT, UP_ACK, BEAT_ACK = (3, 1), (3, 3), (3, 4), (3, 6)
ACTIVE, ACTIVE_ACK = (4, 1), (4, 3)
ROUTING_CONTEXT, PROTOCOL_DATA = 0x0006, 0x0210
INTERNATIONAL, SCCP = 0, 3
SECONDS = 10


def parameter(tag, value):
    return struct.pack("!HH", tag, 4 + len(value)) + value + b"\0" * (-len(value) % 4)


def parameters(message):
    """{tag: value} of a message."""
    found, at = {}, 8
    while at < len(message):
        tag, length = struct.unpack_from("!HH", message, at)
        found[tag] = message[at + 4:at + length]
        at += (length + 3) & ~3
    return found


class Process:
    def __init__(self, own, gateway, port, point_code):
        self.point_code = point_code
        self.context = parameter(ROUTING_CONTEXT, struct.pack("!I", point_code))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
        self.socket.settimeout(SECONDS)
        self.socket.bind((own, port))
        self.socket.connect((gateway, GATEWAY_PORT))
        self.send(UP)
        self.wait_for(UP_ACK)
        self.send(ACTIVE, self.context)
        self.wait_for(ACTIVE_ACK)

    def send(self, kind, body=b""):
        stream = 1 if kind == DATA else 0  # 0 is for what manages
        self.socket.setsockopt(IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO,
                               struct.pack("=HHIIi", stream, 0, socket.htonl(PPID), 0, 0))
        self.socket.sendall(struct.pack("!BBBBI", 1, 0, *kind, 8 + len(body)) + body)

    def wait_for(self, kind):
        while True:
            message = self.socket.recv(4096)
            if not message:
                sys.exit("the gateway has ended the association")
            got = tuple(message[2:4])
            if got == kind:
                return parameters(message)
            if got == BEAT:
                self.send(BEAT_ACK, message[8:])

    def say(self, to, text):
        label = struct.pack("!IIBBBB", self.point_code, to.point_code, SCCP, INTERNATIONAL, 0, 0)
        self.send(DATA, self.context + parameter(PROTOCOL_DATA, label + text))
        data = to.wait_for(DATA)[PROTOCOL_DATA]
        if (data[:8], data[12:]) != (label[:8], text):
            sys.exit(f"{data} instead of {label + text}")


def main():
    own, gateway, count = sys.argv[1:]
    first, second = Process(own, gateway, 2906, 1), Process(own, gateway, 2907, 2)
    print("both are active", flush=True)
    for i in range(int(count)):
        first.say(second, b"there %d" % i + b"." * i)
        second.say(first, b"and back %d" % i)
    print("routed", count, "each way", flush=True)


if __name__ == "__main__":
    main()
