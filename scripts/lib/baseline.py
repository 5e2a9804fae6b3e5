"""Writes docs/benchmark.md and README's table of ratios from what scripts/bench --baseline made.

  baseline.py docs/benchmark          docs/benchmark.md, and README's table
  baseline.py FOLDER FILE             only the former, to FILE

All figures are those of the run: what is said here holds for any, or is chosen by them.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from lib import distance  # noqa: E402

README = ROOT / "README.md"
DOCUMENT = ROOT / "docs" / "benchmark.md"
QUIET = 0.5  # load for each CPU, above which others had a part in the figures
LIMITED = ("message-64", "message-300", "message-1400", "message-8192", "message-65536", "in-place-8192",
           "in-place-65536")
ACTIVE = ("active-64-1", "active-64-16", "active-64", "active-1400-1", "active-1400-16", "active-1400")

TEXT = """# The benchmark's baseline

Made on {date} on {cpus} CPUs ({processor}, Linux {kernel}). The load average was {before:.1f} before and
{after:.1f} after the rows, and {ports_after:.1f} after the ports, with the benchmark itself in the latter two.
{quiet}

```
scripts/bench --baseline docs/benchmark
```

makes the figures, the page, this text and README's table again, in some ten minutes and as root.
[report.html](benchmark/report.html) is the page; it opens without a network.

## Beside usrsctp, both ends on one core

| row | Millrace | usrsctp | unit | ratio | quartiles | |
| --- | ---: | ---: | --- | ---: | --- | --- |
{peers}

- A ratio is the median of the trials' ratios, each against the trial of usrsctp's that stood beside it;
  half of them lie between the quartiles.
- Both sum in software: Millrace by the processor's instructions for it, usrsctp by tables, for it has
  nothing else.
- Messages of `in-place-*` are written by the application where they are to lie (`mr_buffer_alloc`), which
  saves the first of three copies. What it takes to make a message counts in no row: all of it but its
  number lies there already, in the application's buffer or in the slot. usrsctp copies them as ever.

{limits}{stages}{marks}## Many associations, lcores, rings

| row | figure | beside | ratio | quartiles | what |
| --- | ---: | ---: | ---: | --- | --- |
{others}

- A ratio above 1 is better than what stands beside it.
- The rows of active associations send two packets to each, which are acknowledged at once. One packet each
  would wait 200 ms for its SACK, and an application has 16,384 slots for what is not acknowledged.
- `idle-cost` counts the packets of heartbeats with those of traffic; what either takes by itself is in
  the notes of this row and of `heartbeat`. All crowds lie on 1,024 pairs of addresses, for
  which the caches of pairs and routes have room.
- `idle-memory` has all tables of an engine that may hold a quarter more associations than it does; `memory`
  is what one end more adds. Of usrsctp's ends in `memory` many share a socket: a program with a socket for
  each association takes more.
- `ring-spin` wants two free cores: with none, it is the scheduler's time. `lcores` and `hand-off` feel
  busy neighbours in the same way. `lcores` keeps only associations whose packets arrive at the lcore
  that owns them; what the others take more is `hand-off`.

{crowds}## Over ports, between two network namespaces

Packets of 1400 bytes of user data a second, one way, and what part of testpmd's on the same device. All of an
end, its engine and its application, has one CPU: the sending end CPU 0, the receiving one the next. Medians of
{port_runs} runs each.

{devices}
usrsctp's wire is a pair of veth in each case, so it has one figure.
{skipped}{port_times}"""

LIMITS = """## Beside the limits

Nanoseconds of one message, both ends and both applications. A limit is what its bytes, its rings and the
port take when they are all that is done, in the nearest caches, on this machine and in this run: two
checksums of each packet and three copies (two, where messages are written in place; the first sum in the
pass of the second copy, where that is quicker), a request, a completion and a slot that goes back through
a ring each, and the packets through the port. Acknowledgements are in none of them. The last two columns
are the ratios to usrsctp of who took the limit, and of who took twice as long.

{messages}
Of an association that is set up and shut down: two checksums of each of its seven packets, a cookie
written, sealed and opened, five random numbers (tags, TSNs, a port), two requests, five events and a slot
through rings, and the packets through the port. Deciding anything, remembering anything and finding it
again are in none of it.

{set_up}
`scripts/bench --rows {names}` measures them alone.

"""

STAGES = """## Where the time goes

Nanoseconds by stage, as `scripts/instructions --times` samples them in the optimized build, in the same run
as the rows. bench/instructions.txt has the same stages in instructions. What one checksum does in the pass of
the second copy is among checksums. The sum is of user code; what the kernel took is in the line below it.

{tables}
"""

MARKS = """## Marks that are not met

{tables}{paragraphs}

"""

IS_QUIET = """The machine was quiet, but for what else runs on its host: ratios mean something, absolute figures little."""
IS_BUSY = """Others worked meanwhile. Ratios to usrsctp hold, since contestants take turns within a run and only the
time on a core counts. What passes between threads, and what goes over ports, is slower than on a quiet
machine: both of a pair suffer, and absolute figures mean little."""


def table_row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def quartiles(row, digits):
    """Runs of before there were quartiles have none."""
    return " to ".join(f"{value:.{digits}f}" for value in row.get("quartiles", []))


def peers_table(rows):
    return "\n".join(table_row(row["name"], f"{row['ours']:,.0f}", f"{row['peer']:,.0f}",
                               row["unit"], f"{row['ratio']:.1f}", quartiles(row, 1),
                               row.get("verdict", ""))
                     for row in rows if "beside" not in row)


def limits(run):
    """The section; empty if they were not measured."""
    messages = distance.limits_table(run, LIMITED)
    names = [name for name in run.rows if name.startswith("limit-")]
    return LIMITS.format(messages=messages, set_up=distance.limits_table(run, ["setup"]),
                         names=" ".join(names)) if messages else ""


def stage_tables(run):
    """The section; empty if nothing was sampled."""
    tables = [distance.stage_table(run, "of a message", LIMITED),
              distance.stage_table(run, "of a message, round so many associations", ACTIVE),
              distance.stage_table(run, "of an association's life", ["setup"])]
    return STAGES.format(tables="\n".join(filter(None, tables))) if any(tables) else ""


def marks(run):
    """The section; empty if all are met."""
    found = distance.paragraphs(run)
    tables = [distance.above_table(run, LIMITED, distance.MESSAGE_GROUPS),
              distance.above_table(run, ["setup"], distance.ASSOCIATION_GROUPS)]
    return MARKS.format(tables="".join(each + "\n" for each in tables if each),
                        paragraphs=found) if found else ""


def others_table(rows):
    lines = []
    for row in rows:
        if "beside" in row and not row["name"].startswith("limit-"):
            has_peer = row["peer"] > 0
            lines.append(table_row(
                row["name"], f"{row['ours']:,.0f} {row['unit']}",
                f"{row['peer']:,.0f} ({row['beside']})" if has_peer else "",
                f"{row['ratio']:.2f}" if has_peer else "", quartiles(row, 2),
                "; ".join(filter(None, [row.get("verdict"), row["note"]]))))
    return "\n".join(lines)


def contestants(devices):
    """Names of runs, in the order in which they come first; some devices have no testpmd."""
    names = [run["name"].split(",")[0] for device in devices for run in device["runs"]]
    return list(dict.fromkeys(names))


def rates(device, name):
    """The run of this contestant, or {}."""
    return next((run for run in device["runs"] if run["name"].split(",")[0] == name), {})


def devices_table(devices):
    names = contestants(devices)
    lines = [("devices", *names, *(f"{name} of testpmd" for name in names if name != "testpmd"))]
    for device in devices:
        found = {name: rates(device, name).get("packets_per_second") for name in names}
        limit = found.get("testpmd")
        lines.append((device["name"],
                      *("skipped" if name in device.get("skipped", {}) else
                        f"{found[name]:,.0f}" if found[name] else "" for name in names),
                      *(f"{found[name] / limit:.2f}" if limit and found[name] else ""
                        for name in names if name != "testpmd")))
    return distance.table(*lines) + "\n"


def skipped(devices):
    return "".join(f"Skipped: {name} from {device['name']}: {why}.\n" for device in devices
                   for name, why in device.get("skipped", {}).items())


PORT_TIMES = """
Where the time goes: of a second of either CPU, divided by the packets that arrived in it. What threads took by
the kernel's account, user code and system calls apart; `other` is what else the CPU did (interrupts, and
packets on their way through the kernel, where it counts them so), `idle` what was left, stolen time included.
A poll loop that finds nothing to do is user code too: of the end that waits for the other one, part of it is
waiting. testpmd stands under `engine`.

{table}

{distances}
"""


def port_distances(devices):
    """What Millrace's ends take more than testpmd's, and in what."""
    lines = []
    for device in devices:
        limit, ours = (rates(device, name).get("ns_per_packet", {}) for name in ("testpmd", "Millrace"))
        for end in (end for end in ours if end in limit):
            more = {what: ns - limit[end].get(what, 0) for what, ns in ours[end].items()}
            parts = ", ".join(f"{what} {distance.signed(ns)}" for what, ns in more.items())
            lines.append(f"- {device['name'].split()[0]}, {end}: Millrace takes {distance.signed(sum(more.values()))} ns a "
                         f"packet beside testpmd, its CPU's idle time included ({parts}).")
    return "\n".join(lines)


def port_times(devices):
    """Nanoseconds a packet, by end; empty if they were not taken."""
    found = [(device["name"].split()[0], run["name"].split(",")[0], end, ns) for device in devices
             for run in device["runs"] for end, ns in run.get("ns_per_packet", {}).items()]
    if not found:
        return ""
    keys = list(dict.fromkeys(key for *_, ns in found for key in ns))
    lines = [("device", "who", "end", *keys, "all")]
    lines += [(*who, *(f"{ns[key]:,.0f}" if key in ns else "" for key in keys), f"{sum(ns.values()):,.0f}")
              for *who, ns in found]
    return PORT_TIMES.format(table=distance.table(*lines), distances=port_distances(devices))


def document(compare, ports, profile=None):
    conditions = compare["conditions"]
    run = distance.Run(compare["rows"], profile)
    is_busy = conditions["load_before"] > QUIET * conditions["cpus"]
    crowds = distance.crowds_table(run)
    return TEXT.format(
        date=conditions["date"][:16].replace("T", " at ") + " UTC", cpus=conditions["cpus"],
        processor=conditions["processor"],
        kernel=conditions["kernel"], before=conditions["load_before"],
        after=conditions["load_after"], ports_after=ports["conditions"]["load_after"],
        quiet=IS_BUSY if is_busy else IS_QUIET, peers=peers_table(compare["rows"]),
        limits=limits(run), stages=stage_tables(run), marks=marks(run),
        others=others_table(compare["rows"]),
        crowds=f"With more and more associations, visited in the same way:\n\n{crowds}\n" if crowds else "",
        port_runs=ports.get("repeats", 1), devices=devices_table(ports["devices"]),
        skipped=skipped(ports["devices"]), port_times=port_times(ports["devices"]))


def readme_table(rows):
    """As the program prints it, without the remarks."""
    lines = [f"{'':15} {'Millrace':>12} {'usrsctp':>12}  {'':15} {'ratio':>7}  quartiles"]
    for row in rows:
        if "beside" not in row:
            spread = "-".join(f"{value:.1f}" for value in row.get("quartiles", []))
            lines.append(f"{row['name']:15} {row['ours']:12.0f} {row['peer']:12.0f}  "
                         f"{row['unit']:15} {row['ratio']:6.1f}x  {spread}".rstrip())
    return "\n".join(lines)


def with_table(readme, table):
    block = re.compile(r"(```\n\$ scripts/bench)[^\n]*\n.*?\n```", re.DOTALL)
    if len(block.findall(readme)) != 1:
        sys.exit("README.md has not one block that begins with '$ scripts/bench'")
    return block.sub(lambda found: f"{found[1]}\n{table}\n```", readme)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def main():
    folder = pathlib.Path(sys.argv[1])
    compare, ports = read(folder / "compare.json"), read(folder / "ports.json")
    profile = read(folder / "stages.json") if (folder / "stages.json").exists() else None
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(document(compare, ports, profile), encoding="utf-8")
        return
    DOCUMENT.write_text(document(compare, ports, profile), encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), readme_table(compare["rows"])),
                      encoding="utf-8")


if __name__ == "__main__":
    main()
