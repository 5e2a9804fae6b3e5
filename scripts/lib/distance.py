"""How far rows are from their limits and their marks, and where their time goes: the sections of
docs/benchmark.md that follow from rows with limits and from a profile by stage (scripts/instructions
--times --json) of the same run."""

import re

from . import stages

UNEXPLAINED = 0.1  # of a row, that must be said
WRONG = 1.25  # a mark that leaves less than so many times the limit leaves nothing for twice the limit

# Stages of a message by the part of the limit that they are held against, if any.
MESSAGE_GROUPS = (
    ("copies", "copies", (stages.COPIES,)),
    ("checksums", "checksums", (stages.CHECKSUMS,)),
    ("applications, requests, deliveries: with their rings", "rings",
     (stages.APPLICATION_SENDS, stages.REQUESTS, stages.DELIVERIES, stages.APPLICATION_RECEIVES)),
    ("packets out, headers: with the port", "port", (stages.PACKETS_OUT, stages.ROUTE)),
    ("packets in", None, (stages.FRAMES_IN, stages.PACKETS_IN)),
    ("SACK", None, (stages.SACK,)),
    ("the benchmark's own checks, all else", None, (stages.BENCHMARK, stages.REST)),
)
ASSOCIATION_GROUPS = (
    ("checksums", "checksums", (stages.CHECKSUMS,)),
    ("cookie", "cookie", (stages.COOKIE,)),
    ("random numbers", "random numbers", (stages.RANDOM,)),
    ("applications, requests, events: with their rings", "rings",
     (stages.APPLICATION_CONNECTS, stages.CONNECT_REQUESTS, stages.EVENTS_OUT)),
    ("packets in and out: with the port", "port",
     (stages.FRAMES_IN, stages.ROUTE, stages.CONTROL_OUT, stages.CONTROL_IN)),
    ("the directory and the tables of tags", None, (stages.DIRECTORY,)),
    ("what packets mean, associations and deadlines", None,
     (stages.HANDSHAKE, stages.ASSOCIATIONS, stages.DEADLINES)),
    ("the benchmark's own checks, all else", None, (stages.BENCHMARK, stages.REST)),
)


def table(*rows):
    """Markdown; the first row is the head, and the first column text."""
    head, *others = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([head, f"| --- |{' ---: |' * (len(rows[0]) - 1)}", *others])


def signed(ns):
    """With its sign, and none where it rounds to 0."""
    return f"{ns:+,.0f}" if abs(ns) >= 0.5 else "0"


def mark_of(row):
    """(the ratio that is to be reached, whether it is), or None: there is none, or it is no ratio."""
    found = re.search(r"mark ([\d.]+)x: (met|not met)", row.get("verdict", ""))
    return (float(found[1]), found[2] == "met") if found else None


def ns_of(rate):
    return 1e9 / rate


class Run:
    """The rows of a run, and the profile by stage that was made with it (empty if there is none)."""

    def __init__(self, rows, profile=None):
        self.rows = {row["name"]: row for row in rows}
        self.profile = (profile or {}).get("rows", {})

    def limit(self, name):
        return self.rows.get(f"limit-{name}")

    def measured(self, name):
        """Nanoseconds of one unit, as the row of what was profiled has it; None if it was not measured."""
        crowd = re.fullmatch(r"(active-\d+)(?:-(\d+))?", name)
        row = self.rows.get(crowd[1] if crowd else name)
        if not row or row["ours"] == 0:
            return None
        return row.get("figures", {}).get(f"ns at {crowd[2]}") if crowd and crowd[2] \
            else ns_of(row["ours"])

    def sum(self, name):
        return sum(self.profile[name]["stages"].values())

    def has_stages(self, name):
        return name in self.profile and self.measured(name) is not None


# ---- limits ----

def limits_table(run, names):
    rows = [run.limit(name) for name in names if run.limit(name)]
    if not rows:
        return ""
    parts = list(rows[0]["parts"])
    lines = [("row", *parts, "limit", "ours", "ours / limit", "usrsctp", "what the mark leaves",
              "of it the limit is", "ratio at the limit", "at twice")]
    for row in rows:
        limit, usrsctp, left = row["peer"], row["figures"]["usrsctp"], row["figures"]["mark"]
        lines.append((row["name"], *(f"{row['parts'][part]:,.0f}" for part in parts),
                      f"{limit:,.0f}", f"{row['ours']:,.0f}", f"{row['ours'] / limit:.1f}",
                      f"{usrsctp:,.0f}", f"{left:,.0f}", f"{limit / left:.0%}",
                      f"{usrsctp / limit:.1f}", f"{usrsctp / limit / 2:.1f}"))
    return table(*lines) + "\n"


# ---- stages ----

def stage_table(run, head, names):
    """Stages, their sum, what the row has, and what is between the two."""
    names = [name for name in names if run.has_stages(name)]
    if not names:
        return ""
    rest = {name: run.measured(name) - run.sum(name) for name in names}
    lines = [(head, *names)]
    lines += [(stage, *(f"{run.profile[name]['stages'][stage]:,.0f}" for name in names))
              for stage in run.profile[names[0]]["stages"]]
    lines += [("sum of the stages", *(f"{run.sum(name):,.0f}" for name in names)),
              ("on a core while it was profiled",
               *(f"{run.profile[name]['on_core']:,.0f}" for name in names)),
              ("the row, without a profiler", *(f"{run.measured(name):,.0f}" for name in names)),
              ("the row minus the sum", *(signed(rest[name]) for name in names)),
              ("of the row", *(f"{rest[name] / run.measured(name):+.0%}" for name in names))]
    return f"{table(*lines)}\n\n{unexplained(run, rest)}\n"


def unexplained(run, rest):
    """What is to be said of what is in no stage."""
    much = {name: ns / run.measured(name) for name, ns in rest.items()
            if abs(ns) > UNEXPLAINED * run.measured(name)}
    if not much:
        return f"No row differs from its stages by more than {UNEXPLAINED:.0%}."
    which = ", ".join(f"`{name}` by {share:+.0%}" for name, share in much.items())
    return (f"By more than {UNEXPLAINED:.0%} of the row differ from their stages: {which}. So much of them "
            "this profile does not explain: it is another run of the same work.")


# ---- above the limit ----

def above(run, name, groups):
    """By group, how much more it takes than its part of the limit; with what is in no stage these add
    up to the row minus the limit."""
    parts = run.limit(name)["parts"]
    found = {label: sum(run.profile[name]["stages"][stage] for stage in members) -
             (parts[part] if part else 0) for label, part, members in groups}
    return found | {"in no stage": run.measured(name) - run.sum(name)}


def above_table(run, names, groups):
    found = {name: above(run, name, groups) for name in names
             if run.has_stages(name) and run.limit(name)}
    if not found:
        return ""
    lines = [("above the limit, ns", *found)]
    lines += [(label, *(signed(of[label]) for of in found.values()))
              for label in next(iter(found.values()))]
    lines.append(("the row minus the limit", *(signed(sum(of.values())) for of in found.values())))
    return table(*lines) + "\n"


# ---- marks that are not met ----

def principle(left, limit, usrsctp):
    """Whether a mark can be met by who aims at twice the limit."""
    at_twice = f"who takes twice the limit is at {usrsctp / limit / 2:.1f} times usrsctp's rate"
    times = f"The mark leaves {left / limit:.2f} times the limit"
    if left < limit:
        return f"{times}: it cannot be met, whatever is done, by who has the bytes of this limit"
    if left < WRONG * limit:
        return (f"{times}, which is less than {WRONG} times: as far as twice the limit is the aim, the mark is "
                f"wrong in principle, for {at_twice}")
    if left < 2 * limit:
        return f"{times}: more than {WRONG} times, and less than the aim of twice the limit ({at_twice})"
    return f"{times}, which is more than the aim of twice the limit: the mark is possible and not reached"


def greatest(differences, count=3):
    """The stages, or groups, with the most, in words."""
    most = sorted(differences.items(), key=lambda it: -it[1])[:count]
    return "; ".join(f"{label} ({ns:+,.0f} ns)" for label, ns in most if ns > 0)


def room(run, name, left):
    """What the mark would want of all that is neither copied nor summed."""
    found = run.profile[name]["stages"]
    fixed = sum(found.get(stage, 0) for stage in (stages.COPIES, stages.CHECKSUMS, stages.COOKIE))
    if left <= fixed:
        return f"Copies, checksums and cookies by themselves take {fixed:,.0f} ns, and the mark leaves less."
    share = (left - fixed) / (run.measured(name) - fixed)
    return (f"Copies, checksums and cookies take {fixed:,.0f} ns; to meet the mark, all else would have to be "
            f"done in {share:.0%} of its time.")


def beside_limit(run, row, mark):
    """The paragraph of a row that has a limit."""
    name, unit = row["name"], "an association" if row["name"] == "setup" else "a message"
    ours, usrsctp, limit = ns_of(row["ours"]), ns_of(row["peer"]), run.limit(name)
    left = usrsctp / mark
    beside = limit["figures"]  # what took turns with the limit: the row is of another time
    parts = ", ".join(f"{part} {ns:,.0f}" for part, ns in limit["parts"].items())
    text = (f"**`{name}`** is at {row['ratio']:.1f} times usrsctp's rate, and the mark is {mark:g}. It leaves "
            f"{left:,.0f} ns of usrsctp's {usrsctp:,.0f}; {unit} takes {ours:,.0f}, "
            f"{ours - left:,.0f} too many. The limit is {limit['peer']:,.0f} ns ({parts}); in turn with "
            f"it {unit} took {limit['ours'] / limit['peer']:.1f} times as long, and usrsctp "
            f"{beside['usrsctp']:,.0f}. {principle(beside['mark'], limit['peer'], beside['usrsctp'])}.")
    if not run.has_stages(name):
        return text
    groups = ASSOCIATION_GROUPS if name == "setup" else MESSAGE_GROUPS
    return (f"{text} Most above the limit: {greatest(above(run, name, groups))}. {room(run, name, left)}")


def differences(run, more, less):
    found, other = run.profile[more]["stages"], run.profile[less]["stages"]
    return {stage: ns - other[stage] for stage, ns in found.items()}


def beside_one(run, row, mark):
    """The paragraph of many active associations: what fewer visited as they are take says which part
    of the distance is the visits', and which one the caches'."""
    name, figures = row["name"], row["figures"]
    at = {int(key.removeprefix("ns at ")): ns for key, ns in figures.items() if key.startswith("ns at ")}
    one, few, many = at[1], at[16], ns_of(row["ours"])
    text = (f"**`{name}`** leaves {row['ratio']:.2f} of one association's rate, and the mark is {mark:g}: it leaves "
            f"{one / mark:,.0f} ns a message, and {many:,.0f} are taken, {many - one:,.0f} more than with one "
            f"association. With 16, which all lie in near caches and are visited as the others are, "
            f"{few:,.0f} are taken: {few - one:+,.0f} ns of the distance is what a visit for so few messages "
            f"costs, with a SACK of its own ({figures['packets at 16']:.2f} packets a message and not "
            f"{figures['packets at 1']:.2f}), and {many - few:+,.0f} ns are lines that come from far. ")
    text += (f"With caches that held all, {one / few:.2f} of one association's rate would be left: " +
             ("the mark would be met" if one / few >= mark
              else "the mark would not be met either, so that it is no matter of caches alone") + ".")
    if all(run.has_stages(each) for each in (name, f"{name}-1", f"{name}-16")):
        text += (f" From 1 to 16 most is added to: {greatest(differences(run, f'{name}-16', f'{name}-1'))}. "
                 f"From 16 to {max(at):,}: {greatest(differences(run, name, f'{name}-16'))}.")
    return text


def paragraphs(run):
    """One for each mark of a ratio that is not met."""
    found = []
    for name, row in run.rows.items():
        mark = mark_of(row)
        if mark is None or mark[1]:
            continue
        if run.limit(name):
            found.append(beside_limit(run, row, mark[0]))
        elif "figures" in row:
            found.append(beside_one(run, row, mark[0]))
        else:
            found.append(f"**`{name}`** is at {row['ratio']:.2f}, and the mark is {mark[0]:g}.")
    return "\n\n".join(found)


def crowds_table(run):
    """What a message takes with more and more associations."""
    rows = [row for name, row in run.rows.items() if name.startswith("active-") and "figures" in row]
    lines = [("associations", *(f"{row['name']}, {what}" for row in rows
                                for what in ("ns a message", "packets a message")))]
    counts = [key.removeprefix("ns at ") for row in rows[:1] for key in row["figures"]
              if key.startswith("ns at ")]
    for count in counts:
        lines.append((f"{int(count):,}", *(f"{row['figures'][key + count]:{form}}" for row in rows
                                           for key, form in (("ns at ", ",.0f"), ("packets at ", ".2f")))))
    return table(*lines) + "\n" if rows else ""
