"""Where a program's time on a core goes: what perf samples, by library, file and function.

Gives the same as callgrind's counts, so that both are told by the same stages (lib/stages.py): the file is
that of the innermost inlined line, the function the one that it has become part of.
"""

import bisect
import collections
import pathlib
import re
import subprocess
import tempfile

HERTZ = 4999  # no multiple of what else happens periodically


def why_not():
    """Why there can be no samples here, if so."""
    with tempfile.NamedTemporaryFile() as data:
        try:
            done = _perf("record", "-q", "-e", "cpu-clock:u", "-o", data.name, "true")
        except FileNotFoundError:
            return "there is no perf (package linux-perf)"
        return f"perf may not sample: {done.stderr.strip()[:200]}" if done.returncode else ""


def take(command):
    """[(library, file, function, nanoseconds)] of user code, and how many nanoseconds the program says
    that it was on a core, in the time between two that it prints: "from NS to NS ns, NS on a core"
    (millrace-steps). Raises if the command fails."""
    with tempfile.NamedTemporaryFile() as data:
        done = _perf("record", "-q", "-F", str(HERTZ), "-e", "cpu-clock:u", "-k", "CLOCK_MONOTONIC",
                     "-o", data.name, *command)
        said = re.search(r"^from (\d+) to (\d+) ns, (\d+) on a core$", done.stdout, re.M)
        if done.returncode != 0 or not said:
            raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
        script = _perf("script", "-i", data.name, "-F", "time,ip,dso", "--ns",
                       "--show-mmap-events").stdout
    start, end, on_core = map(int, said.groups())
    found = []
    for library, addresses in by_library(script, start, end).items():
        for where, count in _places(library, addresses).items():
            found.append((pathlib.Path(library).name, *where, count * 1e9 / HERTZ))
    return found, on_core


def by_library(script, start, end):
    """How often each offset in each file was met from `start` to `end`, in ns, of perf's script with
    its mappings."""
    starts = {}
    counts = collections.defaultdict(collections.Counter)
    for line in script.splitlines():
        mapped = re.search(r"MMAP2? .*\[0x(\w+)\(0x\w+\) @ (?:0x)?(\w+) .*\]: \S+ (.+)$", line)
        sample = re.match(r"\s*(\d+)\.(\d{9}):\s+(\w+) \((.+)\)$", line)
        if mapped:
            starts[mapped[3]] = int(mapped[1], 16) - int(mapped[2], 16)
        elif sample and start <= int(sample[1] + sample[2]) <= end:
            first = starts.get(sample[4], int(sample[3], 16))
            counts[sample[4]][int(sample[3], 16) - first] += 1
    return counts


def _places(library, offsets):
    """(file, function) by how often; `offsets` are those in the file."""
    places = collections.Counter()
    if not pathlib.Path(library).exists():
        return {("", ""): offsets.total()}
    addresses = {_address(_segments(library), offset): count for offset, count in offsets.items()}
    names, starts = _symbols(library)
    lines = subprocess.run(["addr2line", "-e", library], input="\n".join(map(hex, addresses)),
                           capture_output=True, text=True, check=True).stdout.splitlines()
    for (address, count), line in zip(addresses.items(), lines):
        at = bisect.bisect_right(starts, address) - 1
        places[line.rsplit(":", 1)[0], names[at] if at >= 0 else ""] += count
    return places


def _segments(library):
    """(offset, address) of what is loaded."""
    text = subprocess.run(["readelf", "-lW", library], capture_output=True, text=True, check=True).stdout
    return [(int(offset, 16), int(address, 16))
            for offset, address in re.findall(r"LOAD\s+0x(\w+) 0x(\w+)", text)]


def _address(segments, offset):
    start, address = max(segment for segment in segments if segment[0] <= offset)
    return offset - start + address


def _symbols(library):
    """Names of functions and where they begin, in order."""
    text = subprocess.run(["nm", "-C", "--defined-only", library], capture_output=True, text=True,
                          check=False).stdout
    found = sorted((int(address, 16), name)
                   for address, name in re.findall(r"^(\w+) [TtWwi] (.+)$", text, re.M))
    return [name for _, name in found], [address for address, _ in found]


def _perf(*arguments):
    return subprocess.run(["perf", *map(str, arguments)], capture_output=True, text=True, check=False)
