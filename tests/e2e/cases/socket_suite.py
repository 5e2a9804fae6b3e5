"""The cases of tests/sockets_suite, on the engine and on the Linux kernel: the same assertions."""

from harness import suite
from harness.registry import check, test
from harness.sockets import run_command
from uml.guest import Guest

SECONDS = 300  # with three cases that hang, of which each has a minute
MARGIN = 60


def lone_engine(rig, **sections):
    """An engine without a wire, which speaks with itself, and with the protocol's own timers."""
    return rig.engine([], namespace=rig.namespace("alone"), interfaces=[suite.interface()], sctp={},
                      **sections, route=[suite.route()])


def lone_guest(rig):
    """A kernel that has the same addresses, and nobody to speak to but itself."""
    guest = Guest({}, rig.programs.find("kernel-traffic"))
    rig.stack.callback(guest.stop)
    rig.guests.append(guest)
    guest.start()
    lines = [f"ip addr add {a}/{128 if ':' in a else 32} dev lo" for a in suite.ADDRESSES]
    status, output = guest.run("; ".join([*lines, f"ip route add {suite.SILENT} dev lo"]))
    check(status == 0, output)
    return guest


def outcomes(output):
    check(suite.has_ended(output), f"the suite did not come to its end:\n{output[-2000:]}")
    return suite.outcomes(output)


@test("the suite of socket cases gives on the engine what it gives on Linux", seconds=2 * SECONDS + MARGIN)
def same_on_both(rig):
    program = rig.programs.find(suite.PROGRAM)
    guest = lone_guest(rig)
    engine = lone_engine(rig)
    on_linux = guest.spawn(guest.share(program))
    on_engine = rig.spawn(run_command(rig, engine, [program]), suite.PROGRAM)
    on_engine.wait(SECONDS)
    on_linux.wait(SECONDS)
    linux, ours = outcomes(on_linux.output()), outcomes(on_engine.output())
    check(set(linux) == set(ours), f"not the same cases: {set(linux) ^ set(ours)}")
    wrong = {name for name, is_good in linux.items() if not is_good}
    check(not wrong, "Linux is otherwise:\n" + suite.explain(on_linux.output(), wrong))
    failed = {name for name, is_good in ours.items() if not is_good}
    known = suite.differences()
    check(failed <= known, "differences that docs/sockets.md does not tell:\n"
          + suite.explain(on_engine.output(), failed - known))
    check(known <= failed, f"docs/sockets.md tells of differences that are none: {known - failed}")


def same_otherwise(rig, environment=None, **sections):
    program = rig.programs.find(suite.PROGRAM)
    engine = lone_engine(rig, **sections)
    run = rig.spawn(run_command(rig, engine, [program]), suite.PROGRAM, environment=environment)
    run.wait(SECONDS)
    ours = outcomes(run.output())
    failed = {name for name, is_good in ours.items() if not is_good}
    check(failed == suite.differences(), "not those of docs/sockets.md:\n"
          + suite.explain(run.output(), failed ^ suite.differences()))


@test("the suite of socket cases gives the same on an engine of two lcores", seconds=SECONDS + MARGIN)
def same_on_two_lcores(rig):
    same_otherwise(rig, engine={"lcores": [0, 1]})


@test("the suite of socket cases gives the same to calls that ask before they sleep", seconds=SECONDS + MARGIN)
def same_for_calls_that_spin(rig):
    same_otherwise(rig, environment={"MILLRACE_SPIN_US": "100000"})
