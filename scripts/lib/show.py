"""Millrace at work: the engine on two veth interfaces, a Diameter client behind it, and a usrsctp
server on the other side of two networks, one of which breaks in the middle.

Started by scripts/quickstart, which says what it is for."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "tests", "e2e")]

from harness import ctl, namespaces  # noqa: E402
from harness.registry import wait_until  # noqa: E402
from harness.rig import Programs, Rig, addresses  # noqa: E402
from harness.traffic import parse_summary  # noqa: E402
from client_report import ClientReport  # noqa: E402
from terminal import Terminal, count, milliseconds, rate  # noqa: E402

PORT = 3868  # Diameter over SCTP
STREAMS = 8
REQUESTS_PER_SECOND = 2000
LINE_SECONDS = 3
# What carriers set: one unanswered try moves the data, and four in a row give the path up.
TIMERS = {"preset": "carrier"}

MEANINGS = {"potentially-failed": "millraced has moved its data to network 2",
            "inactive": "millraced has given the path up", "unconfirmed": "the path is in doubt",
            "active": "a heartbeat has found the path working"}

PICTURE = """
  our namespace                                          the peer's namespace
  +--------------------+   +---------------+             +--------------------------+
  | mr-diameter-client |   |   millraced   |-- network 1 -|  usrsctp                 |
  | signalling         |===| SCTP on DPDK  |             |  Diameter server,        |
  | application        |   | net_af_packet |-- network 2 -|  one of Debian's stacks  |
  +--------------------+   +---------------+             +--------------------------+
            shared memory rings
"""


class Show:
    def __init__(self, rig, terminal, seconds):
        self.rig = rig
        self.terminal = terminal
        self.seconds = seconds
        self.failures = []
        self.states = ["active"]  # of the path over network 1, in turn
        self.changed_at = None     # when it was last cut or healed

    def run(self):
        self.set_up()
        self.start_traffic()
        cut_at, heal_at = self.seconds * 0.35, self.seconds * 0.65
        self.watch(cut_at)
        self.cut()
        self.watch(heal_at)
        self.heal()
        self.watch(self.seconds)
        self.judge_paths()
        self.finish()
        return not self.failures

    def step(self, text):
        self.terminal.line(f"  {text}")

    def set_up(self):
        rig, show = self.rig, self.terminal
        show.text(PICTURE)
        self.paths = rig.paths(2)
        self.step("two networks, veth pairs between two namespaces")
        self.engine = rig.engine(self.paths, sctp=TIMERS)
        self.step(f"engine: millraced, process {self.engine.process.pid}, no huge pages")
        theirs = addresses(self.paths, "theirs")
        words = ["diameter-server", "--bind", ",".join(theirs), "--port", str(PORT), "--streams",
                 str(STREAMS), "--fast", "--timeout", str(self.seconds + 120)]
        self.server = rig.usrsctp("diameter-server", words)
        self.step(f"peer: {usrsctp_version()} over raw sockets, listens on {' and '.join(theirs)}")

    def start_traffic(self):
        command = [self.rig.programs.find("mr-diameter-client"),
                   "--socket", self.engine.applications_socket,
                   "--connect", ",".join(addresses(self.paths, "theirs")), "--port", str(PORT),
                   "--streams", str(STREAMS), "--rate", str(REQUESTS_PER_SECOND)]
        self.client = ClientReport(self.rig.spawn(command, "mr-diameter-client"))
        wait_until(lambda: ctl.associations(self.engine), 15, "the association is up")
        self.started = time.monotonic()
        association = ctl.associations(self.engine)[0]
        self.step(f"application: mr-diameter-client, process {self.client.process.pid}, requests "
                  f"of 100 to 1500 bytes, {REQUESTS_PER_SECOND} a second on {STREAMS} streams")
        self.step(f"association {association['association']}: {association['state']}, "
                  f"{association['streams_out']} streams out, {association['streams_in']} in, "
                  f"{len(association['paths'])} paths")
        self.terminal.line()
        self.terminal.line("   time     answered    a second   half within   99% within   paths",
                           bold=True)

    def elapsed(self):
        return time.monotonic() - self.started

    def watch(self, until):
        """A line every few seconds, and one whenever network 1 changes its state."""
        next_line = self.elapsed() + LINE_SECONDS
        while self.elapsed() < until:
            time.sleep(0.01)
            self.notice_change()
            if self.elapsed() < min(next_line, until):
                continue
            next_line += LINE_SECONDS
            self.check_alive()
            now = self.client.latest()
            self.terminal.line(
                f"  {self.elapsed():4.0f} s  {count(now['answered']):>10}  {rate(now):>10}"
                f"   {milliseconds(now['p50_us']):>11}  {milliseconds(now['p99_us']):>11}"
                f"   {self.path_text()}")

    def notice_change(self):
        state = ctl.path_states(self.engine)[self.paths[0].theirs[0]]
        if state == self.states[-1] or self.changed_at is None:
            return
        self.states.append(state)
        passed = time.monotonic() - self.changed_at
        self.terminal.event(f"{MEANINGS[state]} ({milliseconds(1e6 * passed)})")

    def check_alive(self):
        for name, process in (("millraced", self.engine.process),
                              ("the application", self.client.process),
                              ("the peer", self.server.source)):
            if process.status() is not None:
                raise AssertionError(f"{name} ended: {process.describe()}")

    def path_text(self):
        found = ctl.associations(self.engine)
        if not found:
            return "none"
        return "  ".join(f"{path['address']} {self.terminal.state(path['state'])}"
                         for path in found[0]["paths"])

    def cut(self):
        broken = self.paths[0]
        self.terminal.event(f"network 1 is cut in the middle; {broken.theirs[0]} is the primary")
        self.rig.cut(broken)
        self.changed_at = time.monotonic()

    def heal(self):
        self.terminal.event("network 1 is whole again")
        self.rig.heal(self.paths[0])
        self.changed_at = time.monotonic()

    def judge_paths(self):
        if not {"potentially-failed", "inactive"} & set(self.states):
            self.failures.append("the cut was not noticed")
        if self.states[-1] != "active":
            self.failures.append(f"network 1 was not taken back: {self.states[-1]}")

    def finish(self):
        self.last = ctl.associations(self.engine)
        self.client.process.send_signal(signal.SIGTERM)
        self.client.process.wait(20)
        self.server.source.wait(20)
        self.totals = ctl.counters(self.engine)
        self.summarise()
        status = self.engine.stop()
        if status != 0:
            self.failures.append(f"millraced ended with {status}")
        for failure in self.failures:
            self.terminal.line(f"  {failure}", bad=True)

    def summarise(self):
        ours, theirs = self.client.summary(), parse_summary(self.server.output(), "the peer")
        self.judge(ours, theirs)
        totals = self.totals
        drops = ctl.drops(self.engine)
        show = self.terminal
        show.heading("What happened")
        show.row("requests sent", count(ours["sent"]))
        show.row("answers received", count(ours["answered"]))
        show.row("lost", count(ours["lost"]), bad=ours["lost"] > 0)
        show.row("answered twice", count(ours["duplicates"]), bad=ours["duplicates"] > 0)
        show.row("seen by the peer", f"{count(theirs['requests'])}, repeated "
                 f"{count(theirs['duplicates'])}, association ended {theirs['shutdown']}")
        usual = self.client.median_second()
        show.row("time to answer", f"in the median second half within {milliseconds(usual['p50_us'])}"
                 f", 99% within {milliseconds(usual['p99_us'])}; longest, over the cut, "
                 f"{milliseconds(ours['max_us'])}")
        show.row("longest silence", f"{ours['longest_gap_ms']:.0f} ms without an answer: requests and "
                 "answers each had to find the other way")
        show.row("SCTP packets", f"{count(totals['sctp_packets_sent'])} sent, "
                 f"{count(totals['sctp_packets_received'])} received")
        show.row("DATA chunks", f"{count(totals['data_chunks_sent'])} sent, "
                 f"{count(totals['data_chunks_retransmitted'])} sent again, "
                 f"{count(totals['data_chunks_received'])} received")
        show.row("paths", f"{totals['path_failures']} failed, {totals['path_recoveries']} came back")
        show.row("drops", ", ".join(f"{name} {count(n)}" for name, n in drops.items()) or "none",
                 bad=bool(drops))
        for path in self.last[0]["paths"] if self.last else ():
            show.row(f"path to {path['address']}", f"{path['state']}, round trip "
                     f"{path['srtt_ms']:.2f} ms, cwnd {count(path['cwnd'])} bytes, "
                     f"RTO {path['rto_ms']:.0f} ms")

    def judge(self, ours, theirs):
        wrong = {
            "the application failed": self.client.process.status() != 0,
            "requests were lost": ours["lost"] > 0 or ours["answered"] < ours["sent"],
            "answers came twice": ours["duplicates"] > 0,
            "the peer saw other requests than were sent": theirs["requests"] != ours["sent"],
            "the peer saw requests twice": theirs["duplicates"] > 0,
            "the peer's association did not end orderly": theirs["shutdown"] != "orderly",
            "nothing was sent": ours["sent"] == 0,
        }
        self.failures += [text for text, is_so in wrong.items() if is_so]


def usrsctp_version():
    found = subprocess.run(["dpkg-query", "-Wf", "usrsctp ${Version}", "libusrsctp2"], check=False,
                           capture_output=True, text=True)
    return found.stdout or "usrsctp"


class Scene(Rig):
    """The tests' rig without their captures."""

    def capture(self, namespace, interface):
        return None


def interrupt(number, _):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    terminal = Terminal()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    namespaces.sweep()
    directory = tempfile.mkdtemp(prefix="millrace-quickstart-")
    is_good = False
    try:
        with Scene(Programs(os.path.abspath(options.build)), directory) as rig:
            try:
                is_good = Show(rig, terminal, options.seconds).run()
            except Exception as error:  # shown with what the programs said, then cleaned up
                terminal.line(f"\n{error}\n{rig.report()}", bad=True)
    except KeyboardInterrupt:
        terminal.line("\ninterrupted: cleaned up", bad=True)
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    terminal.verdict(is_good)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
