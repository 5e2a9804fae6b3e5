"""Messages that go and come back one by one, and how often the client slept for them. Run by
tests/e2e/cases/sockets.py under millrace-run; it knows of nothing but the kernel's SCTP.

    round_trips.py server PORT
    round_trips.py client HOST PORT COUNT"""

import resource
import socket
import sys

IPPROTO_SCTP = 132


def sleeps():
    """Of this thread."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def serve(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
    server.bind(("0.0.0.0", port))
    server.listen(5)
    print("serving", flush=True)
    connection, _ = server.accept()
    while message := connection.recv(65536):
        connection.sendall(message)


def ask(host, port, count):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
    client.connect((host, port))
    before = sleeps()
    for number in range(count):
        text = str(number).encode()
        client.sendall(text)
        if client.recv(65536) != text:
            sys.exit(f"message {number} came back as another")
    print("slept", sleeps() - before, flush=True)
    client.close()


if sys.argv[1] == "server":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
