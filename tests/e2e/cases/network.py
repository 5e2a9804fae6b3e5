"""The engine as a host among others: neighbours, echo, errors, routes."""

import re

from harness.ctl import counter
from harness.registry import check, check_equal, test
from harness.rig import Rig
from harness.scene import Usrsctp
from harness.traffic import Shape


def ping(namespace, address, *options):
    """How many of three echo requests were answered."""
    output = namespace.run(["ping", "-n", "-c", "3", "-i", "0.2", "-W", "2", *options, address],
                           check=False).stdout
    found = re.search(r"(\d+) received", output)
    check(found, f"no summary from ping: {output}")
    return int(found.group(1))


def without_sctp(rig: Rig):
    """Captures without SCTP have no checksum to check."""
    for capture in rig.captures:
        capture.stop()
    rig.captures.clear()


@test("the engine answers ARP and ping over IPv4")
def ping4(rig):
    paths = rig.paths(1, "4")
    engine = rig.engine(paths)
    check_equal(ping(rig.peer, paths[0].ours[0]), 3, "echo replies")
    neighbour = rig.peer.ip("neighbour", "show", paths[0].ours[0]).stdout
    check("lladdr" in neighbour, f"no neighbour: {neighbour}")
    check(counter(engine, "arp_received") > 0, "no ARP was counted")
    check(counter(engine, "echo_replies_sent") >= 3, "no echo replies were counted")
    without_sctp(rig)


@test("the engine answers neighbour solicitation and ping over IPv6")
def ping6(rig):
    paths = rig.paths(1, "6")
    engine = rig.engine(paths)
    check_equal(ping(rig.peer, paths[0].ours[0]), 3, "echo replies")
    check(counter(engine, "nd_received") > 0, "no neighbour discovery was counted")
    without_sctp(rig)


@test("a ping that comes in fragments is answered")
def ping_in_fragments(rig):
    # The peer's MTU is smaller than ours: the request comes in two fragments, the reply goes out
    # whole. Not over net_af_packet, where DPDK has the kernel put IPv4 fragments together
    # (PACKET_FANOUT_FLAG_DEFRAG).
    paths = rig.paths(1, "46")
    rig.peer.ip("link", "set", paths[0].bridge, "mtu", "1280")
    rig.engine(paths, device="net_af_xdp")
    for address in paths[0].ours:
        check_equal(ping(rig.peer, address, "-s", "1400"), 3, f"echo replies from {address}")
    without_sctp(rig)


@test("the engine does not answer for addresses that are not its own")
def not_its_own(rig):
    paths = rig.paths(1)
    rig.engine(paths)
    check_equal(ping(rig.peer, "10.20.0.77"), 0, "echo replies")
    without_sctp(rig)


@test("a peer behind a gateway is reached over a static route")
def behind_gateway(rig):
    paths = rig.paths(1)
    far = "10.99.0.1"
    rig.peer.ip("link", "add", "far", "type", "bridge")
    rig.peer.ip("link", "set", "far", "up")
    rig.peer.ip("address", "add", f"{far}/32", "dev", "far")
    engine = rig.engine(paths, route=[{"to": "10.99.0.0/16", "via": paths[0].theirs[0]}])
    shape = Shape(there=100, back=100)
    server = Usrsctp(rig, paths).start("server", shape.arguments("server", bind=[far]))
    client = rig.application(engine, "client", shape.arguments("client", connect=[far]))
    check(client.wait()["ok"] and server.wait()["ok"], "messages did not pass the gateway")
