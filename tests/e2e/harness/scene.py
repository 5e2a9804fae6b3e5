"""Scenes that several tests play: our server or client with one peer."""

from .rig import addresses
from .traffic import check_pair

LOSSY = {"loss": 0.02, "duplicate": 0.02, "reorder": 0.05, "seed": 7}


class Usrsctp:
    """The peer as a usrsctp program in the peer's namespace."""

    name = "usrsctp"
    wants_taps = False

    def __init__(self, rig, paths, extra=()):
        self.rig, self.paths, self.extra = rig, paths, list(extra)

    def start(self, role, arguments):
        return self.rig.usrsctp(role, arguments + self.extra)


class Kernel:
    """The peer as a Linux kernel of its own."""

    name = "the Linux kernel"
    wants_taps = True

    def __init__(self, rig, paths, extra=(), **options):
        self.rig, self.extra = rig, list(extra)
        self.guest = rig.guest(paths, **options)

    def start(self, role, arguments):
        return self.rig.kernel(self.guest, role, arguments + self.extra)


def engine_serves(rig, engine, paths, peer, shape, during=None):
    """Our server, the peer's client. `during` runs while messages flow."""
    ours, theirs = addresses(paths, "ours"), addresses(paths, "theirs")
    server = rig.application(engine, "server", shape.arguments("server", bind=ours))
    client = peer.start("client", shape.arguments("client", bind=theirs, connect=ours))
    return _play(shape, client, server, during)


def engine_connects(rig, engine, paths, peer, shape, during=None):
    """Our client, the peer's server."""
    ours, theirs = addresses(paths, "ours"), addresses(paths, "theirs")
    server = peer.start("server", shape.arguments("server", bind=theirs))
    client = rig.application(engine, "client",
                             shape.arguments("client", bind=ours, connect=theirs))
    return _play(shape, client, server, during)


def _play(shape, client, server, during):
    if during:
        during(client, server)
    client_summary = client.wait(shape.timeout + 10)
    server_summary = server.wait(20)
    check_pair(shape, client_summary, server_summary)
    return client_summary, server_summary
