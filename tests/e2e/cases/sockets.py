"""Programs that know nothing of the engine, run on it by millrace-run."""

import os
import re

import harness
from harness.ctl import check_no_drops
from harness.registry import check, check_equal, test, wait_until
from harness.rig import addresses
from harness.scene import Kernel, Usrsctp
from harness.sockets import Sockets, needs, second_engine, shell, spawn
from harness.traffic import Shape, check_pair

SIZES = Shape(there=150, back=150, size="1-200000", streams=32)
HOST = "10.20.0.2"


def lksctp_client(rig, paths, engine, peer, shape):
    ours, theirs = addresses(paths, "ours"), addresses(paths, "theirs")
    server = peer.start("server", shape.arguments("server", bind=theirs))
    client = Sockets(rig, engine).start("client",
                                        shape.arguments("client", bind=ours, connect=theirs))
    check_pair(shape, client.wait(shape.timeout + 10), server.wait(20))


def lksctp_server(rig, paths, engine, peer, shape):
    ours, theirs = addresses(paths, "ours"), addresses(paths, "theirs")
    server = Sockets(rig, engine).start("server", shape.arguments("server", bind=ours))
    client = peer.start("client", shape.arguments("client", bind=theirs, connect=ours))
    check_pair(shape, client.wait(shape.timeout + 10), server.wait(20))


@test("a client of libsctp and a usrsctp server exchange messages of many sizes")
def client_to_usrsctp(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    lksctp_client(rig, paths, engine, Usrsctp(rig, paths), SIZES)
    check_no_drops(engine)


@test("a server of libsctp and a usrsctp client exchange messages of many sizes")
def server_to_usrsctp(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    lksctp_server(rig, paths, engine, Usrsctp(rig, paths), SIZES)
    check_no_drops(engine)


@test("a server of libsctp holds ten associations of a usrsctp client at once")
def many_associations(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    shape = Shape(there=50, back=50, size="16-3000", associations=10)
    lksctp_server(rig, paths, engine, Usrsctp(rig, paths), shape)
    check_no_drops(engine)


@test("a client of libsctp and a kernel server exchange messages of many sizes")
def client_to_kernel(rig):
    paths = rig.paths(1, guest=True)
    engine = rig.engine(paths)
    lksctp_client(rig, paths, engine, Kernel(rig, paths), SIZES)
    check_no_drops(engine)


def two_engines(rig):
    """Engines at both ends of a wire whose addresses the kernels have too, for programs that speak
    TCP beside SCTP."""
    paths = rig.paths(1)
    rig.ours.add_addresses(paths[0].our_interface, paths[0].with_prefix(paths[0].ours))
    return rig.engine(paths), second_engine(rig, paths)


@test("iperf3 --sctp moves data between two engines")
def iperf3(rig):
    ours, theirs = two_engines(rig)
    for options in (["-n", "20M", "-P", "2"], ["-n", "5M", "-R", "-M", "9000"],
                    ["-n", "5M", "--bidir"]):
        server = spawn(rig, theirs, ["iperf3", "-s", "-1", "--forceflush"])
        server.wait_for("Server listening")
        client = spawn(rig, ours, ["iperf3", "--sctp", "-c", HOST, *options])
        check_equal(client.wait(60), 0, client.describe())
        check_equal(server.wait(20), 0, server.describe())
        check("receiver" in client.output(), client.output())


@test("ncat --sctp carries a line each way")
def ncat(rig):
    needs("ncat")
    ours, theirs = two_engines(rig)
    server = shell(rig, theirs, "(sleep 1; echo pong; sleep 2) | $RUN ncat --sctp -v -l 5000", "server")
    server.wait_for("Listening")
    client = shell(rig, ours, f"(echo ping; sleep 3) | $RUN ncat --sctp {HOST} 5000", "client")
    server.wait_for("ping")
    client.wait_for("pong")


@test("socat relays a stream over SCTP")
def socat(rig):
    needs("socat")
    ours, theirs = two_engines(rig)
    target = rig.file("received")
    server = spawn(rig, theirs, ["socat", "-u", "SCTP-LISTEN:5000,reuseaddr", f"CREATE:{target}"])
    wait_until(lambda: listens(theirs), 10, "it listens")
    client = shell(rig, ours, f"seq 1 20000 | $RUN socat -u - SCTP:{HOST}:5000", "client")
    check_equal(client.wait(30), 0, client.describe())
    check_equal(server.wait(20), 0, server.describe())
    with open(target, encoding="ascii") as file:
        check_equal(file.read().split(), [str(i) for i in range(1, 20001)], "what arrived")


def listens(engine):
    return any(application.get("listeners", 1) for application in
               engine.ask("applications")["applications"])


@test("sctp_test of lksctp-tools runs its passes")
def sctp_test(rig):
    ours, theirs = two_engines(rig)
    server = spawn(rig, theirs, ["sctp_test", "-H", HOST, "-P", "5100", "-l"])
    server.wait_for("listen")
    client = spawn(rig, ours, ["sctp_test", "-H", "10.20.0.1", "-P", "5101", "-h", HOST, "-p",
                               "5100", "-s", "-x", "20"])
    client.wait(30)
    # Its exit status says nothing: what the server has received does.
    sent = sum(int(n) for n in re.findall(r"sendmsg\(sk=\d+, assoc=\d+\) +(\d+) bytes",
                                          client.output()))
    check(sent > 0, client.describe())
    wait_until(lambda: received_bytes(server.output()) == sent, 10, f"{sent} bytes arrive")
    check("SHUTDOWN_COMPLETE" in server.output(), server.describe())


def received_bytes(text):
    return sum(int(n) for n in re.findall(r"Data (\d+) bytes", text))


@test("sctp_darn of lksctp-tools talks to itself")
def sctp_darn(rig):
    needs("sctp_darn", "stdbuf")
    ours, theirs = two_engines(rig)
    server = shell(rig, theirs, f"$RUN stdbuf -o0 sctp_darn -H {HOST} -P 5200 -l", "server")
    server.wait_for("listening")
    client = shell(rig, ours, "(echo one; echo two; sleep 1) | $RUN sctp_darn -H 10.20.0.1 -P 5201 "
                   f"-h {HOST} -p 5200 -s", "client")
    server.wait_for("two")
    client.wait(10)
    server.wait_for("SHUTDOWN_COMP")


@test("servers that fork for each connection: socat and ncat serve several at once")
def forking_servers(rig):
    needs("socat", "ncat")
    ours, theirs = two_engines(rig)
    spawn(rig, theirs, ["socat", "SCTP4-LISTEN:5300,reuseaddr,fork", "EXEC:cat"], "forking-socat")
    server = spawn(rig, theirs, ["ncat", "--sctp", "-v", "-k", "-l", "5301", "--exec", "/bin/cat"],
                   "forking-ncat")
    server.wait_for("Listening")
    wait_until(lambda: listens(theirs), 10, "they listen")
    clients = [shell(rig, ours, f"(echo hello {port} {i}; sleep 2) | $RUN ncat --sctp {HOST} {port}",
                     f"client-{port}-{i}") for port in (5300, 5301) for i in range(3)]
    for i, client in enumerate(clients):
        client.wait_for(f"hello {5300 + i // 3} {i % 3}")


@test("a server whose parent ends after the fork goes on, however the parent ends")
def orphaned_server(rig):
    needs("ncat", "/usr/bin/python3")
    ours, theirs = two_engines(rig)
    script = os.path.join(os.path.dirname(harness.__file__), "forked_echo.py")
    for port, how in enumerate(("daemon", "exit", "_exit", "late"), 5400):
        server = spawn(rig, theirs, ["/usr/bin/python3", script, how, str(port)], f"echo-{how}")
        wait_until(lambda: "serving" in server.output(), 10, f"{how}: it serves")
        for word in ("one", "two"):
            client = shell(rig, ours, f"(echo {word}; sleep 1) | $RUN ncat --sctp {HOST} {port}",
                           f"client-{how}-{word}")
            check_equal(client.wait(20), 0, client.describe())
            check(word.upper() in client.output(), client.describe())
        wait_until(lambda: "done" in server.output(), 10, f"{how}: it has served both")
    wait_until(lambda: not theirs.ask("applications")["applications"], 10,
               "nothing of them is left at the engine")
