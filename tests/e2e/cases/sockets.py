"""Programs that know nothing of the engine, run on it by millrace-run."""

import re

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
    server = spawn(rig, theirs, ["iperf3", "-s", "-1", "--forceflush"])
    server.wait_for("Server listening")
    client = spawn(rig, ours, ["iperf3", "--sctp", "-c", HOST, "-n", "20M", "-P", "2"])
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
