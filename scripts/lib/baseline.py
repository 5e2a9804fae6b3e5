"""Writes docs/benchmark.md and README's table of ratios from what scripts/bench --baseline made.

  baseline.py docs/benchmark
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCUMENT = ROOT / "docs" / "benchmark.md"
QUIET = 0.5  # load for each CPU, above which others had a part in the figures

TEXT = """# The benchmark's baseline

Made on {date} on {cpus} CPUs ({processor}, Linux {kernel}). The load average was {before:.1f} before and
{after:.1f} after the rows, and {ports_after:.1f} after the ports, with the benchmark itself in the latter two.
{quiet}

```
scripts/bench --baseline docs/benchmark
```

makes the figures, the page, this text and README's table again, in less than ten minutes and as root.
[report.html](benchmark/report.html) is the page; it opens without a network.

## Beside usrsctp, both ends on one core

| row | Millrace | usrsctp | unit | ratio | quartiles | |
| --- | ---: | ---: | --- | ---: | --- | --- |
{peers}

- A ratio is the median of the trials' ratios, each against the trial of usrsctp's that stood beside it;
  half of them lie between the quartiles.
- Both sum in software: Millrace by the processor's instructions for it, usrsctp by tables, for it has
  nothing else. That is about half of usrsctp's time from 1400 bytes on, and a seventh at 64 bytes. Without
  any checksum on its side, and ours as ever, the ratio fell from 10.9 to 5.9 at 1400 bytes, from 12.2 to
  5.9 at 8192 and from 12.4 to 11.0 at 64 (`usrsctp_enable_crc32c_offload()`, called in gdb after
  `usrsctp_init_nothreads`).

{limits}## Many associations, lcores, rings

| row | figure | beside | ratio | quartiles | what |
| --- | ---: | ---: | ---: | --- | --- |
{others}

- A ratio above 1 is better than what stands beside it. `active-1400` loses what a visit to an association
  that is in no near cache costs, at both ends; with 36 small messages a visit it weighs less (`active-64`).
- The rows of active associations send two packets to each, which are acknowledged at once. One packet each
  would wait 200 ms for its SACK, and an application has 16,384 slots for what is not acknowledged.
- `idle-cost` counts the packets of heartbeats with those of traffic; what either takes by itself is in
  the notes of this row and of `heartbeat`. All crowds lie on 1,024 pairs of addresses, for
  which the caches of pairs and routes have room.
- `ring-spin` wants two free cores: with none, it is the scheduler's time. `lcores` and `hand-off` feel
  busy neighbours in the same way. `lcores` keeps only associations whose packets arrive at the lcore
  that owns them; what the others take more is `hand-off`.

## Over ports, between two network namespaces

Packets of 1400 bytes of user data a second, one way.

| devices | {runs} |
| --- |{dashes}
{devices}

usrsctp's wire is a pair of veth in each case, so it has one figure: the median of runs between the others.
{skipped}"""

LIMITS = """## Beside the limits

Nanoseconds of one message, both ends and both applications. A limit is what its bytes, its rings and the
port take when they are all that is done, in the nearest caches, on this machine and in this run: two
checksums of each packet and three copies (the first sum in the pass of the second copy, where that is
quicker), a request, a completion and a slot that goes back through a ring each, and the packets through
the port. Acknowledgements are in none of them. A mark that leaves less than the limit cannot be met.
The last two columns are the ratios to usrsctp of who took the limit, and of who took twice as long.

| row | {parts} | limit | ours | ours / limit | usrsctp | what the mark leaves | ratio at the limit | at twice |
| --- |{dashes} ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{lines}

Twice the limit is one aim, the mark is another, and from 1400 bytes on they are far apart: who takes twice
the limit is at {at_twice} times usrsctp's rate, and the mark leaves {share} times the limit, so that all
that is not the limit would have to take next to nothing.

`scripts/bench --rows {names}` measures them alone.

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


def parts_of(row):
    return {name: value for name, value in row["parts"].items() if name not in ("usrsctp", "mark")}


def at_limit(row):
    """The ratio to usrsctp of who takes the limit."""
    return row["parts"]["usrsctp"] / row["peer"]


def between(values):
    values = sorted(values)
    digits = 2 if values[-1] < 10 else 0
    return f"{values[0]:.{digits}f} to {values[-1]:.{digits}f}"


def limits(rows):
    """The section; empty if they were not measured."""
    rows = [row for row in rows if "parts" in row]
    if not rows:
        return ""
    lines = [table_row(row["name"], *(f"{value:,.0f}" for value in parts_of(row).values()),
                       f"{row['peer']:,.0f}", f"{row['ours']:,.0f}",
                       f"{row['ours'] / row['peer']:.1f}", f"{row['parts']['usrsctp']:,.0f}",
                       f"{row['parts']['mark']:,.0f}", f"{at_limit(row):.1f}",
                       f"{at_limit(row) / 2:.1f}") for row in rows]
    parts = parts_of(rows[0])
    large = [row for row in rows if int(row["name"].split("-")[1]) >= 1400] or rows
    return LIMITS.format(parts=" | ".join(parts), dashes=" ---: |" * len(parts),
                         lines="\n".join(lines), names=" ".join(row["name"] for row in rows),
                         at_twice=between(at_limit(row) / 2 for row in large),
                         share=between(row["parts"]["mark"] / row["peer"] for row in large))


def others_table(rows):
    lines = []
    for row in rows:
        if "beside" in row and "parts" not in row:
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


def devices_table(devices):
    lines = []
    for device in devices:
        rates = {name: "skipped" for name in device.get("skipped", {})}
        rates |= {run["name"].split(",")[0]: f"{run['packets_per_second']:,.0f}"
                  for run in device["runs"]}
        lines.append(table_row(device["name"],
                               *(rates.get(name, "") for name in contestants(devices))))
    return "\n".join(lines)


def skipped(devices):
    return "".join(f"Skipped: {name} from {device['name']}: {why}.\n" for device in devices
                   for name, why in device.get("skipped", {}).items())


def document(compare, ports):
    conditions = compare["conditions"]
    names = contestants(ports["devices"])
    is_busy = conditions["load_before"] > QUIET * conditions["cpus"]
    return TEXT.format(
        date=conditions["date"][:10], cpus=conditions["cpus"], processor=conditions["processor"],
        kernel=conditions["kernel"], before=conditions["load_before"],
        after=conditions["load_after"], ports_after=ports["conditions"]["load_after"],
        quiet=IS_BUSY if is_busy else IS_QUIET, peers=peers_table(compare["rows"]),
        limits=limits(compare["rows"]), others=others_table(compare["rows"]), runs=" | ".join(names),
        dashes=" ---: |" * len(names), devices=devices_table(ports["devices"]),
        skipped=skipped(ports["devices"]))


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
    DOCUMENT.write_text(document(compare, ports), encoding="utf-8")
    README.write_text(with_table(README.read_text(encoding="utf-8"), readme_table(compare["rows"])),
                      encoding="utf-8")


if __name__ == "__main__":
    main()
