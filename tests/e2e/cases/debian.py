"""Programs of Debian's packages as peers, just as they come: usrsctp's own examples."""

import os
import re

from harness.ctl import check_no_drops, counter
from harness.registry import check_equal, missing, test, wait_until

FOLDER = "/usr/lib/usrsctp"


def example(name):
    path = os.path.join(FOLDER, name)
    if not os.access(path, os.X_OK):
        missing(f"{path} is not there: package libusrsctp-examples")
    return path


@test("usrsctp's tsctp sends what mr-cat receives")
def tsctp(rig):
    program = example("tsctp")
    paths = rig.paths(1)
    engine = rig.engine(paths)
    received = rig.file("received")
    rig.spawn(["sh", "-c", f"sleep 60 | {rig.programs.find('mr-cat')} --port 5001 --socket "
                           f"{engine.applications_socket} > {received}"], "mr-cat")
    wait_until(lambda: engine.ask("listeners")["listeners"], 10, "mr-cat listens")
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
    # Refused until the server listens, which it does not tell of. The input does not end before the
    # server has read everything: what usrsctp's program does when an association ends while
    # messages are unread is not what is tried here.
    end = rig.file("end-of-input")
    client = rig.spawn(["sh", "-c", f"(cat {sent}; until [ -e {end} ]; do sleep 0.1; done) | "
                                    f"until {rig.programs.find('mr-cat')} --socket "
                                    f"{engine.applications_socket} --connect {paths[0].theirs[0]} "
                                    f"--port 9; do sleep 0.1; done"], "mr-cat")

    # Its own words may follow those of another of its threads on one line.
    def received():
        found = re.findall(r"Msg of length (\d+)", server.output())
        return sum(int(length) for length in found)

    wait_until(lambda: received() >= 500_000, 40, "everything is received")
    with open(end, "w", encoding="ascii"):
        pass
    check_equal(client.wait(40), 0, f"{client.describe()}; status")
    check_equal(received(), 500_000, "bytes received")
    check_no_drops(engine)
