"""The size ratchet: limits for files and functions, and exceptions that may only shrink."""
import json
import subprocess

from .tree import Finding, SOURCES

RATCHET = "scripts/lint_rules/ratchet.json"
MEASURED = SOURCES + (".py",)
HOW_TO = "split it"


def _is_measured(path):
    return path.endswith(MEASURED) or path in ("scripts/lint", "scripts/clauses", "tests/e2e/run")


def read(tree):
    """{"file_lines": {"limit", "exceptions"}, "function_lines": {...}}"""
    return json.loads(tree.text(RATCHET))


def file_lines(tree):
    """{path: (line to report, lines)}"""
    return {path: (1, len(tree.text(path).splitlines()))
            for path in tree.files if _is_measured(path)}


def function_lines(tree):
    """{"path function": (line it starts at, lines)}, the longest where a name is overloaded."""
    paths = [path for path in tree.files if _is_measured(path)]
    if not paths:
        return {}
    tags = subprocess.run(
        ["ctags", "-L", "-", "-f", "-", "--output-format=json", "--fields=+neS",
         "--languages=C,C++,Python", "--langmap=C++:+.h", "--kinds-C++=f", "--kinds-C=f",
         "--kinds-Python=fm"],
        cwd=tree.root, input="\n".join(paths), check=True, capture_output=True, text=True)
    sizes = {}
    for line in tags.stdout.splitlines():
        tag = json.loads(line)
        if "end" not in tag:
            continue
        scope = f"{tag['scope']}::" if "scope" in tag and "__anon" not in tag["scope"] else ""
        name = f"{tag['path']} {scope}{tag['name']}"
        size = (tag["line"], tag["end"] - tag["line"] + 1)
        if size[1] > sizes.get(name, (0, 0))[1]:
            sizes[name] = size
    return sizes


def measure(tree):
    return {"file_lines": file_lines(tree), "function_lines": function_lines(tree)}


def check(tree):
    findings = []
    ratchet = read(tree)
    for kind, sizes in measure(tree).items():
        limit, exceptions = ratchet[kind]["limit"], ratchet[kind]["exceptions"]
        for name, (line, size) in sizes.items():
            text = _verdict(name, size, limit, exceptions.get(name))
            if text:
                findings.append(Finding(name.split()[0], line, kind.replace("_", "-"), text))
        if tree.whole:
            findings += [Finding(RATCHET, 1, kind.replace("_", "-"),
                                 f"{name} is gone: run `scripts/lint --lower`")
                         for name in exceptions if name not in sizes]
    return findings


def _verdict(name, size, limit, exception):
    """What is wrong with a size, or None."""
    what = name.split(" ", 1)[-1]
    if exception is None:
        return f"{what} has {size} lines, the limit is {limit}: {HOW_TO}" if size > limit else None
    if size > exception:
        return f"{what} grew from {exception} to {size} lines, and exceptions only shrink: {HOW_TO}"
    if size < exception:
        return f"{what} shrank from {exception} to {size} lines: run `scripts/lint --lower`"
    return None


def lower(tree):
    """Takes exceptions down to what the tree reaches; never up. Returns the exit code."""
    ratchet = read(tree)
    for kind, sizes in measure(tree).items():
        limit = ratchet[kind]["limit"]
        ratchet[kind]["exceptions"] = {
            name: min(allowed, sizes[name][1])
            for name, allowed in sorted(ratchet[kind]["exceptions"].items())
            if name in sizes and sizes[name][1] > limit}
    (tree.root / RATCHET).write_text(json.dumps(ratchet, indent=2) + "\n", encoding="utf-8")
    print(f"lint: wrote {RATCHET}")
    return 0
