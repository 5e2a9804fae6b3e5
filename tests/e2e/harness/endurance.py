"""Long runs of the engine against a peer: rounds of traffic over bad paths, in which paths are cut and
processes killed, until the time is over. Judged are every message and the engine's memory."""

import os
import re
import shutil
import signal
import time

from .capture import Capture
from .ctl import counters, path_states
from .process import Process
from .registry import check, check_equal, wait_until
from .rig import FAST_TIMERS, Rig, addresses
from .scene import Kernel, Usrsctp
from .traffic import Shape, check_pair

IMPAIRMENT = {"loss": 0.01, "duplicate": 0.01, "reorder": 0.02, "delay_us": 300}
PEERS = {"usrsctp": Usrsctp, "linux": Kernel}

_ABORTED = re.compile(r"association \d+: (aborted|failed)$")
# What a receiver may say of an association that was lost: that the end is missing.
_CUT_SHORT = re.compile(r"association \d+: |never came$|the last message never came$"
                        r"|messages, the last one is number|^send on stream |^timeout$")


class QuietRig(Rig):
    """Captures a round at a time, of which those that failed are kept: an hour of packets would fill
    the disk."""

    def __init__(self, programs, directory, keep):
        super().__init__(programs, directory)
        self.keep = keep     # the folder for what is kept; None: nothing is captured
        self.places = []     # (namespace, interface)

    def capture(self, namespace, interface):
        self.places.append((namespace, interface))

    def begin_captures(self):
        if self.keep is None:
            return
        self.captures = [Capture(namespace, interface, self.file(f"{interface}.pcap"))
                         for namespace, interface in self.places]

    def end_captures(self, name):
        """`name`: of the round that failed; None: it passed."""
        for capture in self.captures:
            capture.stop()
            if name is None:
                os.unlink(capture.path)
            else:
                os.makedirs(self.keep, exist_ok=True)
                shutil.move(capture.path,
                            os.path.join(self.keep, f"{name}.{os.path.basename(capture.path)}"))
        self.captures = []


class Memory:
    """The engine's resident memory while nothing is associated, over one life of its process."""

    def __init__(self):
        self.lives = [[]]  # of (seconds, kilobytes)

    def begin_life(self):
        self.lives.append([])

    def sample(self, engine, when):
        with open(f"/proc/{engine.process.pid}/status", encoding="ascii") as file:
            text = file.read()
        self.lives[-1].append((when, int(re.search(r"VmRSS:\s+(\d+)", text).group(1))))

    @staticmethod
    def slope(samples):
        """Kilobytes a minute, by least squares."""
        count = len(samples)
        if count < 2:
            return 0.0
        mean_x = sum(x for x, _ in samples) / count
        mean_y = sum(y for _, y in samples) / count
        spread = sum((x - mean_x) ** 2 for x, _ in samples)
        return 60 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread

    def longest(self):
        """The longest life without its first third, in which slabs are touched for the first time."""
        life = max(self.lives, key=len)
        return life[len(life) // 3:]

    def report(self):
        life = self.longest()
        return {"samples": len(life), "first_kb": life[0][1], "last_kb": life[-1][1],
                "most_kb": max(kb for _, kb in life), "slope_kb_per_minute": round(self.slope(life), 2)}


class Endurance:
    """One engine and one kind of peer."""

    def __init__(self, rig, kind, round_seconds, seed):
        self.rig = rig
        self.kind = kind
        self.round_seconds = round_seconds
        self.seed = seed
        self.start = time.monotonic()
        self.memory = Memory()
        self.rounds = {}    # name -> how often it passed
        self.failures = []
        self.lost_to_one_cut = self.aborted_at_the_end = 0
        self.messages = self.bytes = self.lost_associations = self.reported = 0
        peer_class = PEERS[kind]
        self.paths = rig.paths(2, guest=peer_class.wants_taps)
        self.engine = rig.engine(self.paths, impairment={**IMPAIRMENT, "seed": seed},
                                 sctp={**FAST_TIMERS, "association_max_retrans": 8})
        # usrsctp ends with its process: a SHUTDOWN COMPLETE that was lost is asked for once more.
        self.peer = peer_class(rig, self.paths, ["--fast", "--linger", "1"])

    # ---- rounds ----

    def shape(self, **changes):
        self.seed += 2
        rate = 250
        count = int(rate * self.round_seconds)
        settings = {"there": count, "back": count, "size": "1-3000", "streams": 32, "rate": rate,
                    "timeout": 60 + 3 * self.round_seconds, "seed": self.seed, **changes}
        return Shape(**settings)

    def programs(self, shape, we_serve):
        """Client and server; the first of the pair that is returned is ours."""
        ours, theirs = addresses(self.paths, "ours"), addresses(self.paths, "theirs")
        if we_serve:
            server = self.rig.application(self.engine, "server", shape.arguments("server", bind=ours))
            client = self.peer.start("client", shape.arguments("client", bind=theirs, connect=ours))
            return server, client
        server = self.peer.start("server", shape.arguments("server", bind=theirs))
        client = self.rig.application(self.engine, "client",
                                      shape.arguments("client", bind=ours, connect=theirs))
        return client, server

    def orderly(self, shape, we_serve, during=None):
        mine, theirs = self.programs(shape, we_serve)
        if during:
            during(theirs)
        client, server = (theirs, mine) if we_serve else (mine, theirs)
        client_summary = client.wait(shape.timeout + 10)
        if during and self.kind == "usrsctp" and client_summary["shutdown"] in ("lost", "aborted"):
            self.check_lost(mine.wait(40), theirs.wait(40))
            self.lost_to_one_cut += 1
            return
        server_summary = server.wait(40)
        there, back = (count * shape.associations for count in (shape.there, shape.back))
        self.forgive_aborts_at_the_end(server_summary, there, back)
        self.forgive_aborts_at_the_end(client_summary, back, there)
        try:
            check_pair(shape, client_summary, server_summary)
        except AssertionError as error:
            raise AssertionError(f"{error}\n    client: {client_summary}\n    server: "
                                 f"{server_summary}") from error
        self.account(server_summary if we_serve else client_summary)

    # When a SHUTDOWN COMPLETE was lost, whatever its receiver still sends (usrsctp goes on with its
    # HEARTBEATs) or a late duplicate is answered with an ABORT, for the association is no more.
    def forgive_aborts_at_the_end(self, summary, expected, sent):
        errors = summary["errors"]
        if not errors or not all(_ABORTED.search(text) for text in errors):
            return
        check_equal(summary["received"], expected, "messages of associations aborted at the end")
        check_equal(summary["sent"], sent, "messages sent on them")
        self.aborted_at_the_end += len(errors)
        summary.update(ok=True, shutdown="orderly")

    def account(self, summary):
        self.messages += summary["sent"] + summary["received"]
        self.bytes += summary["sent_bytes"] + summary["received_bytes"]

    def flowing(self, peer, count=200):
        before = counters(self.engine)["messages_delivered"]
        wait_until(lambda: counters(self.engine)["messages_delivered"] > before + count or
                   peer.status() is not None, 40, "messages flow")

    def cut_one_path(self, theirs):
        path = self.paths[self.seed // 2 % 2]
        self.flowing(theirs)
        # Data goes to no address that has not proved itself (RFC 9260 5.4).
        wait_until(lambda: set(path_states(self.engine).values()) == {"active"}, 20,
                   "both paths work before one is cut")
        self.rig.cut(path)
        time.sleep(min(6.0, self.round_seconds / 3))
        self.rig.heal(path)

    def check_cut_short(self, summary):
        """Of an association that was lost: what came was right, and in order."""
        wrong = [text for text in summary["errors"] if not _CUT_SHORT.search(text)]
        check(not wrong, f"not only cut short: {wrong}")
        self.account(summary)

    # What was lost with an association: nothing that is not told of. usrsctp may lose one to a single
    # cut: it sends to a path that works from an address of the one that does not, which is where it
    # gets its answers (docs/interoperability.md).
    def check_lost(self, ours, peers):
        for summary in (ours, peers):
            check(summary["shutdown"] in ("lost", "aborted"), f"not lost: {summary}")
            self.check_cut_short(summary)
        check(ours["sent"] - ours["failed"] <= peers["received"],
              f"{ours['sent']} accepted, {ours['failed']} reported failed, and only "
              f"{peers['received']} delivered")
        self.reported += ours["failed"]

    # Both sides see nothing of each other for so long that both give up.
    def lose_association(self, we_serve):
        shape = self.shape(there=100000, back=100000, rate=500)
        mine, theirs = self.programs(shape, we_serve)
        self.flowing(theirs)
        for path in self.paths:
            self.rig.cut(path)
        try:
            summaries = [program.wait(100) for program in (mine, theirs)]
        finally:
            for path in self.paths:
                self.rig.heal(path)
        self.check_lost(*summaries)
        self.lost_associations += 1

    def kill_peer(self, we_serve):
        mine, theirs = self.programs(self.shape(), we_serve)
        self.flowing(theirs)
        self.kill(theirs)
        # The peer's next process knows nothing of the association; until it is there nobody answers.
        # Linux ends what a killed process has with a SHUTDOWN, unless something was left unread.
        summary = mine.wait(100)
        ends = ("lost", "aborted", "orderly") if self.kind == "linux" else ("lost", "aborted")
        check(summary["shutdown"] in ends, f"not lost: {summary}")
        self.check_cut_short(summary)
        self.lost_associations += 1

    def kill_application(self, we_serve):
        mine, theirs = self.programs(self.shape(), we_serve)
        self.flowing(theirs)
        mine.source.stop(signal.SIGKILL)
        summary = theirs.wait(60)
        check(summary["shutdown"] in ("lost", "aborted"), f"the peer was not told: {summary}")
        self.check_cut_short(summary)
        self.lost_associations += 1

    def kill_engine(self, we_serve):
        mine, theirs = self.programs(self.shape(), we_serve)
        self.flowing(theirs)
        self.engine.kill()
        self.engine.start()
        self.memory.begin_life()
        mine.source.wait(20)
        check("the engine is gone" in mine.output(), f"not told: {mine.output()}")
        summary = theirs.wait(60)
        check(summary["shutdown"] in ("lost", "aborted"), f"the peer was not told: {summary}")
        self.check_cut_short(summary)
        self.lost_associations += 1

    def kill(self, program):
        if isinstance(program.source, Process):
            program.source.stop(signal.SIGKILL)
        else:
            self.peer.guest.run("killall -9 kernel-traffic")

    def plan(self):
        """Names and functions, one after the other; each once served and once connected."""
        return [
            ("a path is cut and healed",
             lambda serve: self.orderly(self.shape(), serve, self.cut_one_path)),
            ("messages of every size",
             lambda serve: self.orderly(
                 self.shape(there=60, back=60, size="1-400000", rate=0), serve)),
            ("the peer's process is killed", self.kill_peer),
            ("many associations",
             lambda serve: self.orderly(
                 self.shape(there=200, back=200, size="1-300", rate=100, associations=20), serve)),
            ("all paths are cut until the association is lost", self.lose_association),
            ("our application is killed", self.kill_application),
            ("the engine is killed", self.kill_engine),
        ]

    # ---- the run ----

    def settle(self):
        """Between rounds nothing may be left."""
        wait_until(lambda: not self.engine.ask("associations")["associations"], 90,
                   "all associations are gone")
        self.memory.sample(self.engine, time.monotonic() - self.start)

    def run(self, seconds, say, wanted=""):
        """`wanted`: a regular expression that the names of rounds match."""
        number = 0
        plan = [entry for entry in self.plan() if re.search(wanted, entry[0])]
        while time.monotonic() - self.start < seconds:
            turn, index = divmod(number, len(plan))
            name, function = plan[index]
            number += 1
            passed = time.monotonic() - self.start
            # The engine's memory is watched in one long life: the second half of the run.
            if function == self.kill_engine and passed > seconds / 2:
                continue
            serve = (index + turn) % 2 == 1
            began, log_began = time.monotonic(), os.path.getsize(self.engine.log)
            text, failed = "passed", None
            self.rig.begin_captures()
            try:
                function(serve)
                self.settle()
                self.rounds[name] = self.rounds.get(name, 0) + 1
            except Exception as error:  # whatever failed, the run goes on and says so at its end
                text = f"FAILED: {error}\n{self.engine_said(log_began)}"
                self.failures.append(f"{name}, {'serving' if serve else 'connecting'}, after "
                                     f"{passed:.0f} s: {error}")
                self.recover()
                failed = f"{self.kind}-{passed:.0f}"
            self.rig.end_captures(failed)
            self.forget()
            say(f"{self.kind}: {passed:5.0f} s  {name}, {'we serve' if serve else 'we connect'}: "
                f"{text} ({time.monotonic() - began:.1f} s)")
        return self.report()

    def engine_said(self, since, lines_max=40):
        """The end of what stands in the engine's log from that byte on; of all of a new process's."""
        with open(self.engine.log, encoding="utf-8", errors="replace") as file:
            file.seek(since if since <= os.path.getsize(self.engine.log) else 0)
            return "".join("    " + line for line in file.readlines()[-lines_max:])

    def recover(self):
        """After a failure: nothing of the round goes on."""
        for process in self.rig.processes:
            process.stop(signal.SIGKILL)
        if hasattr(self.peer, "guest") and self.peer.guest.is_alive():
            self.peer.guest.run("killall -9 kernel-traffic")
        if not self.engine.is_alive():
            self.engine.start()
            self.memory.begin_life()

    def forget(self):
        """Processes that have ended, and their logs."""
        for process in self.rig.processes:
            if process.status() is not None and os.path.exists(process.log):
                os.unlink(process.log)
        self.rig.processes = [p for p in self.rig.processes if p.status() is None]
        self.rig.peers = [p for p in self.rig.peers if p.status() is None]

    def report(self):
        totals = counters(self.engine)
        check_equal(self.engine.stop(), 0, "the engine's exit status")
        return {
            "peer": self.kind, "seconds": round(time.monotonic() - self.start),
            "rounds": self.rounds, "failures": self.failures, "messages": self.messages,
            "bytes": self.bytes, "associations_lost_on_purpose": self.lost_associations,
            "messages_reported_failed": self.reported,
            "associations_lost_to_one_cut": self.lost_to_one_cut,
            "aborted_at_the_end": self.aborted_at_the_end,
            "memory": self.memory.report(),
            "last_engine": {name: totals[name] for name in (
                "data_chunks_retransmitted", "data_chunks_duplicate", "path_failures",
                "path_recoveries", "associations_lost", "messages_delivered")},
        }
