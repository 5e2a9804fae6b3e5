"""The layer rule: a folder includes itself and what it stands on, and nothing else."""
import re

from .tree import Finding

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

_BASE = {"engine/base"}
_WIRE = _BASE | {"engine/wire"}
_ASSOC = _WIRE | {"engine/assoc", "engine/assoc/path", "engine/assoc/rx", "engine/assoc/tx"}

# What the files of a folder may include. The longest folder that holds a file is its layer.
# Folders that are not here (bench, tests) stand on everything.
MAY_INCLUDE = {
    "engine/base": _BASE,
    "engine/wire": _WIRE,
    "engine/assoc": _ASSOC,
    "engine/assoc/path": _ASSOC - {"engine/assoc/rx", "engine/assoc/tx"},
    "engine/assoc/rx": _ASSOC - {"engine/assoc/tx"},
    "engine/assoc/tx": _ASSOC - {"engine/assoc/rx"},
    "engine/shard": _ASSOC | {"engine/shard"},
    "engine/net": _WIRE | {"engine/net"},
    "engine/ipc": _BASE | {"engine/ipc"},
    "engine/lcore": _ASSOC | {"engine/shard", "engine/net", "engine/ipc", "engine/lcore"},
    "drivers": _WIRE | {"engine/net", "drivers"},
    "api": _BASE | {"engine/ipc", "api"},
    "engine/main": _ASSOC | {"engine/shard", "engine/net", "engine/ipc", "engine/lcore",
                             "drivers", "engine/main"},
}

# Programs like an application's: they see millrace.h and each other, by name alone.
EXAMPLES = "api/examples"

# Parts of millrace.h, which finds them beside itself where it is installed.
PUBLIC_PARTS = {"millrace_parameters.h", "millrace_paths.h"}

# Folders of one layer that must not see each other even through a third header.
NEVER_REACH = {
    "engine/assoc/rx": {"engine/assoc/tx"},
    "engine/assoc/tx": {"engine/assoc/rx"},
    "engine/assoc/path": {"engine/assoc/rx", "engine/assoc/tx"},
}

# Outside headers that only some folders may include: (what it is, pattern, folders).
OUTSIDE = (
    ("DPDK", re.compile(r"rte_"), {"drivers", "engine/main", "bench", "tests"}),
    ("spdlog", re.compile(r"spdlog/"), {"drivers", "engine/main", "bench", "tests"}),
    ("configuration and command-line libraries", re.compile(r"toml\+\+/|CLI/|nlohmann/"),
     {"engine/main", "bench", "tests"}),
)

# Headers that read clocks, do IO or start threads: not for the layers without side effects.
SANS_IO = {"engine/wire", "engine/assoc", "engine/assoc/path", "engine/assoc/rx",
           "engine/assoc/tx", "engine/shard"}
IO_HEADER = re.compile(r"sys/|unistd\.h|time\.h|poll\.h|fcntl\.h|iostream|fstream|thread|mutex"
                       r"|condition_variable|chrono|ctime|random$")


def layer_of(path):
    folders = path.split("/")[:-1]
    while folders:
        name = "/".join(folders)
        if name in MAY_INCLUDE or name == EXAMPLES:
            return name
        folders.pop()
    return path.split("/")[0]


def includes(tree, path):
    """(line, is quoted, name) of each include directive."""
    code = tree.code(path)
    for match in INCLUDE.finditer(code):
        line = code.count("\n", 0, match.start(1)) + 1
        yield line, match.group(1) == '"', match.group(2)


def check(tree):
    findings = []
    for path in tree.sources("engine", "drivers", "api", "bench"):
        layer = layer_of(path)
        for line, quoted, name in includes(tree, path):
            text = _project(tree, layer, name) if quoted else _outside(layer, name)
            if text:
                findings.append(Finding(path, line, "layer", text))
        findings += _reached(tree, path, layer)
    return findings


def _project(tree, layer, name):
    if layer == EXAMPLES:
        allowed = name == "millrace.h" or tree.exists(f"{EXAMPLES}/{name}")
        return None if allowed else f'an example sees "millrace.h" alone, not "{name}"'
    if layer == "api" and name in PUBLIC_PARTS:
        return None
    if "/" not in name or not tree.exists(name):
        # A header beside the file, or generated: the project includes from the root.
        return None if tree.exists(name) else f'"{name}" is not a path from the root'
    target = layer_of(name)
    if layer not in MAY_INCLUDE:
        return None if target != "tests" else f'{layer} may not include "{name}"'
    if target in MAY_INCLUDE[layer]:
        return None
    return f'{layer} may not include "{name}": it stands on {", ".join(sorted(MAY_INCLUDE[layer]))}'


def _outside(layer, name):
    for what, pattern, folders in OUTSIDE:
        if pattern.match(name) and layer not in folders:
            return f"<{name}>: {what} is for {', '.join(sorted(folders))} only"
    if layer in SANS_IO and IO_HEADER.match(name):
        return f"<{name}>: {layer} reads no clock, draws no entropy and does no IO"
    return None


def _reached(tree, path, layer):
    """A forbidden folder that is reached through other headers of the association."""
    forbidden = NEVER_REACH.get(layer, set())
    if not forbidden:
        return []
    seen, queue = {path}, [(path, None)]
    while queue:
        current, first_line = queue.pop()
        for line, quoted, name in includes(tree, current):
            if not quoted or name in seen or not tree.exists(name):
                continue
            seen.add(name)
            start = first_line or line
            if layer_of(name) in forbidden and current != path:
                return [Finding(path, start, "layer", f'reaches "{name}" through "{current}"')]
            queue.append((name, start))
    return []
