"""Sockets that come to other programs: through exec, and over other sockets."""

import os

import harness
from harness.ends import THEIRS, two_engines
from harness.registry import check, check_equal, test, wait_until
from harness.sockets import needs, spawn

PYTHON = "/usr/bin/python3"
SCRIPT = os.path.join(os.path.dirname(harness.__file__), "inetd.py")
CAT = ["/bin/cat"]  # reads and writes without the C library's streams
WORDS = ("one", "two")
# What a server of harness/inetd.py does with its connections, the program that gets them, what that
# adds to a line, and how the programs end.
WAYS = (
    ("popen", CAT, "", "done [0, 0]"),   # as inetd does it: vfork and exec
    ("popen", ["sed", "-u", "s/$/ by stream/"], " by stream", "done [0, 0]"),
    ("spawn", CAT, "", "done [0, 0]"),   # posix_spawn
    ("system", CAT, "", "done [0, 0]"),
    ("bare", CAT, "", "done [0, 0]"),    # exec with an environment of which nothing is left
    ("become", [PYTHON, SCRIPT, "activated"], "", "activated"),  # as systemd does it
    ("hand", [], "", "done [0]"),        # SCM_RIGHTS, to a process that was there before
)


def say(rig, engine, port, word):
    """A client that says a word and waits for what it is answered."""
    return spawn(rig, engine, [PYTHON, SCRIPT, "client", THEIRS, str(port), word],
                 f"client-{port}-{word}")


def nothing_left(*engines):
    for engine in engines:
        wait_until(lambda: not engine.ask("applications")["applications"], 10,
                   "nothing of them is left at the engine")


def listening(engine):
    return len(engine.ask("listeners")["listeners"])


@test("servers give their connections to programs and processes, in every way that there is")
def given_away(rig):
    ours, theirs = two_engines(rig)
    servers = [spawn(rig, theirs, [PYTHON, SCRIPT, how, str(5600 + i), *command],
                     f"inetd-{how}-{5600 + i}") for i, (how, command, _, _) in enumerate(WAYS)]
    for server in servers:
        server.wait_for("serving")
    clients = [[say(rig, ours, 5600 + i, word) for word in WORDS] for i in range(len(WAYS))]
    for server, pair, (how, _, added, end) in zip(servers, clients, WAYS):
        for client, word in zip(pair, WORDS):
            client.wait(20)
            check(word + added in client.output().lower(),
                  f"{how}: answered {client.output()!r}: {server.describe()}")
        check_equal(server.wait(10), 0, server.describe())
        check(end in server.output(), f"{how}: {server.describe()}")
    nothing_left(ours, theirs)


@test("socat becomes the program that has the connection, with a fork and without (EXEC, nofork)")
def socat_becomes(rig):
    needs("socat")
    ours, theirs = two_engines(rig)
    servers = [spawn(rig, theirs, ["socat", f"SCTP4-LISTEN:{port},reuseaddr{more}",
                                   "EXEC:cat,nofork"], f"socat-{port}")
               for port, more in ((5620, ""), (5621, ",fork"))]
    wait_until(lambda: listening(theirs) == 2, 10, "they listen")
    clients = [say(rig, ours, port, word) for port, word in
               ((5620, "single"), (5621, "first"), (5621, "second"))]
    for client, word in zip(clients, ("single", "first", "second")):
        client.wait(20)
        check(word in client.output(), f"answered {client.output()!r}: {client.describe()}")
    check_equal(servers[0].wait(10), 0, servers[0].describe())
    servers[1].stop()
    nothing_left(ours, theirs)


@test("a program that cannot load the library finds its connection closed, or after posix_spawn bare")
def static_program(rig):
    needs("busybox")
    ours, theirs = two_engines(rig)
    parent = spawn(rig, theirs, [PYTHON, SCRIPT, "spawn", "5631", "/bin/busybox", "readlink",
                                 "/proc/self/fd/0"], "inetd-bare")
    parent.wait_for("serving")
    for word in WORDS:
        say(rig, ours, 5631, word).wait(20)
    check_equal(parent.wait(10), 0, parent.describe())
    check("done [0, 0]" in parent.output(), f"not a descriptor: {parent.describe()}")
    server = spawn(rig, theirs, [PYTHON, SCRIPT, "bare", "5630", "/bin/busybox", "cat"],
                   "inetd-static")
    server.wait_for("serving")
    for word in WORDS:
        client = say(rig, ours, 5630, word)
        client.wait(20)
        check(word not in client.output(), f"answered {client.output()!r}")
    check_equal(server.wait(10), 0, server.describe())
    check("Bad file descriptor" in server.output() and "done [1, 1]" in server.output(),
          server.describe())
    nothing_left(ours, theirs)
