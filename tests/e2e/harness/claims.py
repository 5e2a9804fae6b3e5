"""What millrace-run(1) says of the programs that it runs, one claim a function. Run by
tests/e2e/cases/runner.py under millrace-run; it knows of nothing but the kernel's SCTP."""

import ctypes
import errno
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time

IPPROTO_SCTP = 132
HOST, SECOND_HOST = "10.20.0.1", "10.20.1.1"
SILENT = "10.66.0.1"  # nobody answers there


def make(family=socket.AF_INET):
    return socket.socket(family, socket.SOCK_STREAM, IPPROTO_SCTP)


def listener(port, address=HOST):
    server = make(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if ":" in address:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    server.bind((address, port))
    server.listen(5)
    return server


def pair(port):
    server = listener(port)
    client = make()
    client.connect((HOST, port))
    return client, server.accept()[0]


def refused(number, function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        if error.errno != number:
            sys.exit(f"{errno.errorcode[error.errno]}, and not {errno.errorcode[number]}")
        return
    sys.exit(f"it worked, and {errno.errorcode[number]} is claimed")


def expect(actual, wanted):
    if actual != wanted:
        sys.exit(f"{actual!r}, and not {wanted!r}")


def no_engine():
    refused(errno.EPROTONOSUPPORT, make)


def no_context():
    refused(errno.ENOBUFS, make)


def foreign_address():
    refused(errno.EADDRNOTAVAIL, make().bind, ("10.99.0.1", 0))


def its_own_numbers():
    """What holds up a socket is not overwritten."""
    kept = make()
    theirs = max(int(name) for name in os.listdir("/proc/self/fd"))
    expect(theirs >= 1024, True)
    refused(errno.EBUSY, os.dup2, 0, theirs)
    kept.close()


def one_process_a_port():
    """Of two processes the second one is refused; within one two versions of IP share it."""
    kept = listener(5701), listener(5701, "::")
    make()  # the child's own sockets need a context of its own
    child = os.fork()
    if child == 0:
        refused(errno.EADDRINUSE, listener, 5701)
        os._exit(0)
    expect(os.waitpid(child, 0)[1], 0)
    for server in kept:
        server.close()


def a_named_port():
    """A port that a socket is bound to and connects from is no other process's meanwhile."""
    mine = make()
    mine.bind((HOST, 5706))
    mine.setblocking(False)
    refused(errno.EINPROGRESS, mine.connect, (SILENT, 9))
    for ends, wanted in ((False, errno.EADDRINUSE), (True, 0)):
        if ends:
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            mine.close()
        command = [sys.executable, __file__, "listens_at", "5706", str(wanted)]
        expect(subprocess.run(command, check=False).returncode, 0)


def listens_at(port, wanted):
    if int(wanted) == 0:
        listener(int(port))
    else:
        refused(int(wanted), listener, int(port))


def strangers_are_harmless():
    """Other users' processes that find the way here and say nothing keep no child from a socket that
    it inherited, whoever the child has become, and cost no threads."""
    client, server = pair(5707)
    users = (65534, 0)
    crowd = [subprocess.Popen([sys.executable, __file__, "crowds_in"], user=user, group=user,
                              extra_groups=[], stdout=subprocess.PIPE,
                              env={**os.environ, "LD_PRELOAD": ""}) for user in users]
    for program in crowd:
        expect(program.stdout.readline(), b"there\n")
    for user in users:
        word = f"from {user}".encode()
        child = subprocess.run([sys.executable, __file__, "says", str(server.fileno()), word],
                               user=user, group=user, extra_groups=[], check=False,
                               pass_fds=[server.fileno()])
        expect(child.returncode, 0)
        expect(client.recv(100), word)
    if len(os.listdir("/proc/self/task")) > 8:
        sys.exit("they cost threads")
    for program in crowd:
        program.kill()


def crowds_in():
    with open("/proc/net/unix", encoding="ascii") as file:
        names = {line.split()[-1] for line in file if "@millrace-process/" in line}
    crowd = []
    for name in names:
        for _ in range(200):
            one = socket.socket(socket.AF_UNIX)
            one.connect("\0" + name[1:])
            crowd.append(one)
    print("there", flush=True)
    time.sleep(60)


def says(descriptor, word):
    with socket.socket(fileno=int(descriptor)) as inherited:
        inherited.sendall(word.encode())


def outlives_the_engine():
    """Listeners are there again when the engine is, each for its peers; the library's descriptors stay
    out of the way of the program's, and none is left over."""
    shared = [make() for _ in range(2)]
    for server in shared:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind((SECOND_HOST, 5708))
        server.listen(50)
    servers = [listener(5708, "127.0.0.1"), listener(5708), *shared]
    client = make()
    client.connect((HOST, 5708))
    kept = servers[1].accept()[0]
    sleep_in(client)
    before, of_library = descriptors()
    print("ready", flush=True)
    client.settimeout(20)
    refused(errno.ENETDOWN, client.recv, 1)
    clients = [reconnected("127.0.0.1"), reconnected(HOST)]
    after, of_library_now = descriptors()
    expect(after - {one.fileno() for one in clients}, before)
    expect(of_library_now, of_library + len(clients))  # an end of each
    clients += [reconnected(SECOND_HOST) for _ in range(20)]
    served = [0] * len(servers)
    for _ in clients:
        for ready in select.select(servers, [], [], 5)[0]:
            ready.accept()
            served[servers.index(ready)] += 1
            break
    expect(served[:2], [1, 1])
    expect(sum(served), len(clients))
    expect(min(served) > 0, True)
    kept.close()
    print("served", flush=True)


def sleep_in(client):
    """Once: what a thread sleeps on is made then, and stays."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 1000))
    refused(errno.EAGAIN, client.recv, 1)


def descriptors():
    """Those that the program has, and how many more the library has, which are above them."""
    numbers = {int(name) for name in os.listdir("/proc/self/fd")
               if os.path.exists(f"/proc/self/fd/{name}") or int(name) >= 1024}
    small = {number for number in numbers if number < 1024}
    return small, len(numbers - small)


def reconnected(host):
    """A client, as soon as there is somebody again."""
    end = time.monotonic() + 20
    while True:
        client = make()
        try:
            client.connect((host, 5708))
            return client
        except OSError:
            client.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def closes_everything():
    """A program that closes all descriptors that it does not know leaves the sockets at work, and
    small numbers are its own."""
    client, server = pair(5702)
    small = {client.fileno(), server.fileno()}
    os.closerange(3, min(small))
    os.closerange(max(small) + 1, 65536)
    before = os.dup(0)
    if before >= 1024:
        sys.exit(f"the next descriptor is {before}")
    client.sendall(b"still here")
    expect(server.recv(100), b"still here")


def limit_is_raised():
    make()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    expect(soft, min(hard, 65536))


def raise_limit(soft, hard):
    """As root may, unless he is in a container that keeps him from it: then nothing is tried."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    except ValueError:
        print("the limit is not to be raised here")
        sys.exit(0)


def limit_is_never_lowered():
    raise_limit(100000, 200000)
    make()
    expect(resource.getrlimit(resource.RLIMIT_NOFILE), (100000, 200000))


def no_more_than_65536():
    """A socket has none of the larger numbers, and a failure leaves no descriptor behind."""
    raise_limit(70000, 70000)
    client, server = pair(5709)
    while os.dup(0) < 65536:
        pass
    free = os.dup(0)
    os.close(free)
    for _ in range(5):
        refused(errno.EMFILE, make)
        refused(errno.EMFILE, client.dup)
    os.dup2(0, 66000)
    for large in (65536, 66000):
        refused(errno.EMFILE, lambda: os.dup2(client.fileno(), large))
        refused(errno.EMFILE, lambda: os.dup2(client.fileno(), large, inheritable=False))
    os.fstat(66000)
    refused(errno.EBADF, lambda: os.dup2(client.fileno(), 70000))
    expect(os.dup(0), free)
    client.sendall(b"still here")
    expect(server.recv(100), b"still here")


def waiting_costs_nothing():
    _, server = pair(5703)
    server.settimeout(None)
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 1.5)
    before = time.process_time()
    refused(errno.EINTR, ctypes_recv, server.fileno())
    used = time.process_time() - before
    if used > 0.05:
        sys.exit(f"a wait of 1.5 s took {used} s of CPU")


def ctypes_recv(descriptor):
    """Python's own recv begins again after a signal."""
    library = ctypes.CDLL(None, use_errno=True)
    signal.siginterrupt(signal.SIGALRM, True)
    if library.recv(descriptor, ctypes.create_string_buffer(16), 16, 0) < 0:
        raise OSError(ctypes.get_errno(), "recv")


def owner_is_killed():
    """Who has sockets of a process that is killed is told."""
    _, server = pair(5704)
    here, there = os.pipe()
    child = os.fork()
    if child != 0:
        os.read(here, 1)
        os.kill(os.getpid(), signal.SIGKILL)
    parent = os.getppid()
    server.getpeername()
    print("child", os.getpid(), flush=True)
    os.write(there, b"x")
    while os.getppid() == parent:
        time.sleep(0.01)
    refused(errno.ENOTCONN, server.getpeername)
    refused(errno.ENOTCONN, server.send, b"x")
    print("told", flush=True)


def streams():
    client, server = pair(5705)
    library = ctypes.CDLL(None)
    library.fdopen.restype = ctypes.c_void_p
    library.fgets.restype = ctypes.c_char_p
    stream = ctypes.c_void_p(library.fdopen(server.fileno(), b"r+"))
    expect(library.fileno(stream), server.fileno())
    client.sendall(b"a line\nanother\n")
    line = ctypes.create_string_buffer(100)
    expect(library.fgets(line, 100, stream), b"a line\n")
    expect(library.fgets(line, 100, stream), b"another\n")
    library.fputs(b"an answer\n", stream)
    expect(library.fflush(stream), 0)
    expect(client.recv(100), b"an answer\n")
    expect(library.fclose(stream), 0)
    expect(client.recv(100), b"")


def status():
    sys.exit(7)


globals()[sys.argv[1]](*sys.argv[2:])
