"""Tests of what scripts/test says once more at its end."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "testing"))

import findings  # noqa: E402


class TellingLines(unittest.TestCase):
    def test_an_end_to_end_test_is_named_with_its_cause(self):
        output = ("passed     1.0 s  a: one\n"
                  "failed     1.4 s  a: two\n"
                  "      raise AssertionError(text)\n"
                  "    AssertionError: 3 bad checksums\n"
                  "1 passed, 1 failed, 0 skipped\n")
        self.assertEqual(findings.telling_lines(output),
                         ["failed     1.4 s  a: two", "    AssertionError: 3 bad checksums"])

    def test_an_assertion_of_catch2_is_named_with_its_place(self):
        output = "----\nx.cc:12: FAILED:\n  REQUIRE( a )\n"
        self.assertEqual(findings.telling_lines(output), ["x.cc:12: FAILED:"])

    def test_a_program_that_says_nothing_telling_shows_its_end(self):
        output = "\n".join(str(number) for number in range(9))
        self.assertEqual(findings.telling_lines(output), ["6", "7", "8"])

    def test_a_thousand_failures_do_not_hide_the_rest(self):
        output = "x.cc:1: FAILED:\n" * 1000
        self.assertEqual(len(findings.telling_lines(output)), findings.LINES_MAX)


if __name__ == "__main__":
    unittest.main()
