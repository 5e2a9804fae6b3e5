"""The engine with the Linux kernel's SCTP in user-mode-linux."""

from harness.ctl import check_no_drops, counters
from harness.registry import check, test
from harness.rig import interface_of
from harness.scene import LOSSY, Kernel, engine_connects, engine_serves
from harness.traffic import Shape

EVERY_SIZE = Shape(there=150, back=150, size="1-1048576", streams=64)


def clean(rig, play, shape, count=1, families="4"):
    paths = rig.paths(count, families, guest=True)
    engine = rig.engine(paths)
    play(rig, engine, paths, Kernel(rig, paths), shape)
    check_no_drops(engine)


def impaired(rig, play):
    paths = rig.paths(1, guest=True)
    engine = rig.engine(paths, impairment=LOSSY)
    play(rig, engine, paths, Kernel(rig, paths, ["--fast"]), EVERY_SIZE)
    check(counters(engine)["data_chunks_retransmitted"] > 0, "nothing was retransmitted: no loss?")


@test("our server takes 1 byte to 1 MiB on 64 streams from a kernel client, both directions")
def server_every_size(rig):
    clean(rig, engine_serves, EVERY_SIZE)


@test("our client sends 1 byte to 1 MiB on 64 streams to a kernel server, both directions")
def client_every_size(rig):
    clean(rig, engine_connects, EVERY_SIZE)


@test("our server and a kernel client lose nothing under loss, reordering and duplication")
def server_impaired(rig):
    impaired(rig, engine_serves)


@test("our client and a kernel server lose nothing under loss, reordering and duplication")
def client_impaired(rig):
    impaired(rig, engine_connects)


@test("our server and a multihomed kernel client talk over two paths of two families")
def multihomed(rig):
    # Long enough for all addresses to be confirmed: heartbeats go one after the other.
    clean(rig, engine_serves, Shape(there=2000, back=2000, size="1-3000", rate=700), 2, "46")


@test("our server and a kernel client talk inside a VLAN")
def inside_vlan(rig):
    paths = rig.paths(1, guest=True)
    engine = rig.engine(paths, interfaces=[interface_of(paths[0], vlan=5)])
    shape = Shape(there=500, back=500, size="1-65536")
    engine_serves(rig, engine, paths, Kernel(rig, paths, vlan=5), shape)
    check_no_drops(engine)


@test("the authentication extension of a kernel that offers it does no harm")
def authentication_offered(rig):
    paths = rig.paths(1, guest=True)
    engine = rig.engine(paths)
    kernel = Kernel(rig, paths, sysctls=["net.sctp.auth_enable=1", "net.sctp.addip_enable=1"])
    engine_serves(rig, engine, paths, kernel, Shape(there=200, back=200, size="1-3000"))
    check_no_drops(engine)
