"""Servers that give their sockets away: to programs that they run, and to processes that are there
already. Run by tests/e2e/cases/inheritance.py under millrace-run; it knows of nothing but the kernel's
SCTP.

    inetd.py HOW PORT [COMMAND ...]
    inetd.py client HOST PORT WORD

HOW is what a server does with what it has; the command is what gets it."""

import os
import socket
import subprocess
import sys

IPPROTO_SCTP = 132


def listener(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
    server.bind(("0.0.0.0", port))
    server.listen(5)
    return server


def echo(connection):
    while message := connection.recv(65536):
        connection.sendall(message.upper())
    connection.close()


def connections(server):
    for _ in range(2):
        yield server.accept()[0]


def popen(server, command):
    """inetd's nowait: the connection is the program's input and output."""
    programs = []
    for connection in connections(server):
        programs.append(subprocess.Popen(command, stdin=connection, stdout=connection))
        connection.close()
    return [program.wait() for program in programs]


def spawn(server, command):
    programs = []
    for connection in connections(server):
        actions = [(os.POSIX_SPAWN_DUP2, connection.fileno(), fd) for fd in (0, 1)]
        programs.append(os.posix_spawnp(command[0], command, os.environ, file_actions=actions))
        connection.close()
    return [os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]) for program in programs]


def system(server, command):
    statuses = []
    for connection in connections(server):
        os.dup2(connection.fileno(), 9)
        connection.close()
        statuses.append(os.waitstatus_to_exitcode(os.system(f"{' '.join(command)} <&9 >&9")))
        os.close(9)
    return statuses


def bare(server, command):
    """As popen(), but the program gets an environment of which nothing is left."""
    programs = []
    for connection in connections(server):
        program = os.fork()
        if program == 0:
            os.dup2(connection.fileno(), 0)
            os.dup2(connection.fileno(), 1)
            os.execve(command[0], command, {})
        programs.append(program)
        connection.close()
    return [os.waitstatus_to_exitcode(os.waitpid(program, 0)[1]) for program in programs]


def become(server, command):
    """The server itself becomes the program, which has the listener as descriptor 3, as systemd does
    it."""
    os.dup2(server.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ["LISTEN_FDS"] = "1"
    sys.stdout.flush()
    os.execvp(command[0], command)


def worker(channel):
    channel = socket.socket(fileno=channel)
    for _ in range(2):
        _, (descriptor,), _, _ = socket.recv_fds(channel, 1, 1)
        echo(socket.socket(fileno=descriptor))


def hand(server, _):
    """A process that was there before gets each connection."""
    near, far = socket.socketpair()
    program = subprocess.Popen([sys.executable, __file__, "worker", str(far.fileno())],
                               pass_fds=[far.fileno()])
    for connection in connections(server):
        socket.send_fds(near, [b"x"], [connection.fileno()])
        connection.close()
    return [program.wait()]


def activated():
    """A server that finds its listener as descriptor 3."""
    server = socket.socket(fileno=int(os.environ["LISTEN_FDS"]) + 2)
    print("activated", server.getsockname()[1], flush=True)
    for connection in connections(server):
        echo(connection)


def client(host, port, word):
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_SCTP)
    connection.connect((host, int(port)))
    connection.sendall(word.encode() + b"\n")
    try:
        print("answered", connection.recv(65536).decode().strip(), flush=True)
    except ConnectionError as error:
        print(error)


def main():
    how, command = sys.argv[1], sys.argv[3:]
    if how == "client":
        client(*sys.argv[2:])
    elif how == "activated":
        activated()
    elif how == "worker":
        worker(int(sys.argv[2]))
    else:
        server = listener(int(sys.argv[2]))
        print("serving", flush=True)
        statuses = globals()[how](server, command)
        server.close()
        print("done", statuses, flush=True)


main()
