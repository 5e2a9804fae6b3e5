"""More than one lcore: packets find the owner of their association wherever they arrive."""

from harness.ctl import associations, check_no_drops, counter, counters
from harness.registry import check, check_equal, test, wait_until
from harness.scene import Usrsctp, engine_connects, engine_serves
from harness.traffic import Shape

TWO = {"lcores": [0, 1]}


@test("an association whose two paths arrive on different lcores loses nothing")
def two_paths_two_lcores(rig):
    # Interface 0 is polled by one lcore and interface 1 by the other, and the association belongs
    # to one of them. Cutting the primary moves all traffic to the other path in the middle.
    paths = rig.paths(2)
    engine = rig.engine(paths, engine=TWO)

    def during(*_):
        wait_until(lambda: counter(engine, "messages_delivered") > 500, 20, "traffic is flowing")
        rig.cut(paths[0])
        before = counter(engine, "messages_delivered")
        wait_until(lambda: counter(engine, "messages_delivered") > before + 500, 20,
                   "messages flow over the other path")
        rig.heal(paths[0])

    engine_serves(rig, engine, paths, Usrsctp(rig, paths, ["--fast"]),
                  Shape(there=5000, back=5000, size="16-1400", rate=600), during)
    totals = counters(engine)
    check(totals["handoff_in"] > 0, "no packet was handed over")
    check_equal(totals["handoff_in"], totals["handoff_out"], "packets taken over")
    check_no_drops(engine)


@test("many associations are spread over both lcores")
def spread(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths, engine=TWO)
    seen = set()

    def during(*_):
        def both():
            seen.update(association["lcore"] for association in associations(engine))
            return len(seen) == 2
        wait_until(both, 20, "associations on both lcores")

    engine_connects(rig, engine, paths, Usrsctp(rig, paths),
                    Shape(there=600, back=600, size="16-1400", rate=150, associations=16), during)
    check_no_drops(engine)


@test("large messages in both directions over two lcores arrive whole")
def large_over_two(rig):
    paths = rig.paths(2)
    engine = rig.engine(paths, engine=TWO)
    engine_serves(rig, engine, paths, Usrsctp(rig, paths), Shape(there=150, back=150))
    check_no_drops(engine)
