"""Tests of how scripts/test counts: from real output of the programs that it runs."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "testing"))

import counts  # noqa: E402
import process  # noqa: E402
from counts import Counts, FAILED  # noqa: E402


class Catch(unittest.TestCase):
    def test_all_passed(self):
        line = "All tests passed (26 assertions in 9 test cases)\n"
        self.assertEqual(counts.of_catch(line, 0), Counts(passed=9))
        line = "All tests passed (1 assertion in 1 test case)\n"
        self.assertEqual(counts.of_catch(line, 0), Counts(passed=1))

    def test_some_failed(self):
        summary = ("test cases: 12 | 9 passed | 2 failed | 1 failed as expected\n"
                   "assertions: 40 | 37 passed | 3 failed\n")
        self.assertEqual(counts.of_catch(summary, 2), Counts(passed=10, failed=2))

    def test_a_program_that_dies_has_failed(self):
        self.assertEqual(counts.of_catch("==1==ERROR: AddressSanitizer", 1), FAILED)
        line = "All tests passed (26 assertions in 9 test cases)\n==1==ERROR: LeakSanitizer\n"
        self.assertEqual(counts.of_catch(line, 1), Counts(passed=9, failed=1))

    def test_a_program_that_runs_nothing_has_failed(self):
        self.assertEqual(counts.of_catch("No tests ran\n", 0), FAILED)
        self.assertEqual(counts.of_catch("", 0), FAILED)


class Others(unittest.TestCase):
    def test_unittest(self):
        self.assertEqual(counts.of_unittest("Ran 36 tests in 3.9s\n\nOK\n", 0), Counts(36))
        output = "Ran 9 tests in 1s\n\nFAILED (failures=2, errors=1, skipped=3)\n"
        self.assertEqual(counts.of_unittest(output, 1), Counts(3, 3, 3))
        self.assertEqual(counts.of_unittest("Ran 0 tests in 0.0s\n\nOK\n", 0), FAILED)
        self.assertEqual(counts.of_unittest("Traceback\n", 1), FAILED)

    def test_closing_line(self):
        self.assertEqual(counts.of_closing_line("x\n7 passed, 0 failed, 2 skipped\n", 0),
                         Counts(7, 0, 2))
        self.assertEqual(counts.of_closing_line("7 passed, 1 failed\n", 1), Counts(7, 1))
        self.assertEqual(counts.of_closing_line("7 passed, 0 failed\n", 1), Counts(7, 1))
        self.assertEqual(counts.of_closing_line("0 passed, 0 failed\n", 0), FAILED)
        self.assertEqual(counts.of_closing_line("died\n", 0), FAILED)

    def test_exit_code(self):
        self.assertEqual(counts.of_exit_code("", 0), Counts(passed=1))
        self.assertEqual(counts.of_exit_code("", 77), Counts(skipped=1))
        self.assertEqual(counts.of_exit_code("", -11), FAILED)


class Process(unittest.TestCase):
    def test_a_program_over_its_time_is_ended_with_its_children(self):
        result = process.run("test-limit", ["bash", "-c", "echo begun; sleep 60 & sleep 60"], 1)
        self.assertEqual(result.code, process.TIMED_OUT)
        self.assertIn("begun", result.output)
        self.assertLess(result.seconds, 20)

    def test_output_and_exit_code_come_back(self):
        result = process.run("test-echo", ["bash", "-c", "echo out; echo err >&2; exit 3"], 10)
        self.assertEqual(result.code, 3)
        self.assertEqual(result.output, "out\nerr\n")


if __name__ == "__main__":
    unittest.main()
