"""Applications that die, lie, or outlive the engine. Nobody else may notice."""

import signal

from harness.ctl import (applications, associations, check_no_drops, counter, counters,
                         listeners)
from harness.registry import check, check_equal, test, wait_until
from harness.rig import FAST_TIMERS
from harness.traffic import PORT, Shape, check_pair, parse_summary

OTHER_PORT = 6001
# More than a test lasts: it ends because somebody dies.
ENDLESS = Shape(there=100000, back=100000, size="64-4000", rate=1500, timeout=90)
STEADY = Shape(there=4000, back=4000, size="16-1500", rate=500)


class Bystander:
    """Another application with a peer of its own, whose traffic must come through unharmed."""

    def __init__(self, rig, engine, path, shape=STEADY):
        self.shape = shape
        self.server = rig.application(
            engine, "server", shape.arguments("server", port=OTHER_PORT), "bystander")
        self.client = rig.usrsctp("client", shape.arguments("client", port=OTHER_PORT,
                                                            connect=path.ours), path.peer)

    def check_unharmed(self):
        check_pair(self.shape, self.client.wait(), self.server.wait())


def killed(rig, on_exit, expected_end):
    paths = rig.paths(2, strangers=True)
    engine = rig.engine(paths, applications={"on_exit": on_exit})
    bystander = Bystander(rig, engine, paths[1])
    victim = rig.application(engine, "server", ENDLESS.arguments("server"), "victim")
    peer = rig.usrsctp("client", ENDLESS.arguments("client", connect=paths[0].ours))
    wait_until(lambda: len(associations(engine)) == 2, 20, "both associations are up")
    before = counter(engine, "messages_delivered")
    wait_until(lambda: counter(engine, "messages_delivered") > before + 3000, 20, "traffic flows")

    victim.source.stop(signal.SIGKILL)
    wait_until(lambda: len(applications(engine)) == 1, 10, "the dead application is forgotten")
    wait_until(lambda: len(associations(engine)) == 1, 10, "its association is gone")
    peer.source.wait(20)
    check_equal(parse_summary(peer.output(), "peer")["shutdown"], expected_end,
                "the peer's association ended")
    bystander.check_unharmed()
    wait_until(lambda: not applications(engine), 5, "no application is left")
    check_no_drops(engine)


@test("an application killed in the middle of traffic: its association aborts, others go on")
def killed_abort(rig):
    killed(rig, "abort", "aborted")


@test("an application killed in the middle of traffic: shut down instead, if so configured")
def killed_shutdown(rig):
    killed(rig, "shutdown", "orderly")


@test("applications that come and go a hundred times leave nothing behind")
def come_and_go(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    shape = Shape(there=20, back=20, size="16-3000")
    program = rig.programs.find("mr-traffic")
    for _ in range(100):
        doomed = rig.spawn([program, *shape.arguments("server"), "--socket",
                            engine.applications_socket], "doomed")
        doomed.wait_for("ready")
        doomed.stop(signal.SIGKILL)
    wait_until(lambda: not applications(engine), 10, "no application is left")
    check_equal(counter(engine, "applications_attached"), 100, "attached")
    check_equal(counter(engine, "applications_detached"), 100, "detached")
    server = rig.application(engine, "server", shape.arguments("server"))
    client = rig.usrsctp("client", shape.arguments("client", connect=paths[0].ours))
    check_pair(shape, client.wait(), server.wait())


@test("memory comes back: ten applications killed in traffic, with room for hardly more than one")
def memory_comes_back(rig):
    # What a killed application leaves behind are messages on their way in and out. If they kept
    # their buffers or their association's place, there would soon be none for the next.
    paths = rig.paths(1)
    engine = rig.engine(paths, engine={"buffers": 4096},
                        sctp={**FAST_TIMERS, "associations_max": 4})
    for _ in range(10):
        victim = rig.application(engine, "server", ENDLESS.arguments("server"), "victim")
        peer = rig.usrsctp("client", ENDLESS.arguments("client", connect=paths[0].ours))
        wait_until(lambda: associations(engine), 10, "the association is up")
        before = counter(engine, "messages_delivered")
        wait_until(lambda: counter(engine, "messages_delivered") > before + 1000, 20, "traffic")
        victim.source.stop(signal.SIGKILL)
        peer.source.wait(20)
        wait_until(lambda: not associations(engine), 10, "the association is gone")
    shape = Shape(there=200, back=200)
    server = rig.application(engine, "server", shape.arguments("server"))
    client = rig.usrsctp("client", shape.arguments("client", connect=paths[0].ours))
    check_pair(shape, client.wait(), server.wait())
    check_no_drops(engine)


@test("a listener's associations are its own application's, and not those of one before it")
def counted_by_application(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths, applications={"on_exit": "shutdown"}, sctp={})
    first = rig.application(engine, "server", ENDLESS.arguments("server"), "first")
    rig.usrsctp("client", ENDLESS.arguments("client", connect=paths[0].ours))
    wait_until(lambda: [row["associations"] for row in listeners(engine)] == [1], 20, "it is up")
    rig.cut(paths[0])  # its shutdown takes its time
    first.source.stop(signal.SIGKILL)
    wait_until(lambda: not listeners(engine), 10, "it listens no more")
    rig.application(engine, "server", ENDLESS.arguments("server"), "second")
    wait_until(lambda: listeners(engine), 10, "the next one listens")
    check_equal([row["associations"] for row in listeners(engine)], [0], "of the second one")
    check_equal(len(associations(engine)), 1, "of the first one")


@test("a client that writes nonsense into its rings is detached, and nothing else happens")
def hostile(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    program = rig.programs.find("hostile-application")
    bystander = Bystander(rig, engine, paths[0])
    attempts = 0
    for mode in ("bytes", "indices", "entries"):
        for seed in range(8):
            attacker = rig.spawn([program, engine.applications_socket, mode, str(seed), "20"],
                                 f"hostile-{mode}-{seed}")
            check_equal(attacker.wait(30), 0, f"{mode} {seed}: {attacker.describe()}; status")
            attempts += 1
    check_equal(counter(engine, "applications_evicted"), attempts, "evicted")
    wait_until(lambda: len(applications(engine)) <= 1, 10, "only the honest one is left")
    bystander.check_unharmed()
    check(engine.is_alive(), "the engine died")


@test("clients that ask for everything at random, and all of it allowed, leave nothing behind")
def random_requests(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    program = rig.programs.find("hostile-application")
    bystander = Bystander(rig, engine, paths[0])
    clients = [rig.spawn([program, engine.applications_socket, "requests", str(seed), "5"],
                         f"requests-{seed}") for seed in range(3)]
    wait_until(lambda: most_at_a_port(engine) > 1, 10, "listeners meet at a port")
    for client in clients:
        check_equal(client.wait(30), 3, f"still attached: {client.describe()}; status")
    check_equal(counter(engine, "applications_evicted"), 0, "evicted")
    wait_until(lambda: len(applications(engine)) <= 1, 20, "only the honest one is left")
    check(most_at_a_port(engine) <= 1, f"listeners are left: {listeners(engine)}")
    bystander.check_unharmed()
    check(engine.is_alive(), "the engine died")


def most_at_a_port(engine):
    ports = [listener["port"] for listener in listeners(engine)]
    return max(map(ports.count, ports), default=0)


@test("a client that only rings bells keeps nobody else from being served")
def bell_ringer(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    ringer = rig.spawn([rig.programs.find("hostile-application"), engine.applications_socket,
                        "bells", "1", "30"], "ringer")
    wait_until(lambda: applications(engine), 5, "it is attached")
    Bystander(rig, engine, paths[0], Shape(there=1000, back=1000, rate=400)).check_unharmed()
    check_equal(ringer.status(), None, "the bell ringer's status")


@test("an application outlives the engine, attaches again and listens again")
def engine_restart(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    echo = rig.spawn([rig.programs.find("mr-echo"), "--socket", engine.applications_socket,
                      "--port", str(PORT)], "echo")
    shape = Shape(there=200, back=200, size="16-3000")

    def is_served():
        wait_until(lambda: applications(engine), 10, "the application is attached")
        wait_until(lambda: listens(engine), 10, "the application listens")
        words = shape.arguments("client", connect=paths[0].ours)
        summary = rig.usrsctp("client", words).wait()
        check(summary["ok"], f"not echoed: {summary}")

    is_served()
    engine.kill()
    engine.start()
    is_served()
    check_equal(engine.stop(), 0, "exit status of a clean stop")
    engine.start()
    is_served()
    check_equal(echo.status(), None, "the application's status")
    check_equal(counters(engine)["applications_evicted"], 0, "evicted")


def listens(engine):
    return bool(listeners(engine))
