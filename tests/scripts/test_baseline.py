"""Tests of scripts/lib/baseline.py: what becomes of the figures of scripts/bench --baseline."""
import copy
import importlib.util
import json
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("baseline", ROOT / "scripts/lib/baseline.py")
baseline = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(baseline)

COMPARE = json.loads((ROOT / "docs/benchmark/compare.json").read_text(encoding="utf-8"))
PORTS = json.loads((ROOT / "docs/benchmark/ports.json").read_text(encoding="utf-8"))


class Baseline(unittest.TestCase):
    def test_every_row_is_in_the_document(self):
        text = baseline.document(COMPARE, PORTS)
        for row in COMPARE["rows"]:
            self.assertIn(f"| {row['name']} |", text)
            self.assertIn(f"{row['ours']:,.0f}", text)
        for device in PORTS["devices"]:
            self.assertIn(device["name"], text)

    def test_the_document_says_whether_others_worked_meanwhile(self):
        compare = copy.deepcopy(COMPARE)
        compare["conditions"]["load_before"] = 0.1
        self.assertIn("was quiet", baseline.document(compare, PORTS))
        compare["conditions"]["load_before"] = 3.0
        self.assertIn("Others worked", baseline.document(compare, PORTS))

    def test_a_device_without_one_of_the_contestants_has_an_empty_cell(self):
        ports = copy.deepcopy(PORTS)
        ports["devices"][1]["runs"] = ports["devices"][1]["runs"][1:]
        lines = baseline.devices_table(ports["devices"]).splitlines()
        self.assertEqual({line.count("|") for line in lines}, {lines[0].count("|")})

    def test_what_was_skipped_is_said_with_its_reason(self):
        ports = copy.deepcopy(PORTS)
        ports["devices"][0]["runs"] = ports["devices"][0]["runs"][1:]
        ports["devices"][0]["skipped"] = {"testpmd": "it is not there"}
        text = baseline.document(COMPARE, ports)
        self.assertIn("testpmd from net_af_packet to net_af_packet: it is not there.", text)
        lines = text.splitlines()
        row = next(line for line in lines if line.startswith("| net_af_packet to"))
        self.assertIn("| skipped |", row)

    def test_where_the_time_goes_over_ports_is_said_beside_testpmd(self):
        testpmd = {"sending": {"engine, user": 1000, "engine, system": 4000, "idle": 0}}
        ours = {"sending": {"engine, user": 2500, "engine, system": 6000, "application, user": 500,
                            "idle": 100}}
        runs = [{"name": name, "packets_per_second": 1e9 / sum(ns["sending"].values()),
                 "ns_per_packet": ns} for name, ns in (("testpmd", testpmd), ("Millrace", ours))]
        text = baseline.document(COMPARE, {**PORTS, "devices": [
            {"name": "net_af_packet to net_af_packet", "runs": runs}]})
        self.assertIn("| 200,000 | 109,890 | 0.55 |", text)
        self.assertIn("| net_af_packet | Millrace | sending | 2,500 | 6,000 | 100 | 500 | 9,100 |", text)
        self.assertIn("net_af_packet, sending: Millrace takes +4,100 ns", text)
        self.assertIn("engine, user +1,500, engine, system +2,000", text)

    def test_quartiles_are_in_the_document(self):
        compare = copy.deepcopy(COMPARE)
        compare["rows"][0]["quartiles"] = [12.34, 15.67]
        self.assertIn("| 12.3 to 15.7 |", baseline.document(compare, PORTS))

    def test_without_limits_and_stages_there_are_no_sections_of_them(self):
        text = baseline.document({**COMPARE, "rows": [
            row for row in COMPARE["rows"] if "parts" not in row]}, PORTS)
        self.assertNotIn("## Beside the limits", text)
        self.assertNotIn("## Where the time goes", text)

    def test_the_readme_has_the_block_and_nothing_else_changes(self):
        readme = baseline.README.read_text(encoding="utf-8")
        # Not what stands there already.
        table = baseline.readme_table(COMPARE["rows"]).replace("message-64 ", "message-63 ")
        changed = baseline.with_table(readme, table)
        self.assertIn(table, changed)
        self.assertEqual(baseline.with_table(changed, table), changed)
        before, after = readme.split("```"), changed.split("```")
        self.assertEqual(sum(a != b for a, b in zip(before, after)), 1)
        self.assertEqual(len(before), len(after))


if __name__ == "__main__":
    unittest.main()
