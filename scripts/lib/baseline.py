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

| row | Millrace | usrsctp | unit | ratio | |
| --- | ---: | ---: | --- | ---: | --- |
{peers}

- Both sum in software: Millrace by the processor's instructions for it, usrsctp by tables, for it has
  nothing else. That is about half of usrsctp's time from 1400 bytes on, and a seventh at 64 bytes. Without
  any checksum on its side, and ours as ever, the ratio fell from 10.9 to 5.9 at 1400 bytes, from 12.2 to
  5.9 at 8192 and from 12.4 to 11.0 at 64 (`usrsctp_enable_crc32c_offload()`, called in gdb after
  `usrsctp_init_nothreads`).

## Many associations, lcores, rings

| row | figure | beside | ratio | what |
| --- | ---: | ---: | ---: | --- |
{others}

- A ratio above 1 is better than what stands beside it. `active-1400` loses what a visit to an association
  that is in no near cache costs, at both ends; with 36 small messages a visit it weighs less (`active-64`).
- The rows of active associations send two packets to each, which are acknowledged at once. One packet each
  would wait 200 ms for its SACK, and an application has 16,384 slots for what is not acknowledged.
- `ring-spin` wants two free cores: with none, it is the scheduler's time. `lcores` and `hand-off` feel
  busy neighbours in the same way.

## Over ports, between two network namespaces

Packets of 1400 bytes of user data a second, one way.

| devices | {runs} |
| --- |{dashes}
{devices}

usrsctp's wire is a pair of veth in each case.
"""

IS_QUIET = """The machine was quiet, but for what else runs on its host: ratios mean something, absolute figures little."""
IS_BUSY = """Others worked meanwhile. Ratios to usrsctp hold, since contestants take turns within a run and only the
time on a core counts. What passes between threads, and what goes over ports, is slower than on a quiet
machine: both of a pair suffer, and absolute figures mean little."""


def table_row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def peers_table(rows):
    return "\n".join(table_row(row["name"], f"{row['ours']:,.0f}", f"{row['peer']:,.0f}",
                               row["unit"], f"{row['ratio']:.1f}", row.get("verdict", ""))
                     for row in rows if "beside" not in row)


def others_table(rows):
    lines = []
    for row in rows:
        if "beside" in row:
            has_peer = row["peer"] > 0
            lines.append(table_row(
                row["name"], f"{row['ours']:,.0f} {row['unit']}",
                f"{row['peer']:,.0f} ({row['beside']})" if has_peer else "",
                f"{row['ratio']:.2f}" if has_peer else "",
                "; ".join(filter(None, [row.get("verdict"), row["note"]]))))
    return "\n".join(lines)


def contestants(devices):
    """Names of runs, in the order in which they come first; some devices have no testpmd."""
    names = [run["name"].split(",")[0] for device in devices for run in device["runs"]]
    return list(dict.fromkeys(names))


def devices_table(devices):
    lines = []
    for device in devices:
        rates = {run["name"].split(",")[0]: f"{run['packets_per_second']:,.0f}"
                 for run in device["runs"]}
        lines.append(table_row(device["name"],
                               *(rates.get(name, "") for name in contestants(devices))))
    return "\n".join(lines)


def document(compare, ports):
    conditions = compare["conditions"]
    names = contestants(ports["devices"])
    is_busy = conditions["load_before"] > QUIET * conditions["cpus"]
    return TEXT.format(
        date=conditions["date"][:10], cpus=conditions["cpus"], processor=conditions["processor"],
        kernel=conditions["kernel"], before=conditions["load_before"],
        after=conditions["load_after"], ports_after=ports["conditions"]["load_after"],
        quiet=IS_BUSY if is_busy else IS_QUIET, peers=peers_table(compare["rows"]),
        others=others_table(compare["rows"]), runs=" | ".join(names),
        dashes=" ---: |" * len(names), devices=devices_table(ports["devices"]))


def readme_table(rows):
    """As the program prints it, without the remarks."""
    lines = [f"{'':15} {'Millrace':>12} {'usrsctp':>12}  {'':15} {'ratio':>7}"]
    lines += [f"{row['name']:15} {row['ours']:12.0f} {row['peer']:12.0f}  {row['unit']:15} "
              f"{row['ratio']:6.1f}x" for row in rows if "beside" not in row]
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
