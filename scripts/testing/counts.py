"""What a test program's output says: how many cases passed, failed and were skipped."""
import re
import typing

SKIPPED_CODE = 77  # the exit code by which a test says that it cannot run here

_CATCH_ALL = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)", re.MULTILINE)
_CATCH_SOME = re.compile(r"^test cases: +(\d+)((?: \| +\d+ [a-z ]+)*)\s*$", re.MULTILINE)
_CATCH_PART = re.compile(r"\| +(\d+) (passed|failed as expected|failed)")
_UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
_UNITTEST_PART = re.compile(r"(failures|errors|unexpected successes|skipped)=(\d+)")
_CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", re.MULTILINE)


class Counts(typing.NamedTuple):
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Counts(*(mine + theirs for mine, theirs in zip(self, other)))

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


FAILED = Counts(failed=1)


def _never_silent(counts, code):
    """A program that fails without a failed case, or ran nothing, is a failure by itself."""
    if (code != 0 and counts.failed == 0) or sum(counts) == 0:
        return counts + FAILED
    return counts


def of_catch(output, code):
    """The console reporter of Catch2; a program that died before its summary counts as failed."""
    every = _CATCH_ALL.findall(output)
    if every:
        return _never_silent(Counts(passed=int(every[-1])), code)
    some = _CATCH_SOME.findall(output)
    if not some:
        return FAILED
    parts = {name: int(count) for count, name in _CATCH_PART.findall(some[-1][1])}
    passed = parts.get("passed", 0) + parts.get("failed as expected", 0)
    return _never_silent(Counts(passed, parts.get("failed", 0)), code)


def of_unittest(output, code):
    ran = _UNITTEST.findall(output)
    if not ran:
        return FAILED
    parts = {name: int(count) for name, count in _UNITTEST_PART.findall(output)}
    skipped = parts.pop("skipped", 0)
    failed = sum(parts.values())
    return _never_silent(Counts(int(ran[-1]) - failed - skipped, failed, skipped), code)


def of_closing_line(output, code):
    """A runner that ends with `N passed, N failed, N skipped`."""
    lines = _CLOSING.findall(output)
    if not lines:
        return FAILED
    return _never_silent(Counts(*(int(count or 0) for count in lines[-1])), code)


def of_exit_code(output, code):
    """A program that is one test."""
    del output
    if code == SKIPPED_CODE:
        return Counts(skipped=1)
    return Counts(passed=1) if code == 0 else FAILED
