"""Handmade packets: each gets the answer of RFC 9260, or silence and a counted drop."""

import random
import struct

from harness.handmade import (INITIAL_TSN, OUR_TAG, HandmadePeer, chunk, chunk_types, cookie_of,
                              data, first_flags, first_type, init, parameter, with_checksum)
from harness.ctl import associations, counter, counters
from harness.registry import check, check_equal, test, wait_until
from harness.rig import FAST_TIMERS
from harness.scene import Usrsctp
from harness.traffic import PORT, Shape

ABORT, SHUTDOWN_COMPLETE, INIT_ACK, ERROR = 6, 14, 2, 9
T_BIT = 1
NO_SUCH_TAG = 0x0badbeef


def scene(rig):
    """An engine with an echo server behind it, and a peer made by hand. The engine sends nothing
    unasked: what comes is an answer."""
    paths = rig.paths(1)
    rig.trusted = paths[0].ours  # what the other side sends is odd on purpose
    engine = rig.engine(paths, sctp={**FAST_TIMERS, "heartbeat_interval_ms": 0})
    rig.application(engine, "echo", ["echo", "--port", str(PORT), "--timeout", "100",
                                     "--associations", "1000"])
    return engine, HandmadePeer(rig, paths[0].ours[0], PORT), paths


def expect_silence(engine, peer, drop):
    before = counter(engine, drop)

    def verdict():
        packets = peer.receive()
        check_equal([chunk_types(packet) for packet in packets], [], "answers")
        wait_until(lambda: counter(engine, drop) > before, 2, f"{drop} moves")
    return verdict


def silently(engine, peer, drop, *chunks, tag=None):
    verdict = expect_silence(engine, peer, drop)
    peer.send(*chunks, tag=tag)
    verdict()


def expect_abort(answer, tag, reflected, about=""):
    check(answer is not None, f"{about}no answer")
    check_equal(first_type(answer), ABORT, f"{about}chunk type")
    check_equal(first_flags(answer) & T_BIT, T_BIT if reflected else 0, f"{about}T bit")
    check_equal(answer.tag, tag, f"{about}verification tag")


@test("an INIT is answered with a cookie, and nothing is remembered")
def init_answered(rig):
    engine, peer, _ = scene(rig)
    peer.send(init(), tag=0)
    answer = peer.answer()
    check(answer is not None, "no answer")
    check_equal(first_type(answer), INIT_ACK, "chunk type")
    check_equal(answer.tag, OUR_TAG, "verification tag")
    check_equal(associations(engine), [], "associations after INIT alone")


@test("an INIT to a port where nobody listens is refused with its own tag")
def init_to_closed_port(rig):
    engine, peer, _ = scene(rig)
    peer.port = PORT + 1
    peer.send(init(), tag=0)
    expect_abort(peer.answer(), OUR_TAG, reflected=False)
    check(counter(engine, "drop_no_listener") > 0, "not counted")


@test("an INIT whose numbers are not allowed is refused or dropped")
def init_with_bad_numbers(rig):
    engine, peer, _ = scene(rig)
    silently(engine, peer, "drop_bad_init", init(tag=0), tag=0)
    for text, packet in (("a_rwnd", init(rwnd=1499)), ("OS", init(out=0)),
                         ("MIS", init(inbound=0))):
        peer.send(packet, tag=0)
        expect_abort(peer.answer(), OUR_TAG, reflected=False, about=f"{text}: ")
    check_equal(associations(engine), [], "associations")


@test("unknown parameters of an INIT are reported as their upper bits ask")
def init_with_unknown_parameters(rig):
    _, peer, _ = scene(rig)
    quiet, loud = parameter(0x8abc, b"quieter!"), parameter(0xcabc, b"loud!!!!")
    peer.send(init(parameters=quiet + loud), tag=0)
    answer = bytes(peer.answer())
    check(b"loud!!!!" in answer, "the parameter that wants a report has none")
    check(b"quieter!" not in answer, "the parameter that wants no report has one")
    stop = parameter(0x4abc, b"stopper!")
    peer.send(init(parameters=stop + loud), tag=0)
    answer = bytes(peer.answer())
    check(b"stopper!" in answer, "the parameter that stops and reports is not reported")
    check(b"loud!!!!" not in answer, "what stands behind it was read")


@test("a wrong checksum, a short packet and a wrong tag get silence")
def damaged(rig):
    engine, peer, _ = scene(rig)
    verdict = expect_silence(engine, peer, "drop_bad_checksum")
    packet = bytearray(peer.packet(init(), tag=0))
    packet[9] ^= 0x40
    peer.send_raw(bytes(packet))
    verdict()
    peer.associate()
    silently(engine, peer, "drop_bad_tag", chunk(6), tag=NO_SUCH_TAG)
    silently(engine, peer, "drop_bad_tag", data(1), tag=NO_SUCH_TAG)
    check_equal(len(associations(engine)), 1, "associations after a stranger's ABORT")


@test("what belongs to no association gets the answers of section 8.4")
def out_of_the_blue(rig):
    engine, peer, _ = scene(rig)
    peer.send(data(1), tag=NO_SUCH_TAG)
    expect_abort(peer.answer(), NO_SUCH_TAG, reflected=True)
    peer.send(chunk(8), tag=NO_SUCH_TAG)  # SHUTDOWN ACK
    answer = peer.answer()
    check(answer is not None, "no answer to SHUTDOWN ACK")
    check_equal(first_type(answer), SHUTDOWN_COMPLETE, "chunk type")
    check_equal((first_flags(answer) & T_BIT, answer.tag), (T_BIT, NO_SUCH_TAG), "T bit and tag")
    for kind in (6, 11, 14):  # ABORT, COOKIE ACK, SHUTDOWN COMPLETE
        silently(engine, peer, "drop_out_of_the_blue", chunk(kind), tag=NO_SUCH_TAG)
    silently(engine, peer, "drop_bad_cookie", chunk(10, 0, bytes(range(120))), tag=NO_SUCH_TAG)


@test("a changed cookie is not believed")
def forged_cookie(rig):
    engine, peer, _ = scene(rig)
    peer.send(init(), tag=0)
    answer = peer.answer()
    tag = struct.unpack("!I", bytes(answer)[16:20])[0]
    cookie = bytearray(cookie_of(answer))
    cookie[len(cookie) // 2] ^= 1
    silently(engine, peer, "drop_bad_cookie", chunk(10, 0, bytes(cookie)), tag=tag)
    check_equal(associations(engine), [], "associations")


@test("a heartbeat comes back with the same information")
def heartbeat(rig):
    _, peer, _ = scene(rig)
    peer.associate()
    information = parameter(1, bytes(range(40)))
    peer.send(chunk(4, 0, information))
    found = [packet for packet in peer.receive() if 5 in chunk_types(packet)]
    check(found, "no HEARTBEAT ACK")
    check(information in bytes(found[0]), "the information changed")


@test("an echoed message comes back once, whatever is sent twice")
def duplicate_data(rig):
    engine, peer, _ = scene(rig)
    peer.associate()
    for _ in range(3):
        peer.send(data(INITIAL_TSN, payload=b"only once"))
    check(any(b"only once" in bytes(packet) for packet in peer.receive(1)), "no echo")
    check_equal(counter(engine, "messages_delivered"), 1, "messages delivered")
    check_equal(counter(engine, "data_chunks_duplicate"), 2, "duplicates")


@test("data for a stream that does not exist is reported, data without user data aborts")
def bad_data(rig):
    engine, peer, _ = scene(rig)
    peer.associate()
    peer.send(data(INITIAL_TSN, stream=999))
    packets = peer.receive()
    check(any(ERROR in chunk_types(packet) for packet in packets), "no ERROR for a bad stream")
    peer.send(data(INITIAL_TSN + 1, payload=b""))
    packets = peer.receive()
    check(any(ABORT in chunk_types(packet) for packet in packets), "no ABORT for empty DATA")
    wait_until(lambda: not associations(engine), 2, "the association is gone")


@test("unknown chunks are skipped, reported, or end the packet as their upper bits ask")
def unknown_chunks(rig):
    _, peer, _ = scene(rig)
    peer.associate()
    peer.send(chunk(0xbd, 0, b"skip"), chunk(4, 0, parameter(1, b"alive!!!")))
    types = [kind for packet in peer.receive() for kind in chunk_types(packet)]
    check(5 in types, "the chunk behind one to be skipped was not read")
    check(ERROR not in types, "a chunk that wants no report was reported")
    peer.send(chunk(0xfd, 0, b"reported"), chunk(4, 0, parameter(1, b"alive!!!")))
    types = [kind for packet in peer.receive() for kind in chunk_types(packet)]
    check(5 in types and ERROR in types, f"not skipped and reported: {types}")
    peer.send(chunk(0x3d, 0, b"stop"), chunk(4, 0, parameter(1, b"alive!!!")))
    types = [kind for packet in peer.receive() for kind in chunk_types(packet)]
    check(5 not in types, "the chunk behind one that ends the packet was read")
    peer.send(chunk(0x7d, 0, b"stop"), chunk(4, 0, parameter(1, b"alive!!!")))
    types = [kind for packet in peer.receive() for kind in chunk_types(packet)]
    check(5 not in types and ERROR in types, f"not ended and reported: {types}")


def mutations(peer, count, seed):
    """Sound packets of every kind with bytes changed, cut off or put in between."""
    generator = random.Random(seed)
    seeds = [peer.packet(init(parameters=parameter(5, bytes(4)) + parameter(12, bytes(4))), tag=0)]
    tsn = INITIAL_TSN + 1
    bodies = [(data(tsn), data(tsn + 1)), (chunk(3, 0, struct.pack("!IIHHHHI", peer.engine_tsn,
                                                                  9999, 1, 1, 2, 3, tsn)),),
              (chunk(4, 0, parameter(1, bytes(24))),), (chunk(5, 0, parameter(1, bytes(24))),),
              (chunk(9, 0, parameter(3, bytes(8))),), (chunk(10, 0, bytes(96)),), (chunk(11),),
              (chunk(128, 0, bytes(60)),), (chunk(192, 0, struct.pack("!I", tsn)),),
              (chunk(130, 0, bytes(20)),), (chunk(15, 0, bytes(24)),)]
    seeds += [peer.packet(*body) for body in bodies]
    for _ in range(count):
        packet = bytearray(generator.choice(seeds))
        for _ in range(generator.randrange(1, 6)):
            at = generator.randrange(8, len(packet)) if len(packet) > 8 else 0
            kind = generator.randrange(4)
            if kind == 0:
                packet[at] = generator.randrange(256)
            elif kind == 1:
                packet[at] ^= 1 << generator.randrange(8)
            elif kind == 2:
                del packet[max(at, 12):at + generator.randrange(8)]
            else:
                packet[at:at] = generator.randbytes(generator.randrange(8))
        if len(packet) >= 12 and generator.randrange(20):
            packet = bytearray(with_checksum(bytes(packet)))
        yield bytes(packet)


@test("30,000 mutated packets change nothing for others")
def mutated(rig):
    engine, peer, paths = scene(rig)
    rig.trusted = ()  # answers quote what they answer, and are as broken as that
    for seed in range(3):
        stranger = HandmadePeer(rig, paths[0].ours[0], PORT, source=40001 + seed)
        stranger.associate()
        stranger.send_burst(mutations(stranger, 10000, seed), rig.file("burst"))
    wait_until(lambda: counters(engine)["packets_received"] > 20000, 10, "they have arrived")
    check(engine.is_alive(), "the engine died")
    shape = Shape(there=200, back=200, size="16-3000")
    client = Usrsctp(rig, paths).start("client", shape.arguments("client",
                                                                 connect=paths[0].ours))
    check(client.wait()["ok"], "an honest client was not served afterwards")
    del peer
