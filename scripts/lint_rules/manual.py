"""The manual page of the configuration names the keys that the engine reads, and no others."""
import re

from .tree import Finding

CODE = "engine/main/config_sections.cc"
PAGE = "docs/man/millraced.toml.5"

_READ = re.compile(r'(?:reader\.(?!table|key_of|fail)\w+(?:<[^>]*>)?\(\s*|\(reader, )"(\w+)"')
_ITEM = re.compile(r"^\.It Cm (.*)$")


def read_keys(text):
    return {key: text.count("\n", 0, match.start()) + 1
            for match in _READ.finditer(text) for key in [match.group(1)]}


def documented_keys(text):
    return {key: number for number, line in enumerate(text.splitlines(), 1)
            for item in [_ITEM.match(line)] if item
            for key in item.group(1).split() if key != ","}


def check(tree):
    if not (tree.whole and tree.exists(CODE) and tree.exists(PAGE)):
        return []
    read, documented = read_keys(tree.text(CODE)), documented_keys(tree.text(PAGE))
    return ([Finding(CODE, line, "manual", f"`{key}` is missing in {PAGE}")
             for key, line in read.items() if key not in documented]
            + [Finding(PAGE, line, "manual", f"the engine reads no `{key}`")
               for key, line in documented.items() if key not in read])
