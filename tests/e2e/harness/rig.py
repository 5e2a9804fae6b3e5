"""What a test builds its scene from. Everything it makes goes away with it, whatever happens."""

import contextlib
import os
import shutil
import signal
import subprocess

from uml.guest import Guest, GuestError

from .capture import Capture
from .engine import Engine
from .namespaces import Namespace, add_tap, add_veth
from .ctl import counters
from .process import Process
from .registry import check, missing
from .traffic import parse_summary


class Programs:
    """Where the build put what it built."""

    def __init__(self, build):
        self.build = build
        self.found = {}
        for folder, _, names in os.walk(build):
            for name in names:
                path = os.path.join(folder, name)
                if "." not in name and os.access(path, os.X_OK) and os.path.isfile(path):
                    self.found.setdefault(name, path)

    def find(self, name):
        if name not in self.found:
            # The peers' programs need packages that are optional; ours do not.
            if name in ("usrsctp-traffic", "kernel-traffic", "sockets-traffic",
                        "sockets-suite"):
                missing(f"{name} is not built: its package is not installed")
            raise AssertionError(f"{name} is not in {self.build}")
        return self.found[name]


class Path:
    """One of the wires between the engine and the peer, with its addresses at both ends."""

    def __init__(self, index, families="4"):
        self.index = index
        self.our_interface = f"mr{index}"
        self.port = f"p{index}"      # the peer's end of the wire
        self.bridge = f"b{index}"    # what it is plugged into
        self.tap = f"t{index}"       # a guest's plug in the same bridge
        self.peer = None             # the namespace that the wire ends in
        self.ours, self.theirs = [], []
        self.prefix_lengths = []
        if "4" in families:
            self.ours.append(f"10.20.{index}.1")
            self.theirs.append(f"10.20.{index}.2")
            self.prefix_lengths.append(24)
        if "6" in families:
            self.ours.append(f"fd20:{index}::1")
            self.theirs.append(f"fd20:{index}::2")
            self.prefix_lengths.append(64)

    def with_prefix(self, addresses):
        return [f"{a}/{n}" for a, n in zip(addresses, self.prefix_lengths)]


class Program:
    """A traffic program: on the host, or in a guest."""

    def __init__(self, role, source):
        self.role = role
        self.source = source  # Process or Job

    def wait(self, seconds=90):
        self.source.wait(seconds)
        return self.summary()

    def summary(self):
        return parse_summary(self.source.output(), self.role)

    def status(self):
        return self.source.status()

    def output(self):
        return self.source.output()


class Rig:
    def __init__(self, programs, directory):
        self.programs = programs
        self.directory = directory
        self.stack = contextlib.ExitStack()
        self.processes = []
        self.peers = []  # those of them that speak another stack
        self.captures = []
        self.engines = []
        self.guests = []
        self.trusted = None  # addresses whose packets must be sound; None is all
        self.ours = self.peer = None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def file(self, name):
        return os.path.join(self.directory, name)

    def namespace(self, label):
        namespace = Namespace(label)
        self.stack.callback(namespace.delete)
        namespace.hush_protocol_unreachable()
        return namespace

    def paths(self, count=1, families="4", guest=False, mtu=1500, strangers=False):
        """Wires from our namespace into the peer's (or, for strangers, each into another one's).
        Each ends in a bridge there, so that `cut` is a cable pulled out somewhere far away: no
        end sees its own link go down."""
        self.ours = self.namespace("ours")
        self.peer = self.namespace("peer")
        paths = [Path(index, families) for index in range(count)]
        for path in paths:
            is_first = path.index == 0
            path.peer = self.namespace(f"peer{path.index}") if strangers and not is_first \
                else self.peer
            self._lay(path, guest, mtu)
            self.capture(path.peer, path.port)
        return paths

    def _lay(self, path, guest, mtu):
        add_veth(self.ours, path.our_interface, path.peer, path.port, mtu)
        path.peer.ip("link", "add", path.bridge, "mtu", str(mtu), "type", "bridge")
        path.peer.silence(path.port)
        path.peer.ip("link", "set", path.port, "master", path.bridge)
        if guest:
            add_tap(path.peer, path.tap)
            path.peer.silence(path.bridge)
            path.peer.ip("link", "set", path.tap, "master", path.bridge)
        path.peer.ip("link", "set", path.bridge, "up")
        if not guest:
            path.peer.add_addresses(path.bridge, path.with_prefix(path.theirs))

    # Out of its bridge nothing reaches the port any more. What comes from it has to be dropped
    # besides: a host takes in what is addressed to it on whichever interface it arrives.
    @staticmethod
    def cut(path):
        path.peer.run(["nft", f"table netdev cut_{path.port} {{\nchain ingress {{\ntype filter hook "
                              f"ingress device {path.port} priority 0\ndrop\n}}\n}}"])
        path.peer.ip("link", "set", path.port, "nomaster")

    @staticmethod
    def heal(path):
        path.peer.ip("link", "set", path.port, "master", path.bridge)
        path.peer.run(["nft", f"delete table netdev cut_{path.port}"])

    def capture(self, namespace, interface):
        capture = Capture(namespace, interface, self.file(f"{interface}.pcap"))
        self.stack.callback(capture.stop)
        self.captures.append(capture)
        return capture

    def spawn(self, command, name, namespace=None, environment=None):
        if namespace:
            command = namespace.command(command)
        log = self.file(f"{len(self.processes)}-{name}.log")
        process = Process(command, log, environment)
        self.stack.callback(process.stop)
        self.processes.append(process)
        return process

    def engine(self, paths, impairment=None, start=True, device="net_af_packet", namespace=None,
               **sections):
        """An engine whose interfaces are our ends of the paths."""
        self.programs.find("millraced")
        interfaces = sections.pop("interfaces", None) or [
            interface_of(path, device, impairment) for path in paths]
        config = {"sctp": FAST_TIMERS, **sections, "interface": interfaces}
        directory = self.file(f"engine{len(self.engines)}")
        os.makedirs(directory)
        engine = Engine(namespace or self.ours, self.programs, directory, config)
        self.engines.append(engine)
        self.stack.callback(lambda: engine.process and engine.kill())
        if start:
            engine.start()
        return engine

    def engine_pair(self):
        """Two engines with a wire between them, and their paths."""
        near, far = Path(0), Path(1)
        far.ours, far.our_interface = near.theirs, "far0"
        self.ours = self.namespace("ours")
        self.peer = self.namespace("peer")
        add_veth(self.ours, near.our_interface, self.peer, far.our_interface, 1500)
        self.peer.silence(far.our_interface)
        self.capture(self.peer, far.our_interface)
        return ((self.engine([near]), near),
                (self.engine([far], namespace=self.peer), far))

    def guest(self, paths, **options):
        if not shutil.which("linux.uml"):
            missing("user-mode-linux is not installed")
        taps = {path.tap: path.with_prefix(path.theirs) for path in paths}
        guest = Guest(taps, self.programs.find("kernel-traffic"), self.peer.name, **options)
        self.stack.callback(guest.stop)
        self.guests.append(guest)
        return guest.start()

    def usrsctp(self, role, arguments, namespace=None):
        program = self.programs.find("usrsctp-traffic")
        process = self.spawn([program, *arguments], f"usrsctp-{role}", namespace or self.peer)
        self.peers.append(process)
        return self.ready(Program(role, process))

    def application(self, engine, role, arguments, name="mr-traffic"):
        program = self.programs.find("mr-traffic")
        process = self.spawn([program, *arguments, "--socket", engine.applications_socket], name)
        return self.ready(Program(role, process))

    def kernel(self, guest, role, arguments):
        return self.ready(Program(role, guest.spawn(" ".join(["kernel-traffic", *arguments]))))

    @staticmethod
    def ready(program):
        if program.role != "client":
            program.source.wait_for("ready")
        return program

    def finish(self):
        """What must hold at the end of every test: engines that live and stop cleanly, and
        nothing wrong on the wire."""
        for engine in self.engines:
            if engine.process is None or engine.process.status() is not None:
                continue  # the test stopped it itself, and judged that
            status = engine.stop()
            check(status == 0, f"the engine ended with {status}: {engine.process.describe()}")
        problems = []
        for capture in self.captures:
            capture.stop()
            problems += capture.analyse().problems(self.trusted)
        check(not problems, "; ".join(problems))

    def peer_crash(self):
        """What a peer's process said when it crashed; empty if none did."""
        for process in self.peers:
            if process.status() in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS):
                return process.describe()
        return ""

    def report(self):
        """What helps to understand a failure."""
        sections = [process.describe() for process in self.processes]
        sections += [engine.process.describe() for engine in self.engines if engine.process]
        for engine in self.engines:
            if engine.is_alive():
                try:
                    sections.append(str({k: v for k, v in counters(engine).items() if v}))
                except (AssertionError, subprocess.SubprocessError, OSError, ValueError) as error:
                    sections.append(f"no counters: {error}")
        for guest in self.guests:
            try:
                sections.append("guest:\n" + "\n".join(guest.console().splitlines()[-20:]))
            except (GuestError, OSError, ValueError):
                pass
        return "\n--\n".join(["", *sections])


# Timers that let a failover or a loss be seen in seconds; the defaults are the RFC's.
FAST_TIMERS = {"rto_initial_ms": 200, "rto_min_ms": 100, "rto_max_ms": 1000,
               "heartbeat_interval_ms": 500, "path_max_retrans": 3}


def interface_of(path, device="net_af_packet", impairment=None, **more):
    interface = {"name": f"path{path.index}",
                 "device": f"{device}{path.index},iface={path.our_interface}",
                 "addresses": path.with_prefix(path.ours), **more}
    if impairment:
        interface["impairment"] = impairment
    return interface


def addresses(paths, side):
    return [address for path in paths for address in getattr(path, side)]
