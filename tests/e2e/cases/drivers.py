"""The same traffic over other DPDK drivers than af_packet."""

from harness.ctl import check_no_drops, counter
from harness.registry import check, test, wait_until
from harness.rig import Path, interface_of
from harness.scene import Kernel, Usrsctp, engine_serves
from harness.traffic import Shape, check_pair

SHAPE = Shape(there=150, back=150)


@test("over net_af_xdp on veth")
def af_xdp(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths, device="net_af_xdp")
    engine_serves(rig, engine, paths, Usrsctp(rig, paths), SHAPE)
    check_no_drops(engine)


@test("over net_af_xdp, with more packets than there are buffers")
def af_xdp_buffers(rig):
    """The kernel drops a buffer it cannot find in the memory it was given, without a word. The pool
    hands out each of its buffers before one comes again."""
    paths = rig.paths(1)
    engine = rig.engine(paths, device="net_af_xdp")
    buffers = engine.ask("lcores")["buffers"]
    shape = Shape(there=2 * buffers, back=100, size="1200-1400")
    engine_serves(rig, engine, paths, Usrsctp(rig, paths), shape)
    check(counter(engine, "packets_received") > 3 * buffers // 2,
          "too few packets to have used every buffer")


@test("over net_tap, with the peer on the host's side of it")
def tap(rig):
    rig.ours = rig.peer = rig.namespace("ours")
    path = Path(0)
    interface = interface_of(path)
    interface["device"] = "net_tap0,iface=dtap0"
    engine = rig.engine([path], interfaces=[interface])
    wait_until(lambda: rig.ours.ip("link", "show", "dtap0", check=False).returncode == 0, 10,
               "the tap is there")
    rig.ours.add_addresses("dtap0", path.with_prefix(path.theirs))
    rig.ours.ip("link", "set", "dtap0", "up")
    rig.capture(rig.ours, "dtap0")
    server = rig.application(engine, "server", SHAPE.arguments("server"))
    client = rig.usrsctp("client", SHAPE.arguments("client", connect=path.ours))
    check_pair(SHAPE, client.wait(), server.wait())
    check(engine.is_alive(), "the engine died")
    check_no_drops(engine)


@test("on an interface with a small MTU, messages still come whole")
def small_mtu(rig):
    paths = rig.paths(1, mtu=1280, guest=True)
    engine = rig.engine(paths, interfaces=[interface_of(paths[0], mtu=1280)])
    engine_serves(rig, engine, paths, Kernel(rig, paths, mtu=1280), SHAPE)
    check_no_drops(engine)
