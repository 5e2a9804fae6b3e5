"""millrace-run itself, and what its manual page says."""

import os

import harness
from cases.socket_suite import lone_engine
from harness.process import run
from harness.registry import check, check_equal, test, wait_until
from harness.sockets import spawn

SCRIPT = ["/usr/bin/python3", os.path.join(os.path.dirname(harness.__file__), "claims.py")]
CLAIMS = ("foreign_address", "its_own_numbers", "one_process_a_port", "a_named_port",
          "strangers_are_harmless", "closes_everything",
          "limit_is_raised", "limit_is_never_lowered", "no_more_than_65536", "waiting_costs_nothing", "streams")


def runner(rig, *words, environment=None):
    return run([rig.programs.find("millrace-run"), *words], check=False,
               env={**os.environ, **(environment or {})})


@test("millrace-run: its options, its status, and a program without an engine")
def options(rig):
    wrong = runner(rig, "--no-such-option", "true")
    check_equal(wrong.returncode, 2, wrong.stderr)
    check("no option --no-such-option" in wrong.stderr, wrong.stderr)
    check_equal(runner(rig).returncode, 2, "nothing to run")
    nowhere = rig.file("nowhere.sock")
    check_equal(runner(rig, "--", *SCRIPT, "status").returncode, 7, "the program's status")
    for words, environment in ((["--socket", nowhere], None), ([f"--socket={nowhere}"], None),
                               ([], {"MILLRACE_SOCKET": nowhere})):
        refused = runner(rig, *words, *SCRIPT, "no_engine", environment=environment)
        check_equal(refused.returncode, 0, refused.stderr)


@test("millrace-run: what its manual page says of programs")
def claims(rig):
    engine = lone_engine(rig)
    for claim in CLAIMS:
        program = spawn(rig, engine, [*SCRIPT, claim], claim)
        check_equal(program.wait(20), 0, f"{claim}: {program.describe()}")
    wait_until(lambda: not engine.ask("applications")["applications"], 10, "nothing is left")


@test("millrace-run: a user has no more contexts than applications.contexts_per_user_max")
def share_of_a_user(rig):
    engine = lone_engine(rig, applications={"contexts_per_user_max": 1})
    holder = spawn(rig, engine, ["socat", "-u", "SCTP4-LISTEN:5710", "STDOUT"], "holder")
    wait_until(lambda: engine.ask("applications")["applications"], 10, "it is attached")
    second = spawn(rig, engine, [*SCRIPT, "no_context"], "no_context")
    check_equal(second.wait(20), 0, second.describe())
    holder.stop()
    wait_until(lambda: not engine.ask("applications")["applications"], 10, "nothing is left")
    first = spawn(rig, engine, [*SCRIPT, "limit_is_raised"], "limit_is_raised")
    check_equal(first.wait(20), 0, first.describe())


@test("millrace-run: a program's listeners are there again after a restart of the engine")
def outlives_the_engine(rig):
    engine = lone_engine(rig)
    program = spawn(rig, engine, [*SCRIPT, "outlives_the_engine"], "outlives_the_engine")
    program.wait_for("ready")
    engine.kill()
    engine.start()
    check_equal(program.wait(40), 0, program.describe())
    check("served" in program.output(), program.describe())


@test("millrace-run: a child is told when the process that has its sockets is killed")
def killed_owner(rig):
    engine = lone_engine(rig)
    program = spawn(rig, engine, [*SCRIPT, "owner_is_killed"], "owner_is_killed")
    wait_until(lambda: "told" in program.output(), 15, "the child is told")
    wait_until(lambda: not engine.ask("applications")["applications"], 10, "nothing is left")
