"""Rounds of traffic over bad paths, in which paths are cut and processes killed."""

import json
import os

from harness.registry import check, check_equal, missing, test

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SKIPPED_CODE = 77
MINUTES = 2


@test("two minutes with usrsctp and with Linux at a time: loss, reordering, cuts, kills (scripts/interop)",
      seconds=300)
def two_minutes(rig):
    rig.programs.find("usrsctp-traffic")
    report = rig.file("report.json")
    run = rig.spawn([os.path.join(ROOT, "scripts", "interop"), "--minutes", str(MINUTES), "--round",
                     "8", "--build", rig.programs.build, "--json", report], "interop")
    status = run.wait(280)
    if status == SKIPPED_CODE:
        missing("no peer is installed")
    check_equal(status, 0, f"{run.describe()}; status")
    with open(report, encoding="utf-8") as file:
        for peer in json.load(file):
            check(sum(peer["rounds"].values()) >= 10, f"only few rounds passed: {peer}")
