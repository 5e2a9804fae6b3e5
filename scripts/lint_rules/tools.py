"""The rules that other programs check: clang-format and clang-tidy."""
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys

from .tree import Finding

_DIAGNOSTIC = re.compile(r"^(.+?):(\d+):\d+: (?:error|warning): ")


def check_format(tree):
    """One finding for each file that clang-format would write differently, at the first place."""
    paths = tree.sources()
    if not paths:
        return []
    run = subprocess.run(["clang-format", "--dry-run", "--Werror", *paths],
                         cwd=tree.root, capture_output=True, text=True, check=False)
    lines = collections.defaultdict(set)
    for match in filter(None, map(_DIAGNOSTIC.match, run.stderr.splitlines())):
        lines[match.group(1)].add(int(match.group(2)))
    if run.returncode != 0 and not lines:
        return [Finding(paths[0], 1, "format", f"clang-format failed: {run.stderr.strip()[:200]}")]
    return [Finding(path, min(found), "format",
                    f"clang-format writes {len(found)} lines otherwise: run `clang-format -i` on it")
            for path, found in sorted(lines.items())]


def _commands(tree, build):
    """The build directory and the sources that it compiles, relative to the root."""
    folders = [build] if build else sorted(
        tree.root.glob("build*/compile_commands.json")) + sorted(
        tree.root.glob("build*/*/compile_commands.json"))
    for folder in folders:
        folder = folder.parent if folder.name == "compile_commands.json" else folder
        entries = json.loads((folder / "compile_commands.json").read_text())
        return folder, {os.path.relpath(os.path.join(entry["directory"], entry["file"]), tree.root)
                        for entry in entries}
    return None, set()


def run_tidy(tree, build):
    """clang-tidy over the tree's sources that the build directory compiles. Returns exit code."""
    folder, compiled = _commands(tree, build)
    if folder is None:
        print("lint: no build directory with a compile_commands.json; run `meson setup build`")
        return 1
    paths = [path for path in tree.sources() if path in compiled]

    def tidy(path):
        return path, subprocess.run(
            ["clang-tidy", "--quiet", "-p", str(folder), "--extra-arg=-Wno-unknown-warning-option",
             path], cwd=tree.root, capture_output=True, text=True, check=False)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (path, run) in enumerate(pool.map(tidy, paths), 1):
            print(f"tidy: {done}/{len(paths)} {path}", file=sys.stderr, flush=True)
            if run.returncode != 0:
                failed += 1
                print(run.stdout or run.stderr, flush=True)
    print(f"tidy: {len(paths)} files, {failed} with findings")
    return 1 if failed or not paths else 0
