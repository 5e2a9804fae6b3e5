"""Words that do not belong in any tracked file, and the form of the marks of clauses."""
import re

from .tree import Finding, SOURCES

# Spelled in two parts so that this file passes its own check.
_PROMISE = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
_MACHINE = re.compile(r"(?<![\w.$}])/(wo" r"rk|ho" r"me|ro" r"ot)/")
_TEMPORARY = re.compile(r"(?<![\w.$}])/tm" r"p/")
_REGISTRY = re.compile(
    r"\b(deb\.debian|security\.debian|pypi|files\.pythonhosted|registry\.npmjs|proxy\.golang)\.org\b"
    r"|https?://[\w.-]*(artifactory|nexus|registry|mirror|proxy)[\w.-]*[/:]", re.IGNORECASE)

# Marks of clauses, which scripts/clauses reads.
_CLAUSE = re.compile(r"^\s*(//|#)=")
_CLAUSE_FORM = re.compile(r"^\s*(//|#)= (?:rfc\d+|faults) [A-Z0-9][\w.]*(#[\d,-]+)?( type=test)?$")
_MARKED = SOURCES + (".trace",)

_BINARY = (".png", ".bin", ".pcap", ".pcapng", ".gz")


def check(tree):
    findings = []
    for path in tree.files:
        if path.endswith(_BINARY) or path.startswith("tests/fuzz/seeds/"):
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            findings += [Finding(path, number, rule, text) for rule, text in _line(path, line)]
    return findings


def _line(path, line):
    promise = _PROMISE.search(line)
    if promise and not path.startswith("scripts/lint_rules/"):
        yield "promise", f"`{promise.group(0)}`: do it now, or write down why it is not done"
    if _MACHINE.search(line):
        yield "machine-path", "a path of one machine: make it relative, or an option"
    if _TEMPORARY.search(line) and not path.startswith(("tests/", "scripts/", ".ci/")):
        yield "machine-path", "a fixed temporary path: use mkdtemp, or an option"
    if _CLAUSE.match(line) and path.endswith(_MARKED):
        if not _CLAUSE_FORM.match(line):
            yield "clause", "a mark reads `//= rfc9260 6.2`, and in a test `//= rfc9260 6.2#1 type=test`"
        elif path.startswith("tests/") != line.endswith("type=test"):
            yield "clause", "`type=test` is for marks in tests, and for them alone"
    registry = _REGISTRY.search(line)
    if registry:
        yield "registry", f"`{registry.group(0)}`: packages come from wherever the machine gets them"
