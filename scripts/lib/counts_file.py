"""bench/instructions.txt: what one unit of each row takes by stage, in either of the builds that are
counted."""

import collections

RISE = 0.03  # of a row, that is noticed
# The builds that are counted: the benchmark's own, and the tests'.
KINDS = ("optimized", "plain")
HEAD = """\
# Instructions for one message, or for one association that is set up and shut down, both ends and both
# applications together, by stage: of an optimized build, and of the tests' plain one. In callgrind, on a
# processor with 256-bit registers. They say where instructions go, and are no measure of time.
# Made and compared by scripts/instructions.
"""

Counts = collections.namedtuple("Counts", "tools rows")  # rows[row][stage]: by KINDS


def read(path):
    made_with, rows, row = "", {}, None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("tools: "):
            made_with = line.removeprefix("tools: ")
        elif line and line[0] not in "# ":
            row = rows.setdefault(line.rsplit(maxsplit=len(KINDS))[0], {})
        elif line.startswith("  "):
            stage, *counts = line.strip().rsplit(maxsplit=len(KINDS))
            row[stage] = [int(count) for count in counts]
    return Counts(made_with, rows)


def text(tools, optimized, plain):
    lines = [f"{HEAD}tools: {tools}"]
    for row, by_stage in optimized.items():
        lines.append(f"\n{row:54}{sum(by_stage.values()):8} {sum(plain[row].values()):8}")
        lines += [f"  {stage:52}{by_stage[stage]:8} {plain[row][stage]:8}" for stage in by_stage]
    return "\n".join(lines) + "\n"


def write(path, tools, optimized, plain):
    path.write_text(text(tools, optimized, plain), encoding="utf-8")


def risen(old, new):
    """What takes more than RISE of the row more than before: the row, and stages of it."""
    total = sum(old.values())
    changes = {"in all": (total, sum(new.values())),
               **{stage: (old.get(stage, 0), count) for stage, count in new.items()}}
    return [f"{what}, {before} to {after}" for what, (before, after) in changes.items()
            if after - before > RISE * total]
