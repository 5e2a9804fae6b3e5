"""A path that breaks in the middle of traffic: found out, walked around, taken back."""

import time

from harness.ctl import check_no_drops, counter, path_states
from harness.namespaces import add_veth
from harness.registry import check, check_equal, test, wait_until
from harness.rig import Path, addresses, interface_of
from harness.scene import Kernel, Usrsctp, engine_connects, engine_serves
from harness.sockets import second_engine
from harness.teller import Teller
from harness.traffic import Shape

# 500 messages a second each way: 12 seconds, in which the path is cut and healed.
STEADY = Shape(there=6000, back=6000, size="16-1500", rate=500, timeout=60)
DETECTION_SECONDS = 10  # the test timers need 2 to 7: four unanswered tries in a row
FAILED, WORKING = "inactive", "active"
# The carrier's timers need some 0.3 s. By the RFC's own, the first RTO alone is a second.
CARRIER_SECONDS = 0.9


def cut_and_heal(rig, engine, paths):
    """Gives what to do during the traffic."""

    def during(client, _):
        broken = paths[0].theirs[0]
        wait_until(lambda: counter(engine, "messages_delivered") > 500, 20, "traffic is flowing")
        wait_until(lambda: set(path_states(engine).values()) == {WORKING}, 5,
                   "both paths work before the cut")
        rig.cut(paths[0])
        wait_until(lambda: path_states(engine)[broken] == FAILED, DETECTION_SECONDS,
                   "the broken path is seen as such")
        before = counter(engine, "messages_delivered")
        wait_until(lambda: counter(engine, "messages_delivered") > before + 500, 10,
                   "messages flow over the other path")
        rig.heal(paths[0])
        wait_until(lambda: path_states(engine)[broken] == WORKING, DETECTION_SECONDS,
                   "the path is taken back")
        check(client.status() is None, "the traffic ended too early to prove anything")

    return during


def failover(rig, play, peer_class):
    paths = rig.paths(2, guest=peer_class.wants_taps)
    engine = rig.engine(paths)
    peer = peer_class(rig, paths, ["--fast"])
    play(rig, engine, paths, peer, STEADY, cut_and_heal(rig, engine, paths))
    check(counter(engine, "path_failures") >= 1, "no path failure was counted")
    check(counter(engine, "path_recoveries") >= 1, "no path recovery was counted")
    check_no_drops(engine)


@test("our server and a usrsctp client lose nothing when a path is cut, and take it back")
def usrsctp_client(rig):
    failover(rig, engine_serves, Usrsctp)


@test("our client and a usrsctp server lose nothing when a path is cut, and take it back")
def usrsctp_server(rig):
    failover(rig, engine_connects, Usrsctp)


@test("our server and a kernel client lose nothing when a path is cut, and take it back")
def kernel_client(rig):
    failover(rig, engine_serves, Kernel)


@test("our client and a kernel server lose nothing when a path is cut, and take it back")
def kernel_server(rig):
    failover(rig, engine_connects, Kernel)


@test("two engines whose programs have bound to both paths keep their association when either is cut")
def bound_to_both(rig):
    paths = rig.paths(2)
    near, far = rig.engine(paths), second_engine(rig, paths)
    server = Teller(rig, far, 5821, addresses(paths, "theirs"))
    client = Teller(rig, near, 5822, addresses(paths, "ours"))
    client.call("connect", 5821, *addresses(paths, "theirs"))
    server.wait_for("association up")
    for number, path in enumerate(paths):
        for engine in (near, far):
            wait_until(lambda: set(path_states(engine).values()) == {WORKING}, DETECTION_SECONDS,
                       "both paths work before the cut")
        rig.cut(path)
        for engine, address in ((near, path.theirs[0]), (far, path.ours[0])):
            wait_until(lambda: path_states(engine)[address] == FAILED, DETECTION_SECONDS,
                       "the broken path is seen as such")
        for moment in range(3):
            client.call("send", f"across-{number}-{moment}", 0)
            server.wait_for(f"message across-{number}-{moment}")
            time.sleep(2)  # in which the other path would fail too
        rig.heal(path)
    for capture, path in zip(rig.captures, paths):
        capture.stop()
        sources = {source for _, source in capture.rows("sctp", "ip.src")}
        check(sources <= {path.ours[0], path.theirs[0]}, f"on path {path.index}: {sources}")


@test("behind gateways each path of a program bound to some addresses leaves from its own interface")
def sources_behind_gateways(rig):
    # Two routers, each with a wire to either engine. The program is bound to one of the two addresses
    # of each interface, and connects first to what lies behind the second router: without the routes
    # either of its addresses would do for that.
    near_wires, far_wires = rig.paths(2, strangers=True), [Path(2), Path(3)]
    beyond = rig.namespace("beyond")
    for near_wire, far_wire in zip(near_wires, far_wires):
        router = near_wire.peer
        add_veth(beyond, far_wire.our_interface, router, far_wire.port)
        router.add_addresses(far_wire.port, far_wire.with_prefix(far_wire.theirs))
        router.sysctl("net.ipv4.ip_forward=1")
    bound = [f"10.20.{path.index}.7" for path in near_wires]
    near = rig.engine(
        near_wires, route=[{"to": f"{far_wire.ours[0]}/32", "via": near_wire.theirs[0]}
                           for near_wire, far_wire in zip(near_wires, far_wires)],
        interfaces=[interface_of(path, addresses=[*path.with_prefix(path.ours), f"{address}/24"])
                    for path, address in zip(near_wires, bound)])
    far = rig.engine(
        far_wires, namespace=beyond,
        route=[{"to": f"10.20.{near_wire.index}.0/24", "via": far_wire.theirs[0]}
               for near_wire, far_wire in zip(near_wires, far_wires)])
    far_addresses = addresses(far_wires, "ours")
    server = Teller(rig, far, 5831, far_addresses)
    client = Teller(rig, near, 5832, bound)
    client.call("connect", 5831, *reversed(far_addresses))
    server.wait_for("association up")
    wait_until(lambda: set(path_states(near).values()) == {WORKING}, DETECTION_SECONDS,
               "both paths work")
    client.call("send", "over-the-second", 0)
    server.wait_for("message over-the-second")
    rig.cut(near_wires[1])
    wait_until(lambda: path_states(near)[far_addresses[1]] == FAILED, DETECTION_SECONDS,
               "the broken path is seen as such")
    client.call("send", "over-the-first", 0)
    server.wait_for("message over-the-first")
    for capture, source, other in zip(rig.captures, bound, far_addresses):
        capture.stop()
        ends = {tuple(row[1:]) for row in capture.rows("sctp", "ip.src", "ip.dst")}
        check_equal(ends, {(source, other), (other, source)}, f"ends of packets by {capture.path}")
        check(capture.first_data([source], 0), f"no data by {capture.path}")


@test("on the carrier's preset our data is on the other path before a default RTO is over")
def carrier(rig):
    paths = rig.paths(2)
    engine = rig.engine(paths, sctp={"preset": "carrier"})
    cuts = []

    def during(_, __):
        wait_until(lambda: counter(engine, "messages_sent") > 500, 20, "traffic is flowing")
        wait_until(lambda: set(path_states(engine).values()) == {WORKING}, 5,
                   "both paths work before the cut")
        cuts.append(time.time())
        rig.cut(paths[0])

    engine_serves(rig, engine, paths, Usrsctp(rig, paths, ["--fast"]),
                  Shape(there=100, back=3000, size="16-1500", rate=500, timeout=60), during)
    for capture in rig.captures:
        capture.stop()
    seen = rig.captures[1].first_data(paths[1].ours, cuts[0])
    check(seen is not None, "no data went over the other path")
    gap = seen - cuts[0]
    check(gap < CARRIER_SECONDS, f"data was on the other path after {gap:.3f} s")
    check(counter(engine, "path_potential_failures") >= 1, "no potential failure was counted")
