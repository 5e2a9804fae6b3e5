"""What the program of tests/sockets_suite says, and what docs/sockets.md says that it may."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = "sockets-suite"
ADDRESSES = ("10.20.0.1", "10.20.1.1", "fd20::1")
SILENT = "10.66.0.0/24"
_OUTCOME = re.compile(r"^(ok|FAILED) (.+) \(\d+ ms\)$", re.MULTILINE)
_CLOSING = re.compile(r"^\d+ passed, \d+ failed$", re.MULTILINE)
_DIFFERENCE = re.compile(r"^\| ([A-Za-z -]+: .+?) \| .+ \|$", re.MULTILINE)


def interface():
    """The only one of an engine that speaks with itself."""
    return {"name": "alone", "device": "net_null0,no-rx=1",
            "addresses": [f"{a}/{64 if ':' in a else 24}" for a in ADDRESSES]}


def route():
    return {"to": SILENT, "via": "10.20.0.254"}


def differences():
    """The cases that docs/sockets.md says are otherwise on the engine."""
    with open(os.path.join(ROOT, "docs", "sockets.md"), encoding="utf-8") as file:
        section = file.read().partition("## Differences from Linux")[2].partition("\n## ")[0]
    return set(_DIFFERENCE.findall(section))


def has_ended(output):
    return _CLOSING.search(output) is not None


def outcomes(output):
    """From a case's name to whether it passed."""
    return {name: verdict == "ok" for verdict, name in _OUTCOME.findall(output)}


def explain(output, names):
    """What the suite said of some of its cases."""
    lines = output.splitlines()
    ends = [i for i, line in enumerate(lines) if any(f" {name} (" in line for name in names)]
    return "\n".join("\n".join(lines[max(0, i - 1):i + 1]) for i in ends)
