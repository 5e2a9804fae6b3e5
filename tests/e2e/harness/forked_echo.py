"""An echo server that leaves its parent behind, in one of the ways that servers have. Run by
tests/e2e/cases/sockets.py under millrace-run; it knows of nothing but the kernel's SCTP."""

import ctypes
import os
import socket
import sys
import time

IPPROTO_SCTP = 132


def leave_parent(how):
    if how == "daemon":
        if ctypes.CDLL(None).daemon(1, 1) != 0:
            sys.exit("daemon() failed")
    elif os.fork():
        if how == "late":
            time.sleep(2)
        if how == "exit":
            sys.exit(0)
        os._exit(0)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
    server.bind(("0.0.0.0", int(sys.argv[2])))
    server.listen(5)
    leave_parent(sys.argv[1])
    print("serving", flush=True)
    for _ in range(2):
        connection, _ = server.accept()
        while message := connection.recv(65536):
            connection.sendall(message.upper())
        connection.close()
    server.close()
    print("done", flush=True)


main()
