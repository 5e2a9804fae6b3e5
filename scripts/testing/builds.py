"""The build directories of the tests, each configured and brought up to date on demand."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from process import FOLDER, LOGS, ROOT, run, say, show

BUILD_SECONDS_MAX = 1800

# The plain build is where warnings are errors: sanitizers make gcc 12 warn of what is not there, and
# what clang warns of beyond that is a matter of `scripts/lint --tidy`. Programs of tests that run
# under sanitizers only are held to it where developers build all (`meson setup build`): a second
# compilation of them here would cost minutes.
_SANITIZED = ["-Doptimization=0", "-Ddebug=true", "-Db_lundef=false", "-Dwerror=false"]

# One build of clang's serves the unit tests under AddressSanitizer and the fuzz targets: both want
# the whole engine, and a second compilation of it would cost minutes.
SETUPS = {
    "plain": [],
    "asan": [*_SANITIZED, "-Db_sanitize=address,undefined", "-Dfuzz=true"],
    "tsan": [*_SANITIZED, "-Db_sanitize=thread", "-Dcpp_args=-Wno-maybe-uninitialized"],
}
# Meson finds ccache by itself only for the default compiler.
_CCACHE = "ccache " if shutil.which("ccache") else ""
ENVIRONMENTS = {"asan": {"CC": f"{_CCACHE}clang", "CXX": f"{_CCACHE}clang++"}}

_NINJA = re.compile(r"^\[(\d+)/(\d+)\]")


def folder(name):
    return FOLDER / name


def _configure(name):
    """Makes the build directory, or brings its build files up to date with the tree's."""
    where = folder(name)
    command = ["meson", "setup", where, ROOT, *SETUPS[name]]
    if (where / "build.ninja").exists():
        command = ["ninja", "-C", where, "build.ninja"]
    result = run(f"setup-{name}", command, BUILD_SECONDS_MAX, ENVIRONMENTS.get(name))
    if result.code != 0:
        say(f"{name}: meson setup failed")
        show(result.tail())
    return result.code == 0


class _Progress:
    """Says every ten seconds how far ninja is."""

    def __init__(self, name):
        self._name = name
        self._said = time.monotonic()

    def __call__(self, line):
        step = _NINJA.match(line)
        if step and time.monotonic() - self._said > 10:
            self._said = time.monotonic()
            say(f"build {self._name}: {step.group(1)} of {step.group(2)}")


def _first_error(result, lines_max=40):
    """What ninja printed from its first failed step on."""
    lines = result.output.splitlines()
    failed = [number for number, line in enumerate(lines) if line.startswith("FAILED: ")]
    begin = failed[0] if failed else max(0, len(lines) - lines_max)
    return "\n".join(lines[begin:begin + lines_max])


def build(name, targets=()):
    """Brings targets (all, if none are named) up to date; True when that worked."""
    say(f"build {name}: start")
    if not _configure(name):
        return False
    command = ["ninja", "-C", folder(name), f"-j{os.cpu_count()}", *targets]
    result = run(f"build-{name}", command, BUILD_SECONDS_MAX, on_line=_Progress(name))
    if result.code != 0:
        say(f"build {name}: FAILED, all of it in {LOGS.relative_to(ROOT)}/build-{name}.log")
        show(_first_error(result))
        return False
    say(f"build {name}: done in {result.seconds:.0f} s")
    return True


def tests(name, suites=None):
    """The meson tests of a build directory, of these suites if any are named; [] if it has none."""
    if not _configure(name):
        return []
    listing = subprocess.run(["meson", "introspect", "--tests", folder(name)], cwd=ROOT,
                             check=True, capture_output=True, text=True)
    return [test for test in json.loads(listing.stdout)
            if suites is None or suites & {suite.split(":")[-1] for suite in test["suite"]}]


def _targets(name):
    """Meson's targets of a build directory, each with what ninja calls its files; [] if it has none."""
    if not _configure(name):
        return []
    listing = subprocess.run(["meson", "introspect", "--targets", folder(name)], cwd=ROOT,
                             check=True, capture_output=True, text=True)
    return [{**target, "files": [str(pathlib.Path(file).relative_to(folder(name)))
                                 for file in target["filename"]]}
            for target in json.loads(listing.stdout)]


def files_of(name, target):
    """What ninja calls the files of one target."""
    return [file for one in _targets(name) if one["name"] == target for file in one["files"]]


def users_targets(name):
    """What ninja calls all that users get, and the programs of the end-to-end tests: everything but
    the programs of the other tests."""
    left_out = {path for path in ROOT.glob("tests/*") if path.name != "e2e"}
    return [file for target in _targets(name) if target["build_by_default"]
            and not left_out & set(pathlib.Path(target["defined_in"]).parents)
            for file in target["files"]]


def target_of(test, name):
    """What ninja calls the program of a test; None for one that is not built."""
    program = pathlib.Path(test["cmd"][0])
    if folder(name) in program.parents:
        return str(program.relative_to(folder(name)))
    return None
