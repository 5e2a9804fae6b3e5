"""The example programs, as somebody would run them: one engine's against another's."""

import hashlib
import json
import os
import signal

from harness.ctl import counter
from harness.registry import check, check_equal, test


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def sound(report):
    return report["sent"] > 0 and report["answered"] == report["sent"] and report["lost"] == 0


@test("mr-cat brings a file over unchanged, and ends with its input")
def cat(rig):
    (near, _), (far, _) = rig.engine_pair()
    sent, received = rig.file("sent"), rig.file("received")
    with open(sent, "wb") as file:
        file.write(os.urandom(3_000_000))
    program = rig.programs.find("mr-cat")
    # The end of its own input would end the association: the receiver's input stays open.
    receiver = rig.spawn(["sh", "-c", f"sleep 60 | {program} --socket {far.applications_socket} "
                                      f"--port 7 > {received}"], "receiver")
    sender = rig.spawn(["sh", "-c", f"until {program} --socket {near.applications_socket} "
                                    f"--connect 10.20.0.2 --port 7 < {sent}; do sleep 0.1; done"],
                       "sender")
    check_equal(sender.wait(40), 0, f"{sender.describe()}; status")
    check_equal(digest(received), digest(sent), f"{receiver.describe()}; digest")
    check_equal(counter(far, "bytes_delivered"), 3_000_000, "bytes delivered")
    check_equal(counter(near, "associations_shut_down"), 1, "shut down")
    receiver.stop()


def play_diameter(rig, near, far):
    server = rig.spawn([rig.programs.find("mr-diameter-server"), "--socket",
                        far.applications_socket], "server")
    server.wait_for("ready")
    client = rig.spawn([rig.programs.find("mr-diameter-client"), "--connect", "10.20.0.2", "--rate",
                        "3000", "--seconds", "3", "--streams", "8", "--socket",
                        near.applications_socket], "client")
    check_equal(client.wait(40), 0, f"{client.describe()}; status")
    report = json.loads(client.output().strip().splitlines()[-1])
    check(sound(report) and report["sent"] >= 8000, f"report {report}")
    check_equal(server.stop(signal.SIGINT), 0, "the server's status")
    said = json.loads(server.output().strip().splitlines()[-1])
    check_equal(said, {"answered": report["sent"], "malformed": 0}, "the server's report")


@test("the Diameter-shaped client and server agree on every answer")
def diameter(rig):
    (near, _), (far, _) = rig.engine_pair()
    play_diameter(rig, near, far)


@test("the same over shared memory between two engines (net_memif)")
def memif(rig):
    rig.ours = rig.peer = rig.namespace("ours")
    socket = rig.file("memif.sock")

    def engine(role, address):
        device = f"net_memif0,role={role},socket={socket},socket-abstract=no"
        return rig.engine([], interfaces=[{"name": "wire", "device": device,
                                           "addresses": [f"{address}/24"]}])

    far = engine("server", "10.20.0.2")
    near = engine("client", "10.20.0.1")
    play_diameter(rig, near, far)


@test("mr-sctp-ping, made for our header alone, is answered through two engines")
def sctp_ping(rig):
    (near, _), (far, _) = rig.engine_pair()
    program = rig.programs.find("mr-sctp-ping")
    server = rig.spawn([program, "5000"], "server",
                       environment={"MILLRACE_SOCKET": far.applications_socket})
    server.wait_for("listening")
    client = rig.spawn([program, "10.20.0.2", "5000", "1000"], "client",
                       environment={"MILLRACE_SOCKET": near.applications_socket})
    check_equal(client.wait(20), 0, f"{client.describe()}; status")
    check("1000 of 1000 answered" in client.output(), client.describe())
    server.wait_for("ended")
