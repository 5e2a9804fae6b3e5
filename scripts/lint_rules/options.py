"""docs/sockets.md has a row for each socket option, which says of get and set what the code does and
names tests that have the option. Rows of calls and notifications name tests that have them too."""
import re

from .tree import Finding

PAGE = "docs/sockets.md"
CODE = "api/sockets/options.cc"
CALLS = "api/sockets/calls.cc"
HEADER = "api/millrace/sctp_options.h"

_ROW = re.compile(r"^\| ((?:S[OC]|IP)[A-Z0-9_]+(?:, [A-Z0-9_]+)*) \| (\S+) \|.*\| (.*) \|$")
_CALLS = re.compile(r"^\| ([a-z][a-z0-9_]+(?:,? [A-Za-z0-9_]+)*) \| [^|]+ \|(.*)\| (`.*`) \|$")
_NOTIFICATION = re.compile(r"^\| ((?:SCTP_[A-Z_]+(?:, )?)+) \|([^|]*)\| (`[^|]*`) \|$")
_NO_NAMES = {"ioctl", "control", "messages"}
_ENTRY = re.compile(r"\{((?:SO|SCTP|IP|IPV6)_\w+),\s*[^,]+,\s*(O::\w+|nullptr)(?:<\w+>)?,"
                    r"\s*(O::\w+|nullptr)(?:<\w+>)?(?:,\s*true)?\}")
_STORED = re.compile(r"constexpr int kStored\w+\[\] = \{([^}]*)\}")
_ALIAS = re.compile(r"name == (\w+)\) name = (\w+);")
_CALL = re.compile(r"name == (SCTP_SOCKOPT_\w+)")
_NUMBER = re.compile(r"^#define (SCTP_\w+) \d+\b", re.MULTILINE)
_WORDS = {(True, True): "both", (True, False): "get", (False, True): "set"}


def served(code, calls):
    """{option: both, get or set} of the code."""
    found = {name: _WORDS[getter != "nullptr", setter != "nullptr"]
             for name, getter, setter in _ENTRY.findall(code)}
    for names in _STORED.findall(code):
        found.update({name: "both" for name in re.findall(r"\w+", names)})
    found.update({alias: "set" for alias, _ in _ALIAS.findall(code)})
    getting = calls.find("\nint getsockopt("), calls.find("\nint setsockopt(")
    for match in _CALL.finditer(calls):
        found[match.group(1)] = "get" if getting[0] < match.start() < getting[1] else "set"
    return found


def rows(text):
    """(line, options, get and set, tests) of the table."""
    for number, line in enumerate(text.splitlines(), 1):
        row = _ROW.match(line)
        if row:
            yield number, row.group(1).split(", "), row.group(2), re.findall(r"`([^`]+)`", row[3])


def calls(text):
    """(line, names, tests) of the tables of calls and of notifications, with the constants that the
    remarks tell of."""
    for number, line in enumerate(text.splitlines(), 1):
        row = _CALLS.match(line) or _NOTIFICATION.match(line)
        if row:
            names = set(re.findall(r"\w+", row[1])) - _NO_NAMES
            names |= set(re.findall(r"\b(?:SCTP|MSG)_[A-Z0-9_]+", row[2]))
            yield number, sorted(names), re.findall(r"`([^`]+)`", row[3])


def file_of(tree, test):
    return next((path for path in (f"tests/{test}.cc", f"tests/{test}.py") if tree.exists(path)), None)


def check_tests(tree, number, names, tests):
    files = {test: file_of(tree, test) for test in tests}
    texts = {test: tree.text(path) for test, path in files.items() if path}
    findings = [Finding(PAGE, number, "options", f"there is no tests/{test}")
                for test in tests if test not in texts]
    return findings + [Finding(PAGE, number, "options", f"none of the row's tests has {name}")
                       for name in names
                       if not any(re.search(rf"\b{name}\b", text) for text in texts.values())]


def check(tree):
    if not tree.whole or not all(map(tree.exists, (PAGE, CODE, CALLS, HEADER))):
        return []
    code = served(tree.text(CODE), tree.text(CALLS))
    # The numbers of options stand before the first structure.
    declared = _NUMBER.findall(tree.text(HEADER).partition("\nstruct ")[0])
    findings, seen = [], {}
    for number, names, word, tests in rows(tree.text(PAGE)):
        findings += check_tests(tree, number, names, tests)
        for name in names:
            if name in seen:
                findings.append(Finding(PAGE, number, "options", f"{name} has a row already"))
            seen[name] = number
            if code.get(name, "-") != word:
                findings.append(Finding(PAGE, number, "options",
                                        f"{name}: the code serves `{code.get(name, '-')}`"))
    for number, names, tests in calls(tree.text(PAGE)):
        findings += check_tests(tree, number, names, tests)
    return findings + [Finding(PAGE, 1, "options", f"{name} has no row in the table of options")
                       for name in sorted({*code, *declared} - seen.keys())]
