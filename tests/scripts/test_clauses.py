"""Tests of scripts/clauses: what it reads of an RFC, of marks and of exceptions, and when it fails."""
import pathlib
import subprocess
import tempfile
import unittest

CLAUSES = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "clauses"

RFC = """1. Words

   The word "must" in small letters asks for nothing. A sender MUST
   count. A receiver SHOULD NOT care, and it MUST NOT ask.

6.2. Sending

   It SHALL be sent. It is RECOMMENDED to
   be quick. See Section 3.1. for more.

6.10. Bundling

   Padding is REQUIRED.
"""


class Clauses(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("rfc1.txt", RFC)
        self.write("docs/clauses.md", "")
        table = self.run_clauses("--derive", self.root / "rfc1.txt")[1]
        self.write("scripts/clause_tables/rfc1.tsv", "\n".join(table) + "\n")
        self.write("engine/a.cc", "//= rfc1 1\n  //= rfc1 6\n")
        self.write("tests/a/test_a.cc", "//= rfc1 1#1-2 type=test\n")
        self.write("tests/trace/b/c.trace", "#= rfc1 6.2#1 type=test\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def run_clauses(self, *arguments):
        run = subprocess.run([CLAUSES, "--root", self.root, *arguments],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.stderr, "")
        return run.returncode, run.stdout.splitlines()

    def excuse(self, *lines):
        self.write("scripts/clause_tables/exceptions.txt", "\n".join(lines) + "\n")

    def test_each_sentence_that_asks_is_a_clause_of_its_section(self):
        table = [line.split("\t") for line in
                 (self.root / "scripts/clause_tables/rfc1.tsv").read_text().splitlines()]
        self.assertEqual([row[:2] for row in table],
                         [["1#1", "MUST"], ["1#2", "MUST"], ["6.2#1", "SHALL"],
                          ["6.2#2", "RECOMMENDED"], ["6.10#1", "REQUIRED"]])
        self.assertEqual(table[0][3], "A sender MUST count.")
        self.assertEqual(len(table[0][2]), 8)

    def test_what_has_neither_test_nor_reason_is_named_and_fails(self):
        code, lines = self.run_clauses()
        self.assertEqual(code, 1)
        self.assertEqual(lines[:2], [
            "no test: rfc1 6.2#2 RECOMMENDED: It is RECOMMENDED to be quick.",
            "no test: rfc1 6.10#1 REQUIRED: Padding is REQUIRED."])
        self.excuse("rfc1 6.2#2 6.10#1: it is so", "  in all cases")
        self.assertEqual(self.run_clauses()[0], 0)

    def test_a_test_says_which_clauses_of_a_section_unless_its_clauses_are_not_counted(self):
        self.excuse("rfc1 6.2#2 6.10#1: it is so")
        self.write("tests/a.cc", "//= rfc2 6.2 type=test\n")
        self.assertEqual(self.run_clauses()[0], 0)
        self.write("tests/a.cc", "//= rfc1 6.2 type=test\n")
        code, lines = self.run_clauses()
        self.assertEqual(code, 1)
        self.assertEqual(lines[0], "tests/a.cc:1: a test of rfc1 6.2 says which clauses")

    def test_what_has_hit_other_stacks_is_counted_like_attacks(self):
        self.excuse("rfc1 6.2#2 6.10#1: it is so")
        self.write("scripts/clause_tables/faults.tsv", "1#1\tattack\tx\tA loop without an end.\n")
        self.assertIn("no test: faults 1#1 attack: A loop without an end.", self.run_clauses()[1])
        self.write("tests/trace/b/d.trace", "#= faults 1#1 type=test\n")
        self.assertEqual(self.run_clauses()[0], 0)
        self.run_clauses("--write")
        self.assertIn("## Faults that other stacks have had",
                      (self.root / "docs/clauses.md").read_text())

    def test_the_marks_in_the_code_are_counted_by_how_near_they_are(self):
        self.excuse("rfc1 6.2#2 6.10#1: it is so")
        self.write("engine/a.cc", "//= rfc1 1#1\n//= rfc1 6\n//= rfc1 6.10\n")
        self.assertIn("rfc1 code: 1 clauses marked themselves, 1 by their section, 2 by one around "
                      "it only, 1 not at all", self.run_clauses()[1])

    def test_a_section_without_a_mark_in_the_code_fails(self):
        self.excuse("rfc1 6.2#2 6.10#1: it is so")
        self.write("engine/a.cc", "//= rfc1 1\n")
        self.assertIn("no mark in the code: rfc1 6.2", self.run_clauses()[1])
        self.write("engine/a.cc", "//= rfc1 1\n//= rfc1 6.2\n")
        self.assertEqual(self.run_clauses()[0], 0)

    def test_marks_and_exceptions_that_point_nowhere_fail(self):
        self.excuse("rfc1 6.2#2 6.10#1: it is so")
        self.write("tests/a.trace", "#= rfc1 6.2#9 type=test\n")
        self.assertIn("tests/a.trace:1: rfc1 has no clause 6.2#9", self.run_clauses()[1])
        self.write("tests/a.trace", "")
        self.excuse("rfc1 6.2#2 6.10#1: it is so", "rfc1 7#1: never")
        self.assertIn("7#1 is no clause", self.run_clauses()[1][0])

    def test_an_exception_of_what_has_a_test_must_go(self):
        self.excuse("rfc1 6.2#1-2 6.10#1: it is so")
        code, lines = self.run_clauses()
        self.assertEqual(code, 1)
        self.assertIn("6.2#1 has a test: the exception must go", lines[0])

    def test_what_is_tested_and_followed_otherwise_says_so(self):
        self.excuse("rfc1 6.2#2 6.10#1: it is so")
        self.write("scripts/clause_tables/departures.txt", "rfc1 1#2: under a flood,\n  not\n")
        self.assertEqual(self.run_clauses()[0], 0)
        self.run_clauses("--write")
        text = (self.root / "docs/clauses.md").read_text()
        self.assertIn("test_a.cc; *otherwise:* under a flood, not |", text)
        self.assertIn("| MUST | 4 | 3 | 1 | 1 |", text)
        self.write("scripts/clause_tables/departures.txt", "rfc1 6.2#2: never\n")
        code, lines = self.run_clauses()
        self.assertEqual(code, 1)
        self.assertIn("6.2#2 has no test: it belongs to exceptions.txt", lines[0])

    def test_the_document_is_written_and_checked(self):
        self.excuse("rfc1 6.2#2 6.10#1: for a | reason")
        self.assertEqual(self.run_clauses("--check")[0], 1)
        self.assertEqual(self.run_clauses("--write"), (0, []))
        self.assertEqual(self.run_clauses("--check")[0], 0)
        text = (self.root / "docs/clauses.md").read_text()
        self.assertIn("| MUST | 4 | 3 | 0 | 1 |", text)
        self.assertIn("| 6.2#1 | SHALL | It SHALL be sent. | (6: a.cc) | c |", text)
        self.assertIn("| 1#1 | MUST | A sender MUST count. | (1: a.cc) | test_a.cc |", text)
        self.assertIn("*not tested:* for a \\| reason", text)
        self.write("tests/trace/b/d.trace", "#= rfc1 6.2#1 type=test\n")
        self.assertEqual(self.run_clauses("--check")[0], 1)

    def test_code_of_a_clause_is_told_from_code_of_its_section(self):
        self.excuse("rfc1 6.2#2 6.10#1: it is so")
        self.write("engine/b.cc", "//= rfc1 6.2#2\n//= rfc1 6.2#3\n")
        self.assertIn("engine/b.cc:2: rfc1 has no clause 6.2#3", self.run_clauses()[1])
        self.write("engine/b.cc", "//= rfc1 6.2#2\n")
        self.assertEqual(self.run_clauses()[0], 0)  # it is no test: the exception stays
        self.assertEqual(self.run_clauses("--write"), (0, []))
        text = (self.root / "docs/clauses.md").read_text()
        self.assertIn("It is RECOMMENDED to be quick. | b.cc | *not tested:*", text)
        self.assertIn("| 6.2#1 | SHALL | It SHALL be sent. | (6: a.cc) | c |", text)

    def test_a_section_is_shown_with_what_is_below_it_and_without_its_namesakes(self):
        lines = self.run_clauses("rfc1", "6.2")[1]
        self.assertEqual([line for line in lines if "#" in line.split()[0]],
                         ["6.2#1 SHALL: It SHALL be sent.",
                          "6.2#2 RECOMMENDED: It is RECOMMENDED to be quick."])
        self.assertIn("rfc1 6.2: tests/trace/b/c.trace:1", lines)
        self.assertEqual(self.run_clauses("rfc1", "6.1")[1], [])
        self.assertEqual(sum("#" in line.split()[0] for line in self.run_clauses("rfc1", "6")[1]),
                         3)


if __name__ == "__main__":
    unittest.main()
