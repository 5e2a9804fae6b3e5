"""Words that a layer may not use: clocks, entropy, allocation, locks, virtual calls, throw."""
import re
import typing

from .tree import Finding

CORE = ("engine/wire", "engine/assoc", "engine/shard")
HOT = CORE + ("engine/net",)
ENGINE = HOT + ("engine/base", "engine/ipc", "engine/lcore")

# Cold by its name: rendering for people and reading configuration may use strings and maps.
COLD = re.compile(r"render|config")


class Ban(typing.NamedTuple):
    rule: str
    folders: tuple
    pattern: re.Pattern
    why: str
    cold_may: bool = False


BANS = (
    Ban("clock", ENGINE, re.compile(
        r"\b(clock_gettime|gettimeofday|__rdtsc|_rdtsc|rdtsc|rte_rdtsc|timespec_get)\b"
        r"|\b(system|steady|high_resolution)_clock\b|(?<![\w.>:])time\s*\(\s*(NULL|nullptr|0)"),
        "time is an argument; only the poll loop's caller reads a clock"),
    Ban("entropy", ENGINE, re.compile(
        r"\b(getrandom|getentropy)\s*\(|\b(random_device|mt19937(_64)?|srand(om)?)\b"
        r"|(?<![\w.>:])(std::)?(rand|random|[dlm]rand48)\s*\(\s*\)"),
        "random numbers are handed in, so that one seed replays everything"),
    Ban("allocation", HOT, re.compile(
        r"\bnew\b(?!\s*\()|\b(malloc|calloc|realloc|strdup|free)\s*\(|\bmake_(unique|shared)\b"),
        "nothing is allocated after start: use a slab, a pool or a fixed container"),
    Ban("container", HOT, re.compile(
        r"\bstd::(function|shared_ptr|map|multimap|unordered_map|unordered_set|set|deque|list"
        r"|string|ostringstream|stringstream)\b"),
        "allocates or calls through a pointer: use engine/base's containers", cold_may=True),
    Ban("virtual", CORE, re.compile(r"\b(virtual|override)\b"),
        "no call through a table per packet: dispatch with a switch"),
    Ban("throw", ENGINE + ("api", "drivers"), re.compile(r"\bthrow\b"),
        "a peer's fault is a counted drop, a caller's a status, ours an assertion"),
    Ban("lock", HOT + ("engine/lcore", "engine/ipc"), re.compile(
        r"\bstd::(recursive_|shared_|timed_)?mutex\b|\bstd::(lock_guard|unique_lock|scoped_lock"
        r"|condition_variable)\b|\bpthread_(mutex|rwlock|spin)_\w+|\brte_(spinlock|rwlock)_\w+"),
        "one thread owns its shard; threads speak over rings"),
    Ban("print", ENGINE, re.compile(r"\bstd::(cout|cerr|clog)\b|\bspdlog::"),
        "the data path counts, engine/main logs"),
)

_VECTOR = re.compile(r"\bstd::vector<[^;(){}]*?>\s*&?\s*(\w+)\s*(?=[;={(,)])")
_GROWTH = re.compile(r"\b(\w+)\s*(?:\.|->)\s*(push_back|emplace_back|resize|insert|assign)\s*\(")


def check(tree):
    findings = []
    for ban in BANS:
        for path in tree.sources(*ban.folders):
            if not (ban.cold_may and COLD.search(path)):
                findings += _matches(tree, path, ban)
    for path in tree.sources(*HOT):
        if not COLD.search(path):
            findings += _vector_growth(tree, path)
    return findings


def _matches(tree, path, ban):
    for number, line in enumerate(tree.code(path).split("\n"), 1):
        match = None if line.lstrip().startswith("#include") else ban.pattern.search(line)
        if match:
            word = " ".join(match.group(0).split())
            yield Finding(path, number, ban.rule, f"`{word}`: {ban.why}")


def _vector_growth(tree, path):
    """Calls that can grow a std::vector which the file or its header declares."""
    stem = path.rsplit(".", 1)[0]
    declared = set()
    for sibling in (stem + ".h", stem + ".cc"):
        if tree.exists(sibling):
            declared |= set(_VECTOR.findall(tree.code(sibling)))
    for number, line in enumerate(tree.code(path).split("\n"), 1):
        for name, verb in _GROWTH.findall(line):
            if name in declared:
                yield Finding(path, number, "vector-growth",
                              f"`{name}.{verb}` can allocate: use a fixed container, or say in "
                              "scripts/lint_rules/allowed.txt why it cannot happen after start")
