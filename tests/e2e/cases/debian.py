"""Programs of Debian's packages as peers, just as they come: usrsctp's own examples."""

import os
import re

from harness.ctl import check_no_drops, counter
from harness.registry import Skip, check_equal, test, wait_until

FOLDER = "/usr/lib/usrsctp"


def example(name):
    path = os.path.join(FOLDER, name)
    if not os.access(path, os.X_OK):
        raise Skip(f"{path} is not there: package libusrsctp-examples")
    return path


def cat(rig, engine, words, redirection):
    command = f"exec {rig.programs.find('mr-cat')} --socket {engine.applications_socket} {words}"
    return rig.spawn(["sh", "-c", f"{command} {redirection}"], "mr-cat")


@test("usrsctp's tsctp sends what mr-cat receives")
def tsctp(rig):
    program = example("tsctp")
    paths = rig.paths(1)
    engine = rig.engine(paths)
    received = rig.file("received")
    rig.spawn(["sh", "-c", f"sleep 60 | {rig.programs.find('mr-cat')} --port 5001 --socket "
                           f"{engine.applications_socket} > {received}"], "mr-cat")
    wait_until(lambda: counter(engine, "applications_attached") == 1, 10, "mr-cat is attached")
    client = rig.spawn([program, "-n", "2000", "-l", "1200", paths[0].ours[0]], "tsctp", rig.peer)
    check_equal(client.wait(40), 0, f"{client.describe()}; status")
    wait_until(lambda: counter(engine, "associations_shut_down") == 1, 10, "it is shut down")
    check_equal(os.path.getsize(received), 2000 * 1200, "bytes received")
    check_no_drops(engine)


@test("usrsctp's discard_server receives what mr-cat sends")
def discard(rig):
    program = example("discard_server")
    paths = rig.paths(1)
    engine = rig.engine(paths)
    server = rig.spawn(["stdbuf", "-oL", program], "discard_server", rig.peer)
    sent = rig.file("sent")
    with open(sent, "wb") as file:
        file.write(os.urandom(500_000))
    client = cat(rig, engine, f"--connect {paths[0].theirs[0]} --port 9", f"< {sent}")
    check_equal(client.wait(40), 0, f"{client.describe()}; status")
    lengths = [int(n) for n in re.findall(r"^Msg of length (\d+)", server.output(), re.MULTILINE)]
    check_equal(sum(lengths), 500_000, f"{server.describe()}; bytes received")
    check_no_drops(engine)
