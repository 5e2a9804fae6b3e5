"""The engine with usrsctp over veth: every size, many streams, both directions, clean and not."""

from harness.ctl import check_no_drops, counter, counters
from harness.registry import check, test, wait_until
from harness.scene import LOSSY, Usrsctp, engine_connects, engine_serves
from harness.traffic import Shape

EVERY_SIZE = Shape(there=250, back=250, size="1-1048576", streams=64)
SMALL = Shape(there=20000, back=20000, size="1-300", streams=64)


def clean(rig, play, shape, **path_options):
    paths = rig.paths(1, **path_options)
    engine = rig.engine(paths)
    play(rig, engine, paths, Usrsctp(rig, paths), shape)
    check_no_drops(engine)


def impaired(rig, play):
    paths = rig.paths(1)
    engine = rig.engine(paths, impairment=LOSSY)
    play(rig, engine, paths, Usrsctp(rig, paths, ["--fast"]), EVERY_SIZE)
    totals = counters(engine)
    check(totals["data_chunks_retransmitted"] > 0, "nothing was retransmitted: no loss?")
    check(totals["data_chunks_duplicate"] > 0, "no chunk came twice: no duplication?")


@test("our server takes 1 byte to 1 MiB on 64 streams from a usrsctp client, both directions")
def server_every_size(rig):
    clean(rig, engine_serves, EVERY_SIZE)


@test("our client sends 1 byte to 1 MiB on 64 streams to a usrsctp server, both directions")
def client_every_size(rig):
    clean(rig, engine_connects, EVERY_SIZE)


@test("our server and a usrsctp client exchange 40,000 small messages")
def server_small(rig):
    clean(rig, engine_serves, SMALL)


@test("our client and a usrsctp server exchange 40,000 small messages")
def client_small(rig):
    clean(rig, engine_connects, SMALL)


@test("our server and a usrsctp client lose nothing under loss, reordering and duplication")
def server_impaired(rig):
    impaired(rig, engine_serves)


@test("our client and a usrsctp server lose nothing under loss, reordering and duplication")
def client_impaired(rig):
    impaired(rig, engine_connects)


@test("what arrives damaged is dropped and counted, and everything comes all the same")
def corrupted(rig):
    paths = rig.paths(1)
    # Our port damages whole frames on their way out, addresses and lengths of IP headers too: what
    # they seem to be does not tell whose they are. The peer's own are in the other direction.
    rig.trusted = paths[0].theirs
    engine = rig.engine(paths, impairment={"corrupt": 0.02, "seed": 3})
    engine_serves(rig, engine, paths, Usrsctp(rig, paths, ["--fast"]),
                  Shape(there=2000, back=2000, size="16-1400"))
    check(counter(engine, "drop_bad_checksum") > 0, "no damage was noticed")


@test("our server and a usrsctp client talk over IPv6")
def over_ipv6(rig):
    clean(rig, engine_serves, EVERY_SIZE, families="6")


@test("our client and a usrsctp server talk over IPv6")
def client_over_ipv6(rig):
    clean(rig, engine_connects, EVERY_SIZE, families="6")


@test("one association has IPv4 and IPv6 addresses at both ends")
def both_families(rig):
    clean(rig, engine_connects, EVERY_SIZE, families="46")


@test("50 associations at once, each with its own messages")
def many_associations(rig):
    clean(rig, engine_serves, Shape(there=100, back=100, size="16-3000", associations=50))


# Behind the bridge: a sender that were refused at its socket would know.
HOLD_BACK = """table bridge held_back {
chain output {
type filter hook output priority 0;
ip protocol sctp @th,96,8 %d drop
}
}"""
COOKIE_ECHO = 10


@test("a usrsctp client's HEARTBEATs that overtake its COOKIE ECHO do not end its handshake")
def early_heartbeats(rig):
    paths = rig.paths(2)
    engine = rig.engine(paths)
    rig.peer.run(["nft", HOLD_BACK % COOKIE_ECHO])

    def during(*_):
        wait_until(lambda: counter(engine, "drop_early") > 0, 20,
                   "something comes before the COOKIE ECHO")
        rig.peer.run(["nft", "delete table bridge held_back"])

    engine_serves(rig, engine, paths, Usrsctp(rig, paths, ["--fast"]),
                  Shape(there=200, back=200, size="1-3000"), during)
    check_no_drops(engine, allow=("drop_early",))
