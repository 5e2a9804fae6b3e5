"""Tests of scripts/clauses: what it finds of marks, and in what order."""
import pathlib
import subprocess
import tempfile
import unittest

CLAUSES = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "clauses"


class Clauses(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write("engine/assoc/data.cc", "//= rfc9260 6.10\n\n  //= rfc9260 6.2\n//= rfc9260 A\n")
        self.write("tests/assoc/test_data.cc", "//= rfc9260 6.2 type=test\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def run_clauses(self, *arguments):
        run = subprocess.run([CLAUSES, "--root", self.root, *arguments],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.stderr, "")
        return run.returncode, run.stdout.splitlines()

    def test_clauses_come_in_the_order_of_the_document(self):
        lines = self.run_clauses()[1]
        self.assertEqual([line.split()[1] for line in lines[::2]], ["6.2", "6.10", "A"])
        self.assertIn("tests/assoc/test_data.cc", lines[1])
        self.assertTrue(lines[3].endswith("tests: -"))

    def test_a_clause_is_found_with_its_places_and_not_with_its_namesakes(self):
        self.assertEqual(self.run_clauses("rfc9260", "6.2")[1],
                         ["rfc9260 6.2: engine/assoc/data.cc:3",
                          "rfc9260 6.2: tests/assoc/test_data.cc:1"])
        self.assertEqual(len(self.run_clauses("rfc9260", "6")[1]), 3)
        self.assertEqual(self.run_clauses("rfc9260", "6.1")[1], [])

    def test_clauses_without_a_test_are_named_and_fail(self):
        code, lines = self.run_clauses("--untested")
        self.assertEqual(code, 1)
        self.assertEqual(lines[-1], "1 of 3 clauses have a test")
        self.write("tests/a.cc", "//= rfc9260 6.10 type=test\n//= rfc9260 A type=test\n")
        self.assertEqual(self.run_clauses("--untested"), (0, ["3 of 3 clauses have a test"]))


if __name__ == "__main__":
    unittest.main()
