"""Manual pages name the keys, options and commands that the code reads, and no others."""
import re
import typing

from .tree import Finding

_OPTION = re.compile(r'add_(?:option|flag)\w*(?:<\w+>)?\(\s*"!?--([\w-]+)"')
_OPTION_ITEM = re.compile(r"(?:^\.|\s)(?:Op |It )?Fl -([\w-]+)")


class Pair(typing.NamedTuple):
    what: str
    code: str
    read: re.Pattern        # finds a name in the code
    page: str
    documented: re.Pattern  # finds names on a line of the page
    own: frozenset = frozenset()  # names that a library adds by itself
    also: tuple = ()              # more files of the code


_BUILT_IN = frozenset({"version", "help"})

PAIRS = (
    Pair("key", "engine/main/config_sections.cc",
         re.compile(r'(?:reader\.(?!table|key_of|fail)\w+(?:<[^>]*>)?\(\s*|\(reader, )"(\w+)"'),
         "docs/man/millraced.toml.5", re.compile(r"^\.It Cm (.*)$")),
    Pair("option", "engine/main/millraced.cc", _OPTION,
         "docs/man/millraced.8", _OPTION_ITEM, _BUILT_IN),
    Pair("option", "engine/main/ctl/millracectl.cc", _OPTION,
         "docs/man/millracectl.8", _OPTION_ITEM, _BUILT_IN),
    Pair("command", "engine/main/ctl/millracectl.cc",
         re.compile(r'^ +\{"([a-z-]+)",|add_subcommand\("([a-z-]+)"', re.MULTILINE),
         "docs/man/millracectl.8", re.compile(r"^\.It Cm ([\w-]+)")),
    Pair("option", "bench/compare_command.cc", _OPTION,
         "docs/man/millrace-bench.1", _OPTION_ITEM, _BUILT_IN,
         ("bench/client_command.cc", "bench/flood_command.cc", "bench/report_command.cc",
          "bench/server_command.cc",
          "bench/traffic_options.cc")),
    Pair("command", "bench/main.cc", re.compile(r'^  add\("([a-z]+)"', re.MULTILINE),
         "docs/man/millrace-bench.1", re.compile(r"^\.It Cm ([\w-]+)")),
)


def read_names(pair, text):
    """{name: line} of the code."""
    return {next(filter(None, match.groups())): text.count("\n", 0, match.start()) + 1
            for match in pair.read.finditer(text)}


def documented_names(pair, text):
    """{name: line} of the page; one item may have several, separated by commas."""
    return {name: number for number, line in enumerate(text.splitlines(), 1)
            for match in pair.documented.finditer(line)
            for name in match.group(1).split() if name != ","}


def check_pair(tree, pair):
    documented = documented_names(pair, tree.text(pair.page))
    findings, known = [], set(pair.own)
    for code in (pair.code, *pair.also):
        read = read_names(pair, tree.text(code))
        known |= read.keys()
        findings += [Finding(code, line, "manual", f"{pair.what} `{name}` is missing in {pair.page}")
                     for name, line in read.items() if name not in documented]
    return findings + [Finding(pair.page, line, "manual", f"there is no {pair.what} `{name}`")
                       for name, line in documented.items() if name not in known]


def check(tree):
    if not tree.whole:
        return []
    return [finding for pair in PAIRS if tree.exists(pair.code) and tree.exists(pair.page)
            for finding in check_pair(tree, pair)]
