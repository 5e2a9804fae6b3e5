"""docs/sockets.md has a row for each socket option, which says of get and set what the code does and
names tests that have the option."""
import re

from .tree import Finding

PAGE = "docs/sockets.md"
CODE = "api/sockets/options.cc"
CALLS = "api/sockets/calls.cc"
HEADER = "api/millrace/sctp_options.h"

_ROW = re.compile(r"^\| ((?:S[OC]|IP)[A-Z0-9_]+(?:, [A-Z0-9_]+)*) \| (\S+) \|.*\| (.*) \|$")
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


def check_tests(tree, number, names, tests):
    texts = {test: tree.text(f"tests/{test}.cc") for test in tests
             if tree.exists(f"tests/{test}.cc")}
    findings = [Finding(PAGE, number, "options", f"there is no tests/{test}.cc")
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
    return findings + [Finding(PAGE, 1, "options", f"{name} has no row in the table of options")
                       for name in sorted({*code, *declared} - seen.keys())]
