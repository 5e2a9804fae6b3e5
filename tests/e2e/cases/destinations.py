"""Where a program's messages go, and what it may ask for on the wire, as captures have it."""

import time

from harness.ctl import path_states
from harness.registry import check, check_equal, test, wait_until
from harness.rig import FAST_TIMERS, addresses
from harness.sockets import second_engine
from harness.teller import Teller

OUR_PORT, THEIR_PORT = 5811, 5812
DATA, HEARTBEAT, HEARTBEAT_ACK, COOKIE_ECHO = 0, 4, 5, 10


def ends(rig, impairment=None):
    """Two paths, and an engine that sends no HEARTBEAT unasked but to get to know its paths."""
    paths = rig.paths(2)
    near = rig.engine(paths, impairment=impairment,
                      sctp={**FAST_TIMERS, "heartbeat_interval_ms": 0})
    far = second_engine(rig, paths)
    server, client = Teller(rig, far, THEIR_PORT), Teller(rig, near, OUR_PORT)
    return near, client, server, addresses(paths, "ours"), addresses(paths, "theirs")


def connect(engine, client, theirs):
    client.call("connect", THEIR_PORT, *theirs)
    client.wait_for("association up")
    wait_until(lambda: set(path_states(engine).values()) == {"active"}, 5, "both paths work")


def say(client, server, text, *how):
    client.call("send", text, 0, *how)
    server.wait_for(f"message {text}")


def stop_captures(rig):
    for capture in rig.captures:
        capture.stop()


def carriers(rig, text):
    """The numbers of the paths on which a message was seen."""
    return [i for i, capture in enumerate(rig.captures)
            if capture.rows(f'sctp.chunk_type == {DATA} && frame contains "{text}"')]


@test("a message goes to the primary address, or with SCTP_ADDR_OVER to the one that it names")
def addressed(rig):
    near, client, server, _, (first, second) = ends(rig)
    connect(near, client, (first, second))
    say(client, server, "by-itself-first")
    say(client, server, "guided", "over", second)
    say(client, server, "by-itself-again")
    client.call("primary", second)
    say(client, server, "primary-is-second")
    say(client, server, "over-the-first", "over", first)
    stop_captures(rig)
    for text, path in (("by-itself-first", 0), ("guided", 1), ("by-itself-again", 0),
                       ("primary-is-second", 1), ("over-the-first", 0)):
        check_equal(carriers(rig, text), [path], f"paths of '{text}'")


@test("SPP_HB_DEMAND makes one HEARTBEAT to the address that it names")
def heartbeat_on_demand(rig):
    near, client, _, ours, theirs = ends(rig)
    connect(near, client, theirs)
    begin = time.time()
    client.call("demand", theirs[1])
    time.sleep(1)  # what might be sent besides
    stop_captures(rig)
    for path, count in ((0, 0), (1, 1)):
        beats = [row for row in rig.captures[path].rows(
            f"sctp.chunk_type == {HEARTBEAT} && ip.src == {ours[path]}")
            if row[0] >= begin]
        check_equal(len(beats), count, f"HEARTBEATs on path {path}")
    answers = rig.captures[1].rows(
        f"sctp.chunk_type == {HEARTBEAT_ACK} && ip.src == {theirs[1]}")
    check(any(row[0] >= begin for row in answers), "it was not answered")


@test("SCTP_SACK_IMMEDIATELY sets the I bit of the message's DATA chunk, and of no other")
def sack_immediately(rig):
    near, client, server, _, theirs = ends(rig)
    connect(near, client, theirs)
    say(client, server, "whenever")
    say(client, server, "instantly", "at_once")
    stop_captures(rig)
    for text, bit in (("whenever", "0"), ("instantly", "1")):
        rows = rig.captures[0].rows(f'frame contains "{text}"', "sctp.data_i_bit")
        check_equal([value for _, value in rows], [bit], f"the I bit of '{text}'")


@test("the message that sets up an association is in the packet of its COOKIE ECHO")
def third_leg(rig):
    # A program on a busy machine takes longer than this wire's round trip to hand its message over.
    _, client, server, _, theirs = ends(rig, impairment={"delay_us": 50_000})
    client.call("first", "on-the-third-leg", THEIR_PORT, theirs[0])
    server.wait_for("message on-the-third-leg")
    stop_captures(rig)
    rows = rig.captures[0].rows('frame contains "on-the-third-leg"', "sctp.chunk_type")
    check_equal([types for _, types in rows], [f"{COOKIE_ECHO},{DATA}"], "chunks of its packets")
