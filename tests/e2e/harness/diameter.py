"""Both ends of a Diameter application, whose requests daemons route (RFC 6733). Run by
tests/e2e/cases/programs.py under millrace-run; it knows of nothing but the kernel's SCTP.

    diameter.py client|server HOST REALM PEER-REALM ADDRESS[:PORT] [REQUESTS]

Both connect to a daemon and exchange capabilities; the server then answers Accounting-Requests, and
the client sends some to the other realm."""

import itertools
import socket
import struct
import sys

IPPROTO_SCTP = 132
SCTP_DEFAULT_SNDINFO = 34
PPID = 46  # Diameter in clear text
CAPABILITIES, WATCHDOG, DISCONNECT, ACCOUNTING = 257, 280, 282, 271
ACCOUNTING_APPLICATION = 3
REQUEST, PROXIABLE = 0x80, 0x40
SUCCESS = 2001
SESSION, ORIGIN_HOST, ORIGIN_REALM, DESTINATION_REALM, RESULT = 263, 264, 296, 283, 268
RECORD_TYPE, RECORD_NUMBER, ACCT_APPLICATION, ROUTE_RECORD = 480, 485, 259, 282


def avp(code, value):
    data = struct.pack("!I", value) if isinstance(value, int) else value
    return struct.pack("!II", code, 0x40 << 24 | 8 + len(data)) + data + b"\0" * (-len(data) % 4)


def avps(message):
    """(code, data) of each; those of vendors have none here."""
    at = 20
    while at < len(message):
        code, flags_length = struct.unpack_from("!II", message, at)
        length = flags_length & 0xffffff
        skip = 12 if flags_length >> 31 else 8
        yield code, message[at + skip:at + length]
        at += (length + 3) & ~3


class Node:
    def __init__(self, host, realm, to):
        self.origin = [(ORIGIN_HOST, host.encode()), (ORIGIN_REALM, realm.encode())]
        address, _, port = to.partition(":")
        self.numbers = itertools.count(1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
        self.socket.setsockopt(IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO,
                               struct.pack("=HHIIi", 0, 0, socket.htonl(PPID), 0, 0))
        self.socket.connect((address, int(port or 3868)))
        own = socket.inet_aton(self.socket.getsockname()[0])
        answer = self.ask(CAPABILITIES, 0, [(257, b"\0\1" + own), (266, 0), (269, b"test"),
                                            (ACCT_APPLICATION, ACCOUNTING_APPLICATION), (299, 0)])
        print("capabilities", answer[RESULT], flush=True)

    def send(self, flags, command, application, numbers, parts):
        body = b"".join(avp(code, value) for code, value in parts)
        head = struct.pack("!IIIII", 1 << 24 | 20 + len(body), flags << 24 | command, application,
                           *numbers)
        self.socket.sendall(head + body)

    def receive(self):
        """Flags, command, application, numbers and AVPs of the next message; those of the base
        protocol are answered on the way."""
        while message := self.socket.recv(65536):
            _, flags_command, application, hop, end = struct.unpack_from("!IIIII", message)
            flags, command = flags_command >> 24, flags_command & 0xffffff
            if command not in (WATCHDOG, DISCONNECT) or not flags & REQUEST:
                return flags, command, application, (hop, end), list(avps(message))
            self.send(0, command, 0, (hop, end), [(RESULT, SUCCESS), *self.origin])
            if command == DISCONNECT:
                break
        return None

    def ask(self, command, application, parts):
        number = next(self.numbers)
        flags = REQUEST | (PROXIABLE if application else 0)
        start = [part for part in parts if part[0] == SESSION]
        rest = [part for part in parts if part[0] != SESSION]
        self.send(flags, command, application, (number, number), [*start, *self.origin, *rest])
        flags, answered, _, numbers, found = self.receive()
        if flags & REQUEST or answered != command or numbers != (number, number):
            sys.exit(f"asked {command} {number}, got {answered} {numbers} with flags {flags:#x}")
        return {code: struct.unpack("!I", data)[0] if len(data) == 4 else data
                for code, data in found}


def serve(node):
    while request := node.receive():
        flags, command, application, numbers, found = request
        if not flags & REQUEST or command != ACCOUNTING:
            sys.exit(f"unexpected command {command} with flags {flags:#x}")
        copied = [part for part in found if part[0] in (SESSION, RECORD_TYPE, RECORD_NUMBER)]
        relays = [data.decode() for code, data in found if code == ROUTE_RECORD]
        copied.insert(1, (RESULT, SUCCESS))
        node.send(PROXIABLE, command, application, numbers, [*copied, *node.origin])
        print("answered, by way of", *relays, flush=True)


def main():
    role, host, realm, other, to, *count = sys.argv[1:]
    node = Node(host, realm, to)
    if role == "server":
        serve(node)
        return
    for i in range(int(count[0])):
        session = f"{host};1;{i}".encode()
        answer = node.ask(ACCOUNTING, ACCOUNTING_APPLICATION,
                          [(SESSION, session), (DESTINATION_REALM, other.encode()),
                           (RECORD_TYPE, 1), (RECORD_NUMBER, i),
                           (ACCT_APPLICATION, ACCOUNTING_APPLICATION)])
        if answer[SESSION] != session or answer[RECORD_NUMBER] != i:
            sys.exit(f"not what was asked: {answer}")
        print("result", answer[RESULT], "from", answer[ORIGIN_HOST].decode(), flush=True)
    node.socket.close()


main()
