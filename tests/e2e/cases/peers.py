"""The peers and the rig themselves, without the engine: an oracle that is wrong proves nothing."""

import os
import random
import time

from harness.capture import Analysis
from harness.registry import check, check_equal, test
from harness.rig import addresses
from harness.traffic import Shape, check_pair, parse_summary


def between_namespaces(rig, shape):
    """A usrsctp server where the engine would be, and a usrsctp client at the peer's end."""
    paths = rig.paths(2)
    for path in paths:
        rig.ours.add_addresses(path.our_interface, path.with_prefix(path.ours))
    ours, theirs = addresses(paths, "ours"), addresses(paths, "theirs")
    program = rig.programs.find("usrsctp-traffic")
    server = rig.spawn([program, *shape.arguments("server", bind=ours)], "server", rig.ours)
    server.wait_for("ready")
    client = rig.usrsctp("client", shape.arguments("client", bind=theirs, connect=ours))
    summary = client.wait()
    server.wait(20)
    return summary, server


@test("usrsctp and usrsctp agree on messages of 1 byte to 1 MiB")
def usrsctp_with_itself(rig):
    shape = Shape(there=100, back=100)
    client, server = between_namespaces(rig, shape)
    check_pair(shape, client, parse_summary(server.output(), "server"))


@test("usrsctp and the Linux kernel agree on messages of 1 byte to 1 MiB")
def usrsctp_with_kernel(rig):
    shape = Shape(there=60, back=60)
    paths = rig.paths(2, guest=True)
    for path in paths:
        rig.ours.add_addresses(path.our_interface, path.with_prefix(path.ours))
    guest = rig.guest(paths)
    ours, theirs = addresses(paths, "ours"), addresses(paths, "theirs")
    server = rig.kernel(guest, "server", shape.arguments("server", bind=theirs))
    program = rig.programs.find("usrsctp-traffic")
    client = rig.spawn([program, *shape.arguments("client", bind=ours, connect=theirs)], "client",
                       rig.ours)
    client.wait(60)
    check_pair(shape, parse_summary(client.output(), "client"), server.wait(30))


@test("usrsctp and the Linux kernel survive a cut path with the short timers of the tests")
def failover_of_peers(rig):
    shape = Shape(there=2000, back=2000, size="16-1500", rate=400)
    paths = rig.paths(2, guest=True)
    for path in paths:
        rig.ours.add_addresses(path.our_interface, path.with_prefix(path.ours))
    guest = rig.guest(paths)
    ours, theirs = addresses(paths, "ours"), addresses(paths, "theirs")
    server = rig.kernel(guest, "server", shape.arguments("server", bind=theirs) + ["--fast"])
    program = rig.programs.find("usrsctp-traffic")
    client = rig.spawn([program, *shape.arguments("client", bind=ours, connect=theirs), "--fast"],
                       "client", rig.ours)
    time.sleep(1)
    rig.cut(paths[0])
    time.sleep(2)
    rig.heal(paths[0])
    client.wait(60)
    check_pair(shape, parse_summary(client.output(), "client"), server.wait(30))


@test("a server that expects more than it gets says so")
def ledger_counts(rig):
    shape = Shape(there=10, back=0, size="100")
    paths = rig.paths(1)
    rig.ours.add_addresses(paths[0].our_interface, paths[0].with_prefix(paths[0].ours))
    program = rig.programs.find("usrsctp-traffic")
    words = shape.arguments("server", bind=paths[0].ours)
    words[words.index("--expect") + 1] = "11"
    server = rig.spawn([program, *words], "server", rig.ours)
    server.wait_for("ready")
    rig.usrsctp("client", shape.arguments("client", connect=paths[0].ours)).wait()
    check_equal(server.wait(20), 1, "exit status of a server that misses a message")
    check("received 10 messages instead of 11" in server.output(), server.output())


@test("a damaged packet in a capture is found")
def capture_notices_damage(rig):
    shape = Shape(there=50, back=0, size="1000")
    between_namespaces(rig, shape)
    for capture in rig.captures:
        capture.stop()
    path = max((capture.path for capture in rig.captures), key=os.path.getsize)
    check_equal(Analysis(path).problems(), [], "problems before the damage")
    with open(path, "rb") as file:
        content = bytearray(file.read())
    # The middle of the file is inside some DATA chunk of 1000 bytes, most likely: try a few.
    generator = random.Random(1)
    for _ in range(5):
        content[len(content) // 2 + generator.randrange(4000)] ^= 0xff
    damaged = path + ".damaged"
    with open(damaged, "wb") as file:
        file.write(content)
    check(Analysis(damaged).problems() != [], "nothing was noticed")
