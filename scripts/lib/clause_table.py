"""The sentences of an RFC that ask for something, the marks in the sources, and what joins them."""
import collections
import hashlib
import pathlib
import re
import typing

TABLES = "scripts/clause_tables"
FOLDERS = ("engine", "drivers", "api", "bench", "tests")
# Beside RFCs there is `faults`, of what has hit other stacks.
# `//= rfc9260 6.2` or `//= rfc9260 6.2#1`; `//= rfc9260 6.2#1,3-5 type=test`, which begins with `#=` in
# a trace.
MARK = re.compile(r"^\s*(?://|#)= (rfc\d+|faults) ([A-Z0-9][\w.]*)(?:#([\d,-]+))?( type=test)?$")
_KEYWORD = re.compile(r"\b(MUST NOT|MUST|SHALL NOT|SHALL|REQUIRED|SHOULD NOT|SHOULD"
                      r"|NOT RECOMMENDED|RECOMMENDED)\b")
_HEADING = re.compile(r"^(?:Appendix ([A-Z])\.|(\d+(?:\.\d+)*)\.) +\S")
_EXCERPT = 100


class Clause(typing.NamedTuple):
    document: str
    section: str
    ordinal: int
    level: str   # the strongest keyword
    key: str     # of the sentence: tells when the text has changed
    excerpt: str

    @property
    def name(self):
        return f"{self.section}#{self.ordinal}"

    @property
    def is_must(self):
        return self.level in ("MUST", "SHALL", "REQUIRED", "attack")


def order(clause):
    """Sorts 6.2 before 6.10, and appendices behind sections."""
    document, section = clause[0], clause[1]
    return document, [(0, int(part), "") if part.isdigit() else (1, 0, part)
                      for part in section.split(".")]


# ---- the RFC's text ----

def _excerpt(sentence, at):
    if len(sentence) <= _EXCERPT:
        return sentence
    begin = max(0, at - _EXCERPT // 2)
    text = sentence[begin:begin + _EXCERPT]
    text = text if begin == 0 else "..." + text.split(" ", 1)[-1]
    return text.rsplit(" ", 1)[0] + "..."


def _sentences(lines):
    """Of the lines of one section, each as one line."""
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        text = " ".join(paragraph.split())
        yield from re.split(r"(?<=[.:])\s+(?=[A-Z(*\d])", text)


def derive(document, text):
    """The clauses of an RFC's text: every sentence with a keyword, numbered within its section."""
    sections = collections.OrderedDict()
    current = None
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            current = heading.group(1) or heading.group(2)
            sections[current] = []
        elif current:
            sections[current].append(line)
    for section, lines in sections.items():
        ordinal = 0
        for sentence in _sentences(lines):
            found = _KEYWORD.search(sentence)
            if not found:
                continue
            ordinal += 1
            words = {match.group(1).split()[-1] if "NOT" not in match.group(1)
                     else match.group(1).split()[0].replace("NOT", "RECOMMENDED")
                     for match in _KEYWORD.finditer(sentence)}
            strongest = [word for word in ("MUST", "SHALL", "REQUIRED", "SHOULD", "RECOMMENDED")
                         if word in words][0]
            key = hashlib.sha256(sentence.encode()).hexdigest()[:8]
            yield Clause(document, section, ordinal, strongest, key,
                         _excerpt(sentence, found.start()))


def write_table(clauses):
    return "".join(f"{c.name}\t{c.level}\t{c.key}\t{c.excerpt}\n" for c in clauses)


def read_tables(root):
    """All clauses of the tables, in order."""
    clauses = []
    for path in sorted((root / TABLES).glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, level, key, excerpt = line.split("\t")
            section, ordinal = name.split("#")
            clauses.append(Clause(path.stem, section, int(ordinal), level, key, excerpt))
    return clauses


# ---- marks and exceptions ----

class Mark(typing.NamedTuple):
    document: str
    section: str
    ordinals: tuple  # empty: the section
    is_test: bool
    path: str
    line: int


def ordinals(text):
    """`1,3-5` as (1, 3, 4, 5)."""
    numbers = []
    for part in (text or "").split(","):
        if part:
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    return tuple(numbers)


def read_marks(root):
    marks = []
    for folder in FOLDERS:
        paths = [path for pattern in ("*.[hc]*", "*.trace", "*.py")
                 for path in (root / folder).rglob(pattern)]
        for path in sorted(paths):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                mark = MARK.match(line)
                if mark:
                    marks.append(Mark(mark.group(1), mark.group(2), ordinals(mark.group(3)),
                                      bool(mark.group(4)), str(path.relative_to(root)), number))
    return marks


class Exception_(typing.NamedTuple):
    document: str
    section: str
    ordinals: tuple
    reason: str
    line: int


def read_exceptions(root, name="exceptions.txt"):
    """Lines `rfc9260 6.2#1,3-5: reason`; a line that begins with blanks continues the reason."""
    path = root / TABLES / name
    entries = []
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = []  # (number, line) with what continues it
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace():
            whole[-1] = (whole[-1][0], f"{whole[-1][1]} {line.strip()}")
        else:
            whole.append((number, line))
    for number, line in whole:
        names, reason = line.split(": ", 1)
        document, *clauses = names.split()
        for clause in clauses:
            section, _, numbers = clause.partition("#")
            entries.append(Exception_(document, section, ordinals(numbers), reason, number))
    return entries


class Row(typing.NamedTuple):
    clause: Clause
    code: list          # files with a mark of the clause itself
    section: str        # if there are none: the section that has marks, its own or one around it
    section_code: list  # and their files
    tests: list
    reason: str     # of its exception, or empty
    departure: str  # when it is followed otherwise although it has a test, and why; or empty


def join(root):
    """(rows, problems): every clause with its marks, and marks that point nowhere."""
    clauses = read_tables(root)
    known = {(c.document, c.section, c.ordinal) for c in clauses}
    code = collections.defaultdict(list)
    tests = collections.defaultdict(list)
    problems = []
    documents = {c.document for c in clauses}
    for mark in read_marks(root):
        if mark.is_test and not mark.ordinals and mark.document in documents:
            problems.append(f"{mark.path}:{mark.line}: a test of {mark.document} {mark.section} "
                            "says which clauses")
        if not mark.is_test and not mark.ordinals:
            code[mark.document, mark.section].append(mark.path)
        for ordinal in mark.ordinals:
            if (mark.document, mark.section, ordinal) in known:
                found = tests if mark.is_test else code
                found[mark.document, mark.section, ordinal].append(mark.path)
            else:
                problems.append(f"{mark.path}:{mark.line}: {mark.document} has no clause "
                                f"{mark.section}#{ordinal}")
    reasons = {}
    departures = {}
    for file, found, may_have_tests in (("exceptions.txt", reasons, False),
                                        ("departures.txt", departures, True)):
        for entry in read_exceptions(root, file):
            for ordinal in entry.ordinals:
                name = (entry.document, entry.section, ordinal)
                found[name] = entry.reason
                if name not in known or bool(tests[name]) != may_have_tests:
                    fault = ("is no clause" if name not in known
                             else "has no test: it belongs to exceptions.txt" if may_have_tests
                             else "has a test: the exception must go")
                    problems.append(f"{TABLES}/{file}:{entry.line}: {entry.section}#{ordinal} "
                                    + fault)
    rows = []
    for clause in clauses:
        name = (clause.document, clause.section, clause.ordinal)
        rows.append(Row(clause, *_code_of(code, clause), sorted(set(tests[name])),
                        reasons.get(name, ""), departures.get(name, "")))
    return rows, problems


def _code_of(code, clause):
    """Files with a mark of the clause; if there are none, of its section, or of one around it."""
    exact = code.get((clause.document, clause.section, clause.ordinal))
    if exact:
        return sorted(set(exact)), "", []
    section = clause.section
    while section:
        if (clause.document, section) in code:
            return [], section, sorted(set(code[clause.document, section]))
        section = section.rpartition(".")[0]
    return [], "", []


def code_text(row):
    """Files of the clause itself; in brackets behind the section's name, those of a section."""
    shown = [pathlib.PurePath(path).name for path in (row.code or row.section_code)[:3]]
    text = ", ".join(shown) or "-"
    return f"({row.section}: {text})" if row.section else text


# ---- the table as documentation ----

_TITLES = {"rfc9260": "RFC 9260, Stream Control Transmission Protocol",
           "rfc5062": "RFC 5062, attacks on SCTP",
           "faults": "Faults that other stacks have had"}


def counts(rows):
    """{"MUST": (clauses, tested, of these otherwise in some case, excepted, open), ...} for MUST and
    for SHOULD."""
    found = {}
    for row in rows:
        kind = "attack" if row.clause.level == "attack" else (
            "MUST" if row.clause.is_must else "SHOULD")
        total, tested, departed, excepted, missing = found.get(kind, (0, 0, 0, 0, 0))
        found[kind] = (total + 1, tested + bool(row.tests), departed + bool(row.departure),
                       excepted + bool(row.reason and not row.tests),
                       missing + (not row.tests and not row.reason))
    return found


def mark_counts(rows):
    """How many clauses a document has whose code is marked (by themselves, by their section, by one
    around it only, not at all); attacks are not carried out anywhere."""
    found = [0, 0, 0, 0]
    for row in rows:
        if row.clause.level != "attack":
            found[0 if row.code else 3 if not row.section
                  else 1 if row.section == row.clause.section else 2] += 1
    return found


def marks_text(rows):
    exact, section, around, none = mark_counts(rows)
    return (f"code: {exact} clauses marked themselves, {section} by their section, {around} by one "
            f"around it only, {none} not at all")


def _cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _tests_cell(row):
    if not row.tests:
        return f"*not tested:* {_cell(row.reason)}" if row.reason else "**none**"
    shown = [pathlib.PurePath(path).name.removesuffix(".trace") for path in row.tests]
    text = ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
    return text + (f"; *otherwise:* {_cell(row.departure)}" if row.departure else "")


def render(rows):
    """docs/clauses.md."""
    lines = ["# Clauses and their tests", "",
             "Written by `scripts/clauses --write`, checked by `scripts/clauses --check`. A clause is",
             "a sentence with a key word of RFC 2119, numbered within its section. The code is what",
             "carries a mark of the clause; in brackets, what carries one of the section that is named,",
             "and may have to do with another clause of it. What has no test has a reason instead, from",
             f"`{TABLES}/exceptions.txt`. Where a clause that has tests is followed otherwise in",
             f"some case, `{TABLES}/departures.txt` says when and why.", ""]
    for document in sorted({row.clause.document for row in rows}, reverse=True):
        mine = [row for row in rows if row.clause.document == document]
        lines += [f"## {_TITLES.get(document, document)}", "",
                  "| | clauses | tested | of these otherwise in some case | with a reason instead |",
                  "| --- | --- | --- | --- | --- |"]
        lines += [f"| {kind} | {total} | {tested} | {departed} | {excepted} |"
                  for kind, (total, tested, departed, excepted, _) in sorted(counts(mine).items())]
        if sum(mark_counts(mine)):
            lines += ["", marks_text(mine).capitalize() + "."]
        lines += ["", "| clause | | what it says | code | tests |", "| --- | --- | --- | --- | --- |"]
        for row in mine:
            lines.append(f"| {row.clause.name} | {row.clause.level} | {_cell(row.clause.excerpt)} "
                         f"| {code_text(row)} | {_tests_cell(row)} |")
        lines.append("")
    return "\n".join(lines)
