"""Sockets that come to other programs: through exec, and over other sockets."""

import os

import harness
from cases.sockets import HOST, listens, two_engines
from harness.registry import check, check_equal, test, wait_until
from harness.sockets import needs, shell, spawn

PYTHON = "/usr/bin/python3"
SCRIPT = os.path.join(os.path.dirname(harness.__file__), "inetd.py")


def say(rig, engine, port, word):
    """A client says a word and gives what it is answered."""
    client = shell(rig, engine, f"(echo {word}; sleep 1) | $RUN ncat --sctp {HOST} {port}",
                   f"client-{port}-{word}")
    client.wait(20)
    return client.output()


def nothing_left(*engines):
    for engine in engines:
        wait_until(lambda: not engine.ask("applications")["applications"], 10,
                   "nothing of them is left at the engine")


def serve(rig, how, port, *command, answer=""):
    """Two clients, one after the other, of a server of harness/inetd.py, which ends with them."""
    ours, theirs = two_engines(rig)
    server = spawn(rig, theirs, [PYTHON, SCRIPT, how, str(port), *command], f"inetd-{how}")
    server.wait_for("serving")
    for word in ("one", "two"):
        said = say(rig, ours, port, word)
        check(word in said.lower() and answer in said, f"answered {said!r}: {server.describe()}")
    check_equal(server.wait(10), 0, server.describe())
    nothing_left(ours, theirs)
    return server


# It reads and writes without the C library's streams.
CAT = ("/bin/cat",)


@test("a Python server runs a program for each connection, as inetd does (vfork, exec)")
def popen(rig):
    check("done [0, 0]" in serve(rig, "popen", 5600, *CAT).output(), "the programs ended well")


@test("a server runs a program for each connection by posix_spawn")
def spawned(rig):
    check("done [0, 0]" in serve(rig, "spawn", 5601, *CAT).output(), "the programs ended well")


@test("a server runs a program for each connection by system")
def by_system(rig):
    check("done [0, 0]" in serve(rig, "system", 5602, *CAT).output(), "the programs ended well")


@test("a program that uses the C library's streams for its connection (sed)")
def streams(rig):
    server = serve(rig, "popen", 5609, "sed", "-u", "s/$/ by stream/", answer="by stream")
    check("done [0, 0]" in server.output(), server.describe())


@test("a program that is run without any environment has its connection")
def without_environment(rig):
    check("done [0, 0]" in serve(rig, "bare", 5603, *CAT).output(),
          "the programs ended well")


@test("a server that was started with its listener as descriptor 3, as systemd does it")
def activated(rig):
    server = serve(rig, "become", 5604, PYTHON, SCRIPT, "activated")
    check("activated 5604" in server.output(), server.describe())


@test("a server passes each connection to a process that was there before (SCM_RIGHTS)")
def passed(rig):
    check("done [0]" in serve(rig, "hand", 5605).output(), "the worker ended well")


@test("socat becomes the program that has the connection (EXEC, nofork)")
def socat_becomes(rig):
    needs("socat", "ncat")
    ours, theirs = two_engines(rig)
    server = spawn(rig, theirs, ["socat", "SCTP4-LISTEN:5606,reuseaddr", "EXEC:cat,nofork"])
    wait_until(lambda: listens(theirs), 10, "it listens")
    answer = say(rig, ours, 5606, "hello")
    check("hello" in answer, f"answered {answer!r}: {server.describe()}")
    check_equal(server.wait(10), 0, server.describe())
    nothing_left(ours, theirs)


@test("socat forks for each connection and becomes the program (fork, EXEC, nofork)")
def socat_forks(rig):
    needs("socat", "ncat")
    ours, theirs = two_engines(rig)
    server = spawn(rig, theirs, ["socat", "SCTP4-LISTEN:5607,reuseaddr,fork",
                                 "EXEC:cat,nofork"])
    wait_until(lambda: listens(theirs), 10, "it listens")
    for word in ("one", "two", "three"):
        answer = say(rig, ours, 5607, word)
        check(word in answer.lower(), f"answered {answer!r}: {server.describe()}")
    server.stop()
    nothing_left(ours, theirs)


@test("a program that cannot load the library finds its connection closed")
def static_program(rig):
    needs("busybox", "ncat")
    ours, theirs = two_engines(rig)
    server = spawn(rig, theirs, [PYTHON, SCRIPT, "bare", "5608", "/bin/busybox", "cat"],
                   "inetd-static")
    server.wait_for("serving")
    for word in ("one", "two"):
        answer = say(rig, ours, 5608, word)
        check(word not in answer, f"answered {answer!r}")
    check_equal(server.wait(10), 0, server.describe())
    check("Bad file descriptor" in server.output() and "done [1, 1]" in server.output(),
          server.describe())
    nothing_left(ours, theirs)
