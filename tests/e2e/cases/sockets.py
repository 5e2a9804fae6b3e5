"""Programs that know nothing of the engine, run on it by millrace-run."""

import os
import re

import harness
from harness.ctl import check_no_drops, listeners
from harness.ends import THEIRS, two_engines
from harness.registry import check, check_equal, test, wait_until
from harness.rig import addresses
from harness.scene import Kernel, Usrsctp
from harness.sockets import Sockets, needs, run_command, shell, spawn
from harness.traffic import Shape, check_pair

SIZES = Shape(there=150, back=150, size="1-200000", streams=32)


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


@test("servers that fork for each connection: socat and ncat serve several at once")
def forking_servers(rig):
    needs("socat", "ncat")
    ours, theirs = two_engines(rig)
    spawn(rig, theirs, ["socat", "SCTP4-LISTEN:5300,reuseaddr,fork", "EXEC:cat"], "forking-socat")
    server = spawn(rig, theirs, ["ncat", "--sctp", "-v", "-k", "-l", "5301", "--exec", "/bin/cat"],
                   "forking-ncat")
    server.wait_for("Listening")
    wait_until(lambda: {listener["port"] for listener in listeners(theirs)} == {5300, 5301}, 10,
               "they listen")
    clients = [shell(rig, ours, f"(echo hello {port} {i}; sleep 2) | $RUN ncat --sctp {THEIRS} {port}",
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
            client = shell(rig, ours, f"(echo {word}; sleep 1) | $RUN ncat --sctp {THEIRS} {port}",
                           f"client-{how}-{word}")
            check_equal(client.wait(20), 0, client.describe())
            check(word.upper() in client.output(), client.describe())
        wait_until(lambda: "done" in server.output(), 10, f"{how}: it has served both")
    wait_until(lambda: not theirs.ask("applications")["applications"], 10,
               "nothing of them is left at the engine")


@test("a call that waits sleeps, or asks again and again for as long as MILLRACE_SPIN_US says")
def spinning(rig):
    needs("/usr/bin/python3")
    ours, theirs = two_engines(rig)
    script = os.path.join(os.path.dirname(harness.__file__), "round_trips.py")
    count = 200

    def sleeps(port, spin_us):
        server = spawn(rig, theirs, ["/usr/bin/python3", script, "server", str(port)], "server")
        server.wait_for("serving")
        command = run_command(rig, ours, ["/usr/bin/python3", script, "client", THEIRS, str(port),
                                          str(count)])
        client = rig.spawn(command, "client", environment={"MILLRACE_SPIN_US": spin_us})
        check_equal(client.wait(60), 0, client.describe())
        check_equal(server.wait(10), 0, server.describe())
        return int(re.search(r"slept (\d+)", client.output()).group(1))

    # An answer takes as long as the machine is busy; it is hardly ever here before it is waited for.
    slept = sleeps(5500, "0")
    check(slept >= count // 2, f"slept {slept} times")
    # On a busy machine a lock is slept for too, whose holder has lost its CPU: the best of three.
    spun = min(sleeps(port, "200000") for port in (5501, 5502, 5503))
    check(spun <= count // 4, f"slept {slept} times, and {spun} when told to spin")
