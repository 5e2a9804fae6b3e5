"""Builds and runs the tests; scripts/test is how to start it.

Stages, in order:
  lint   the rules of scripts/lint, the table of clauses, and the tests of the scripts
  unit   every meson test under AddressSanitizer and UndefinedBehaviorSanitizer
  plain  the meson tests of suites `plain` and `sim` without sanitizers: what they would change, and
         thousands of simulated seeds; then what a message costs in instructions, against
         bench/instructions.txt
  tsan   the meson tests of suite `threads` under ThreadSanitizer
  fuzz   each target of tests/fuzz for a short time, from its committed seeds
  e2e    tests/e2e/run: the engine in network namespaces with peers that are not ours (root)
  memory the cases of tests/sockets_suite with the sockets' library under AddressSanitizer,
         LeakSanitizer and UBSan, and a tenth of them under valgrind, of each commit another
         (scripts/memcheck); and what other descriptors pay for the library (scripts/ordinary)
  tidy   clang-tidy over all sources; only when asked for (`--only tidy`)
"""
import argparse
import concurrent.futures
import os
import re
import sys
import tempfile

sys.dont_write_bytecode = True

import builds  # noqa: E402
import counts  # noqa: E402
import findings  # noqa: E402
from counts import Counts, FAILED  # noqa: E402
from process import LOGS, ROOT, run, say, show, without_address_randomization  # noqa: E402

TEST_SECONDS_MAX = 600
E2E_SECONDS_MAX = 1200
# They wait more than they work, for timers and for kernels that start: the others run beside them.
E2E_THAT_WAIT = "(endurance|failover|kernel|programs):"
PYTHON = "/usr/bin/python3"
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1",
}


def judge(name, result, count):
    """Counts a finished program, says how it went, and shows what it printed if it failed."""
    counted = count(result.output, result.code)
    say(f"{name}: {counted} ({result.seconds:.1f} s)")
    if counted.failed:
        show(result.tail())
        say(f"{name}: exit code {result.code}, all of it in {LOGS.relative_to(ROOT)}")
        findings.keep(name, result.output)
    return counted


def in_parallel(jobs):
    """Runs functions without arguments on all cores and adds up their counts."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(lambda job: job(), jobs), Counts())


def counting_of(test):
    """A program test_* is one of Catch2's; one of suite `counted` says at its end what passed."""
    if os.path.basename(test["cmd"][0]).startswith("test_"):
        return counts.of_catch
    is_counted = any(suite.endswith("counted") for suite in test["suite"])
    return counts.of_closing_line if is_counted else counts.of_exit_code


def meson_stage(stage, build, tests):
    """Builds and runs meson tests of a build directory."""
    if not tests:
        say(f"{stage}: no tests")
        return FAILED
    targets = sorted({builds.target_of(test, build) for test in tests} - {None})
    if not builds.build(build, targets):
        return FAILED
    prefix = [] if build == "plain" else without_address_randomization()

    def job(test):
        name = f"{stage} {test['name']}"
        result = run(name.replace(" ", "-").replace("/", "-"), prefix + test["cmd"],
                     TEST_SECONDS_MAX, {**SANITIZER_OPTIONS, **test["env"]})
        return judge(name, result, counting_of(test))

    # The simulator's take the longest: begun last, one of them would leave the other cores idle.
    tests.sort(key=lambda test: not any(suite.endswith(":sim") for suite in test["suite"]))
    return in_parallel([lambda test=test: job(test) for test in tests])


def lint(options):
    del options
    total = judge("lint rules", run("lint", ["scripts/lint"], TEST_SECONDS_MAX),
                  counts.of_exit_code)
    total += judge("clauses", run("clauses", ["scripts/clauses", "--check"], TEST_SECONDS_MAX),
                   counts.of_exit_code)
    for path in sorted(ROOT.glob("tests/*/test_*.py")):
        if path.parent.name != "e2e":
            name = path.stem.replace("test_", "scripts ")
            total += judge(name, run(path.stem, [PYTHON, path], TEST_SECONDS_MAX),
                           counts.of_unittest)
    return total


def unit(options):
    del options
    tests = [test for test in builds.tests("asan")
             if not any(suite.endswith(":plain") for suite in test["suite"])]
    return meson_stage("unit", "asan", tests)


def plain(options):
    del options
    total = meson_stage("plain", "plain", builds.tests("plain", {"plain", "sim"}))
    result = run("instructions", ["scripts/instructions", "--build", builds.folder("plain")],
                 TEST_SECONDS_MAX)
    return total + judge("instructions", result, counts.of_exit_code)


def tsan(options):
    del options
    return meson_stage("tsan", "tsan", builds.tests("tsan", {"threads"}))


def fuzz(options):
    if not builds.build("asan", ["fuzz-targets"]):
        return FAILED
    programs = sorted(path for path in (builds.folder("asan") / "tests/fuzz").glob("fuzz_*")
                      if path.is_file() and os.access(path, os.X_OK))
    prefix = without_address_randomization()

    def count(output, code):
        executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
        if executed:
            say(f"  {int(executed.group(1)):,} inputs")
        ran = executed is not None and int(executed.group(1)) > 0
        return Counts(passed=1) if code == 0 and ran else FAILED

    def job(program):
        target = program.name.removeprefix("fuzz_")
        seeds = ROOT / "tests/fuzz/seeds" / target
        with tempfile.TemporaryDirectory() as corpus:
            result = run(program.name, [
                *prefix, program, f"-max_total_time={options.fuzz_seconds}", "-timeout=10",
                "-rss_limit_mb=4096", "-print_final_stats=1", f"-artifact_prefix={LOGS}/",
                corpus, *([seeds] if seeds.is_dir() else [])],
                options.fuzz_seconds + TEST_SECONDS_MAX, SANITIZER_OPTIONS)
        return judge(f"fuzz {target}", result, count)

    return in_parallel([lambda program=program: job(program) for program in programs]) \
        if programs else FAILED


def e2e(options):
    del options
    runner = ROOT / "tests/e2e/run"
    if not runner.exists():
        say("e2e: tests/e2e/run is missing")
        return FAILED
    if not builds.build("plain", builds.users_targets("plain")):
        return FAILED

    def job(name, tests):
        result = run(name, [runner, "--build", builds.folder("plain"), "--only", tests],
                     E2E_SECONDS_MAX, on_line=lambda line: say("e2e: " + line.rstrip()))
        return judge(name, result, counts.of_closing_line)

    return in_parallel([lambda: job("e2e", f"^(?!{E2E_THAT_WAIT})"),
                        lambda: job("e2e-that-wait", f"^{E2E_THAT_WAIT}")])


def memory(options):
    del options
    if not builds.build("plain", builds.users_targets("plain")):
        return FAILED
    if not builds.build("asan", builds.files_of("asan", "millrace-sctp")):
        return FAILED
    memcheck = [ROOT / "scripts/memcheck", "--build", builds.folder("plain")]

    def job(name, *words):
        result = run(name, [*memcheck, *words], TEST_SECONDS_MAX)
        return judge(name, result, counts.of_closing_line)

    def ordinary():
        result = run("ordinary", [ROOT / "scripts/ordinary", "--build", builds.folder("plain")],
                     TEST_SECONDS_MAX)
        return judge("ordinary", result, counts.of_closing_line)

    return in_parallel([lambda: job("sanitized-suite", "--sanitized", builds.folder("asan")),
                        lambda: job("valgrind-suite", "--every", "10"), ordinary])


def tidy(options):
    del options
    if not builds.build("plain"):
        return FAILED
    result = run("tidy", ["scripts/lint", "--tidy", "--build", builds.folder("plain")],
                 3 * TEST_SECONDS_MAX)
    return judge("tidy", result, counts.of_exit_code)


STAGES = {"lint": lint, "unit": unit, "plain": plain, "tsan": tsan, "fuzz": fuzz, "e2e": e2e,
          "memory": memory, "tidy": tidy}
QUICK = ("lint", "unit")


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/test", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only " + " and ".join(QUICK))
    parser.add_argument("--only", action="append", choices=STAGES, help="only this stage")
    parser.add_argument("--fuzz-seconds", type=int, default=10, help="per fuzz target")
    parser.add_argument("--build-only", choices=builds.SETUPS, help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build_only:
        return 0 if builds.build(options.build_only, options.targets) else 1

    default = QUICK if options.quick else [name for name in STAGES if name != "tidy"]
    total = Counts()
    for name in options.only or default:
        total += STAGES[name](options)
    say("done")
    findings.show_all()
    print(total, flush=True)
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
