"""Start, stop, and configurations that are wrong."""

import os

from harness.ctl import associations
from harness.process import run
from harness.registry import check, check_equal, test, wait_until
from harness.traffic import Shape, parse_summary


@test("SIGTERM in the middle of traffic ends associations, sockets and ports")
def clean_stop(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    shape = Shape(there=100000, back=100000, size="64-4000", rate=1000, timeout=90)
    server = rig.application(engine, "server", shape.arguments("server"))
    peer = rig.usrsctp("client", shape.arguments("client", connect=paths[0].ours))
    wait_until(lambda: associations(engine), 20, "the association is up")
    check_equal(engine.stop(), 0, "exit status")
    for path in (engine.applications_socket, engine.operator_socket):
        check(not os.path.exists(path), f"{path} is still there")
    check_equal(peer.source.wait(10), 1, "the peer's exit status")
    check_equal(parse_summary(peer.output(), "peer")["shutdown"], "aborted",
                "the peer's association")
    server.source.stop()
    engine.start()  # the ports are free again
    check_equal(engine.stop(), 0, "exit status after a second start")


@test("an engine that was killed leaves nothing that keeps the next one from starting")
def start_after_kill(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    engine.kill()
    engine.start()
    shape = Shape(there=100, back=100)
    server = rig.application(engine, "server", shape.arguments("server"))
    client = rig.usrsctp("client", shape.arguments("client", connect=paths[0].ours))
    check(client.wait()["ok"] and server.wait()["ok"], "no traffic after the second start")


@test("a sound configuration passes --check, a broken one is refused with its place")
def check_configuration(rig):
    paths = rig.paths(1)
    rig.captures.clear()
    engine = rig.engine(paths, start=False)
    program = rig.programs.find("millraced")
    result = run([program, "--check", engine.config_path], check=False)
    check_equal(result.returncode, 0, f"--check of a sound file: {result.stderr}; status")
    broken = rig.file("broken.toml")
    with open(engine.config_path, encoding="utf-8") as source:
        text = source.read()
    with open(broken, "w", encoding="utf-8") as file:
        file.write(text.replace("10.20.0.1/24", "10.20.0.1/240"))
    for words in (["--check", broken], ["--config", broken]):
        result = run([program, *words], check=False)
        output = result.stdout + result.stderr
        check(result.returncode not in (0, None) and result.returncode > 0,
              f"{words[0]} of a broken file gave {result.returncode}")
        check("10.20.0.1/240" in output and "broken.toml:" in output,
              f"the place is not named: {output}")


@test("an interface that does not exist is a clear error, not a crash")
def missing_interface(rig):
    paths = rig.paths(1)
    rig.captures.clear()
    paths[0].our_interface = "nowhere0"
    engine = rig.engine(paths, start=False)
    result = rig.ours.run([rig.programs.find("millraced"), "--config", engine.config_path],
                          check=False)
    check(result.returncode > 0, f"status {result.returncode}")
    check("nowhere0" in result.stdout + result.stderr, result.stdout + result.stderr)
