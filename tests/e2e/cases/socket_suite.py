"""The cases of tests/sockets_suite, on the engine and on the Linux kernel: the same assertions."""

import os
import re

from harness.registry import check, test
from harness.sockets import run_command
from uml.guest import Guest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = "sockets-suite"
ADDRESSES = ("10.20.0.1", "10.20.1.1", "fd20::1")
SILENT = "10.66.0.0/24"
SECONDS = 150
OUTCOME = re.compile(r"^(ok|FAILED) (.+) \(\d+ ms\)$", re.MULTILINE)
DIFFERENCE = re.compile(r"^\| ([a-z -]+: .+?) \| .+ \|$", re.MULTILINE)


def lone_engine(rig):
    """An engine without a wire, which speaks with itself, and with the protocol's own timers."""
    interfaces = [{"name": "alone", "device": "net_null0,no-rx=1",
                   "addresses": [f"{a}/{64 if ':' in a else 24}" for a in ADDRESSES]}]
    return rig.engine([], namespace=rig.namespace("alone"), interfaces=interfaces, sctp={},
                      route=[{"to": SILENT, "via": "10.20.0.254"}])


def lone_guest(rig):
    """A kernel that has the same addresses, and nobody to speak to but itself."""
    guest = Guest({}, rig.programs.find("kernel-traffic"))
    rig.stack.callback(guest.stop)
    rig.guests.append(guest)
    guest.start()
    lines = [f"ip addr add {a}/{128 if ':' in a else 32} dev lo" for a in ADDRESSES]
    status, output = guest.run("; ".join([*lines, f"ip route add {SILENT} dev lo"]))
    check(status == 0, output)
    return guest


def differences():
    """The cases that docs/sockets.md says are otherwise on the engine."""
    with open(os.path.join(ROOT, "docs", "sockets.md"), encoding="utf-8") as file:
        section = file.read().partition("## Differences from Linux")[2].partition("\n## ")[0]
    return set(DIFFERENCE.findall(section))


def outcomes(output):
    found = OUTCOME.findall(output)
    check(re.search(r"^\d+ passed, \d+ failed$", output, re.MULTILINE) is not None,
          f"the suite did not come to its end:\n{output[-2000:]}")
    return {name: verdict == "ok" for verdict, name in found}


def explain(output, names):
    """What the suite said of some of its cases."""
    lines = output.splitlines()
    ends = [i for i, line in enumerate(lines) if any(f" {name} (" in line for name in names)]
    return "\n".join("\n".join(lines[max(0, i - 1):i + 1]) for i in ends)


@test("the suite of socket cases gives on the engine what it gives on Linux", seconds=2 * SECONDS)
def same_on_both(rig):
    program = rig.programs.find(PROGRAM)
    guest = lone_guest(rig)
    engine = lone_engine(rig)
    on_linux = guest.spawn(guest.share(program))
    on_engine = rig.spawn(run_command(rig, engine, [program]), PROGRAM)
    on_engine.wait(SECONDS)
    on_linux.wait(SECONDS)
    linux, ours = outcomes(on_linux.output()), outcomes(on_engine.output())
    check(set(linux) == set(ours), f"not the same cases: {set(linux) ^ set(ours)}")
    wrong = {name for name, is_good in linux.items() if not is_good}
    check(not wrong, "Linux is otherwise:\n" + explain(on_linux.output(), wrong))
    failed, known = {name for name, is_good in ours.items() if not is_good}, differences()
    check(failed <= known, "differences that docs/sockets.md does not tell:\n"
          + explain(on_engine.output(), failed - known))
    check(known <= failed, f"docs/sockets.md tells of differences that are none: {known - failed}")
