"""Tests of scripts/lib/counts_file.py: what bench/instructions.txt is read and written as."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from lib import counts_file, stages  # noqa: E402


class CountsFile(unittest.TestCase):
    def test_what_is_written_is_read(self):
        optimized = {"message-64": {"copies: into the slot": 33, "all else": 967}, "setup": {"cookie": 50}}
        plain = {"message-64": {"copies: into the slot": 44, "all else": 956}, "setup": {"cookie": 60}}
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            path = pathlib.Path(file.name)
            counts_file.write(path, "c++ 12; valgrind-3", optimized, plain)
            found = counts_file.read(path)
            self.assertRegex(path.read_text(encoding="utf-8"), r"(?m)^message-64 +1000 +1000$")
        self.assertEqual(found.tools, "c++ 12; valgrind-3")
        self.assertEqual(found.rows["message-64"], {"copies: into the slot": [33, 44], "all else": [967, 956]})
        self.assertEqual(found.rows["setup"], {"cookie": [50, 60]})

    def test_the_committed_file_has_every_stage_of_every_row(self):
        found = counts_file.read(ROOT / "bench/instructions.txt")
        self.assertIn("valgrind", found.tools)
        for row, by_stage in found.rows.items():
            table = stages.ASSOCIATION if row == "setup" else stages.MESSAGE
            self.assertEqual(tuple(by_stage), stages.names(table), row)

    def test_a_rise_is_noticed_by_stage_and_by_row(self):
        old = {"a": 500, "b": 500}
        self.assertEqual(counts_file.risen(old, {"a": 525, "b": 480}), [])
        self.assertEqual(counts_file.risen(old, {"a": 535, "b": 450}), ["a, 500 to 535"])
        self.assertEqual(counts_file.risen(old, {"a": 520, "b": 520}), ["in all, 1000 to 1040"])
        self.assertEqual(counts_file.risen(old, {"a": 500, "b": 500, "c": 31}),
                         ["in all, 1000 to 1031", "c, 0 to 31"])


if __name__ == "__main__":
    unittest.main()
