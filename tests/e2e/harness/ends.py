"""The two ends of a wire as machines for unmodified programs of SCTP's sockets: one has them on an
engine, by millrace-run, and another has them on a Linux kernel of its own."""

import functools
import shlex

from .registry import test
from .sockets import needs, second_engine, shell, spawn
from .suite import ROOT as TREE

OURS, THEIRS = "10.20.0.1", "10.20.0.2"
LISTENING = "10"  # sk_state of a listener in /proc/net/sctp/eps


class End:
    """Programs are started by `spawn`, or by `shell`: a line in which $RUN stands before what speaks
    SCTP. Both give what has output, status, wait, wait_for, send_signal, stop and describe."""

    def __init__(self, rig, address):
        self.rig, self.address = rig, address
        self.started = []

    def _note(self, program):
        self.started.append(program)
        return program

    def stop(self):
        while self.started:
            self.started.pop().stop()


class EngineEnd(End):
    def __init__(self, rig, engine, address):
        super().__init__(rig, address)
        self.engine = engine

    def spawn(self, words, name):
        return self._note(spawn(self.rig, self.engine, words, name))

    def shell(self, line, name):
        return self._note(shell(self.rig, self.engine, line, name))

    def listens(self):
        return bool(self.engine.ask("listeners")["listeners"])


class LinuxEnd(End):
    """The guest's kernel under the host's file system, so that its programs are those of the host.
    Nothing of it can be written to but the test's own directory; /tmp is the guest's own."""

    ROOT = "/machine"

    def __init__(self, rig, guest, address):
        super().__init__(rig, address)
        self.guest = guest
        mounts = [f"mkdir {self.ROOT}", f"mount -t hostfs -o ro,/ none {self.ROOT}",
                  *(f"mount -o bind /{name} {self.ROOT}/{name}" for name in ("proc", "sys", "dev")),
                  *(f"mount -t tmpfs none {self.ROOT}/{name}" for name in ("run", "tmp", "dev/shm")),
                  f"mkdir -p {self.ROOT}{rig.directory} {self.ROOT}{TREE}",
                  f"mount -t hostfs -o ro,{TREE} none {self.ROOT}{TREE}",  # it may be in /tmp
                  f"mount -t hostfs -o {rig.directory} none {self.ROOT}{rig.directory}"]
        status, output = guest.run("mkdir -p /dev/shm && " + " && ".join(mounts))
        if status != 0:
            raise RuntimeError(f"the guest cannot use the host's files: {output}")

    def spawn(self, words, name):
        needs(words[0])
        return self.shell("exec " + shlex.join(words), name)

    def shell(self, line, _name):
        program = self.guest.spawn(
            f"exec env -i HOME={self.rig.directory} TMPDIR=/run PATH=/usr/sbin:/usr/bin RUN= "
            f"chroot {self.ROOT} sh -c {shlex.quote(line)}")
        self.rig.processes.append(program)
        return self._note(program)

    def listens(self):
        _, table = self.guest.run("cat /proc/net/sctp/eps")
        return any(line.split()[3] == LISTENING for line in table.splitlines()[1:])


def two_engines(rig):
    """Engines at both ends of a wire whose addresses the kernels have too, for programs that speak
    TCP beside SCTP."""
    paths = rig.paths(1)
    rig.ours.add_addresses(paths[0].our_interface, paths[0].with_prefix(paths[0].ours))
    return rig.engine(paths), second_engine(rig, paths)


def engine_and_linux(rig):
    paths = rig.paths(1, guest=True)
    rig.ours.add_addresses(paths[0].our_interface, paths[0].with_prefix(paths[0].ours))
    return EngineEnd(rig, rig.engine(paths), OURS), LinuxEnd(rig, rig.guest(paths), THEIRS)


def program_test(name, afterwards=None):
    """Registers a function that takes a rig, a client's end and a server's twice: with engines at
    both ends, and with an engine and a Linux kernel, each of which is the client's end once.
    afterwards: is given the rig and how many times the function ran."""

    def play(body, rig, *pairs):
        for client, server in pairs:
            body(rig, client, server)
            client.stop()
            server.stop()
        if afterwards:
            afterwards(rig, len(pairs))

    def register(body):
        @test(f"{name}: between two engines")
        @functools.wraps(body)
        def engines(rig):
            ours, theirs = two_engines(rig)
            play(body, rig, (EngineEnd(rig, ours, OURS), EngineEnd(rig, theirs, THEIRS)))

        @test(f"{name}: an engine and a Linux kernel, either way", seconds=240)
        @functools.wraps(body)
        def linux(rig):
            ours, theirs = engine_and_linux(rig)
            play(body, rig, (ours, theirs), (theirs, ours))

        return body

    return register
