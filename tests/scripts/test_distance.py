"""Tests of scripts/lib/distance.py: what is said of limits, stages and marks follows from the figures."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

from lib import baseline, distance, stages  # noqa: E402


def rows(name="message-1400", ours=800.0, usrsctp=8000.0, limit=300.0, mark=25, slower=1.0):
    """A row of so many ns, and its limit: a third of it copies, half of it checksums; usrsctp was so much
    slower beside the limit."""
    parts = {"copies": limit / 3, "checksums": limit / 2, "rings": limit / 12, "port": limit / 12}
    if name == "setup":
        parts = {"checksums": limit / 2, "cookie": limit / 4, "random numbers": limit / 8,
                 "rings": limit / 16, "port": limit / 16}
    ratio = usrsctp / ours
    return [{"name": name, "ours": 1e9 / ours, "peer": 1e9 / usrsctp, "unit": "messages/s",
             "ratio": ratio, "verdict": f"mark {mark}x: {'met' if ratio >= mark else 'not met'}"},
            {"name": f"limit-{name}", "ours": ours, "peer": limit, "parts": parts, "unit": "ns/message",
             "ratio": limit / ours, "beside": "the sum of its parts", "note": "",
             "figures": {"usrsctp": slower * usrsctp, "mark": slower * usrsctp / mark}}]


def profile(each, name="message-1400", **others):
    """`each` ns in every stage but those that are named."""
    table = stages.ASSOCIATION if name == "setup" else stages.MESSAGE
    found = {stage: each for stage in stages.names(table)} | others
    return {name: {"stages": found, "on_core": sum(found.values())}}


def run(found, *profiles):
    return distance.Run(found, {"rows": {name: it for each in profiles for name, it in each.items()}})


class Distance(unittest.TestCase):
    def test_every_stage_is_in_one_group(self):
        for groups, table in ((distance.MESSAGE_GROUPS, stages.MESSAGE),
                              (distance.ASSOCIATION_GROUPS, stages.ASSOCIATION)):
            members = [stage for _, _, stages_of_it in groups for stage in stages_of_it]
            self.assertEqual(sorted(members), sorted(stages.names(table)))

    def test_limits_stand_beside_what_was_measured_and_what_the_mark_leaves(self):
        text = distance.limits_table(run(rows()), ["message-1400", "message-64"])
        self.assertIn("| row | copies | checksums | rings | port | limit | ours | ours / limit |", text)
        self.assertIn("| limit-message-1400 | 100 | 150 | 25 | 25 | 300 | 800 | 2.7 | 8,000 | 320 | 94% | "
                      "26.7 | 13.3 |", text)

    def test_what_is_in_no_stage_is_said_when_it_is_much(self):
        found = profile(50.0)  # 13 stages: 650 of 800
        text = distance.stage_table(run(rows(), found), "of a message", ["message-1400"])
        self.assertIn("| sum of the stages | 650 |", text)
        self.assertIn("| the row, without a profiler | 800 |", text)
        self.assertIn("| the row minus the sum | +150 |", text)
        self.assertIn("`message-1400` by +19%", text)
        text = distance.stage_table(run(rows(ours=640.0), found), "of a message", ["message-1400"])
        self.assertIn("| the row minus the sum | -10 |", text)
        self.assertIn("No row differs", text)

    def test_what_is_above_the_limit_adds_up(self):
        it = run(rows(), profile(50.0))
        above = distance.above(it, "message-1400", distance.MESSAGE_GROUPS)
        self.assertAlmostEqual(sum(above.values()), 800 - 300)
        self.assertAlmostEqual(above["copies"], 50 - 100)
        self.assertAlmostEqual(above["packets in"], 100)
        self.assertAlmostEqual(above["in no stage"], 150)
        setup = run(rows("setup", 6000.0, 80000.0, 400.0, 40), profile(300.0, "setup"))
        above = distance.above(setup, "setup", distance.ASSOCIATION_GROUPS)
        self.assertAlmostEqual(sum(above.values()), 6000 - 400)

    def test_a_mark_is_wrong_in_principle_when_it_leaves_hardly_more_than_the_limit(self):
        self.assertIn("cannot be met", distance.principle(290, 300, 7250))
        self.assertIn("wrong in principle", distance.principle(320, 300, 8000))
        self.assertIn("13.3 times usrsctp's rate", distance.principle(320, 300, 8000))
        self.assertNotIn("wrong", distance.principle(500, 300, 12500))
        self.assertIn("possible and not reached", distance.principle(700, 300, 17500))

    def test_each_mark_that_is_not_met_has_a_paragraph(self):
        text = distance.paragraphs(run(rows(), profile(50.0)))
        self.assertIn("**`message-1400`** is at 10.0 times usrsctp's rate, and the mark is 25.", text)
        self.assertIn("320 ns of usrsctp's 8,000", text)
        self.assertIn("480 too many", text)
        # 100 of 750 are copies and checksums: (320 - 100) / (800 - 100)
        self.assertIn("all else would have to be done in 31% of its time", text)
        self.assertEqual(distance.paragraphs(run(rows(ours=300.0))), "")
        tight = distance.paragraphs(run(rows(), profile(10.0, **{stages.COPIES: 400.0})))
        self.assertIn("by themselves take 410 ns, and the mark leaves less", tight)

    def test_a_limit_is_compared_with_what_took_turns_with_it(self):
        self.assertIn("wrong in principle", distance.paragraphs(run(rows())))
        text = distance.paragraphs(run(rows(slower=2.0)))
        self.assertIn("usrsctp 16,000. The mark leaves 2.13 times the limit", text)
        self.assertNotIn("wrong in principle", text)

    def test_many_associations_are_split_into_visits_and_caches(self):
        figures = {f"{what} at {count}": value for count, ns, packets in (
            (1, 700.0, 1.03), (16, 1100.0, 1.5), (256, 1200.0, 1.5), (10000, 1750.0, 1.5))
                   for what, value in (("ns", ns), ("packets", packets))}
        row = {"name": "active-1400", "ours": 1e9 / 1750, "peer": 1e9 / 700, "ratio": 0.4, "unit": "messages/s",
               "beside": "one association", "note": "", "verdict": "mark 0.7x: not met", "figures": figures}
        profiles = [profile(each, name) for each, name in (
            (50.0, "active-1400-1"), (80.0, "active-1400-16"), (130.0, "active-1400"))]
        it = run([row], *profiles)
        text = distance.paragraphs(it)
        self.assertIn("leaves 1,000 ns a message, and 1,750 are taken", text)
        self.assertIn("+400 ns of the distance is what a visit", text)
        self.assertIn("1.50 packets a message and not 1.03", text)
        self.assertIn("+650 ns are lines that come from far", text)
        self.assertIn("0.64 of one association's rate would be left: the mark would not be met either", text)
        self.assertIn("From 1 to 16 most is added to", text)
        self.assertIn("| 10,000 | 1,750 | 1.50 |", distance.crowds_table(it))
        table = distance.stage_table(it, "of a message", baseline.ACTIVE)
        self.assertIn("| the row, without a profiler | 700 | 1,100 | 1,750 |", table)


if __name__ == "__main__":
    unittest.main()
