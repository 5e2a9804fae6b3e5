"""What a socket is told of paths that fail, peers that restart, messages that are lost and errors."""

import struct

from harness.ctl import associations, counter, path_states
from harness.handmade import HandmadePeer, chunk, parameter
from harness.registry import check, check_equal, test, wait_until
from harness.rig import FAST_TIMERS, addresses
from harness.sockets import second_engine
from harness.teller import Teller

OUR_PORT, THEIR_PORT = 5801, 5802
ERROR = 9
# No path fails within a test, and none is asked for its health, unless the program wants it.
PATIENT = {**FAST_TIMERS, "path_max_retrans": 50, "heartbeat_interval_ms": 0}
UNSET, EXPOSED = 0, 2  # SCTP_PF_EXPOSE_UNSET, SCTP_PF_EXPOSE_ENABLE


def connected(rig):
    """Two paths, an engine at either end of them, and an association that our program began."""
    paths = rig.paths(2)
    near, far = rig.engine(paths, sctp=PATIENT), second_engine(rig, paths)
    server, client = Teller(rig, far, THEIR_PORT), Teller(rig, near, OUR_PORT)
    client.call("connect", THEIR_PORT, *addresses(paths, "theirs"))
    for end in (client, server):
        end.wait_for("association up")
    wait_until(lambda: set(path_states(near).values()) == {"active"}, 5, "both paths work")
    return paths, near, far, client, server


def told_of_a_cut(rig, path, client):
    """What is told of the path's address until it is taken back."""
    before = len(client.said())
    rig.cut(path)
    client.wait_for(f"address {path.theirs[0]} unreachable", since=before)
    rig.heal(path)
    client.wait_for(f"address {path.theirs[0]} available", since=before)
    return [line.partition(f"{path.theirs[0]} ")[2] for line in client.said(before)]


def told_of_a_doubt(rig, path, engine, client):
    """What is told of a path that is potentially failed for a while, and of nobody asked about."""
    before, failures = len(client.said()), counter(engine, "path_potential_failures")
    client.call("path", path.theirs[0], 0, 200)
    rig.cut(path)
    wait_until(lambda: counter(engine, "path_potential_failures") > failures, 10, "it is in doubt")
    rig.heal(path)
    wait_until(lambda: path_states(engine)[path.theirs[0]] == "active", 10, "it is trusted again")
    client.call("expose", UNSET)  # what is told of it is there by then
    return client.said(before)


@test("SCTP_PEER_ADDR_CHANGE tells of paths that fail by the thresholds that the program set")
def address_change(rig):
    paths, near, _, client, server = connected(rig)
    server.wait_for(f"address {paths[1].ours[0]} confirmed")
    first, second = (path.theirs[0] for path in paths)
    check_equal(told_of_a_doubt(rig, paths[0], near, client), [], "of a path that was in doubt")
    client.call("path", first, 2, 200)
    check_equal(told_of_a_cut(rig, paths[0], client), ["unreachable", "available"],
                "by SCTP_PEER_ADDR_PARAMS")
    check(counter(near, "path_potential_failures") > 0, "it was not potentially failed before")
    client.call("expose", EXPOSED)
    client.call("path", second, 0, 200)
    client.call("thresholds", second, 2, 3)
    check_equal(told_of_a_cut(rig, paths[1], client), ["unreachable", "available"],
                "by SCTP_PEER_ADDR_THLDS, without a state between")
    client.call("thresholds", second, 4, 1)
    check_equal(told_of_a_cut(rig, paths[1], client),
                ["potentially failed", "unreachable", "available"],
                "by SCTP_PEER_ADDR_THLDS, with SCTP_EXPOSE_POTENTIALLY_FAILED_STATE")


@test("SCTP_ASSOC_CHANGE tells that the peer has restarted, and the association goes on")
def restart(rig):
    paths, near, far, client, server = connected(rig)
    far.kill()
    server.process.stop()
    far.start()
    again = Teller(rig, far, THEIR_PORT)
    again.call("connect", OUR_PORT, *addresses(paths, "ours"))
    again.wait_for("association up")
    client.wait_for("association restart")
    check_equal(client.said().count("association up"), 1, "associations that came up")
    client.call("send", "onwards", 0)
    again.wait_for("message onwards")
    again.call("send", "back", 0)
    client.wait_for("message back")
    check_equal(len(associations(near)), 1, "associations")


@test("SCTP_SEND_FAILED and SCTP_SEND_FAILED_EVENT bring back what was sent and not acknowledged")
def send_failed(rig):
    paths, _, _, client, server = connected(rig)
    client.call("patience", 3)
    before = len(client.said())
    client.call("send", "arrives", 6)
    client.wait_for("all is acknowledged", since=before)
    for path in paths:
        rig.cut(path)
    for context, text in ((7, "one"), (8, "two")):
        client.call("send", text, context)
    client.wait_for("association lost", seconds=20)
    lost = [line for line in client.said() if line.startswith("send failed")]
    check_equal(sorted(lost), sorted(f"send failed{kind} sent {message}"
                                     for kind in ("", " event") for message in ("7 one", "8 two")),
                "messages that come back")
    check_equal([line for line in server.said() if line.startswith("message")], ["message arrives"],
                "messages that the peer got")


@test("SCTP_REMOTE_ERROR brings the first cause of each ERROR chunk of the peer's, as it came")
def remote_error(rig):
    paths = rig.paths(1)
    rig.trusted = paths[0].ours
    engine = rig.engine(paths, sctp=PATIENT)
    program = Teller(rig, engine, OUR_PORT)
    peer = HandmadePeer(rig, paths[0].ours[0], OUR_PORT)
    peer.associate()
    program.wait_for("association up")
    for causes, first in (
            (parameter(1, struct.pack("!HH", 7, 0)), "1: 00 01 00 08 00 07 00 00"),
            (parameter(0x4321, b"odd!") + parameter(6, b"left out"), "17185: 43 21 00 08 6f 64 64 21")):
        peer.send(chunk(ERROR, 0, causes))
        program.wait_for(f"error of cause {first}")
    check_equal(len(program.said()), 3, "lines")
    check_equal(len(associations(engine)), 1, "associations")
