"""millrace-bench as client and server over real ports, with itself and with other stacks."""

import csv
import json
import os
import re
import subprocess

from harness.ctl import check_no_drops
from harness.registry import check, check_equal, test

SECONDS = 1.5
PORT = "5001"


class Ends:
    """One server and one client of millrace-bench."""

    def __init__(self, rig):
        self.rig = rig
        self.program = rig.programs.find("millrace-bench")

    def run(self, server, client):
        """Each is (arguments, namespace, what the command begins with). Gives both records."""
        started = self.spawn("server", ["--once", "--one-clock"], server)
        started.wait_for("ready")
        asked = self.spawn("client", ["--duration", str(SECONDS), "--warm-up", "0.2"], client)
        check_equal(asked.wait(40), 0, f"{asked.describe()}; status of the client")
        check_equal(started.wait(20), 0, f"{started.describe()}; status of the server")
        records = {}
        for role in ("client", "server"):
            with open(self.rig.file(f"{role}.json"), encoding="utf-8") as file:
                records[role] = json.load(file)
        return records["client"], records["server"]

    def spawn(self, role, more, end):
        arguments, namespace, prefix = end
        return self.rig.spawn(
            [*prefix, self.program, role, "--port", PORT, "--json", self.rig.file(f"{role}.json"), "--csv",
             self.rig.file(f"{role}.csv"), *more, *arguments], f"bench-{role}", namespace)


def native(engine):
    return ["--stack", "millrace", "--socket", engine.applications_socket]


def check_echoes(rig, client, server, rate):
    sent = client["result"]["sent"]
    check_equal(sent, int(rate * SECONDS), "messages sent by a client with a rate")
    check_equal(client["result"]["received"], sent, "echoes that came back")
    check_equal(server["result"]["received"], sent, "messages that the server took")
    check_equal(client["latency_ns"]["count"], sent, "latencies")
    check_equal(client["latency_ns"]["from"], "intended", "what latency counts from")
    check(0 < client["latency_ns"]["p50"] <= client["latency_ns"]["p99"] <=
          client["latency_ns"]["max"], f"percentiles: {client['latency_ns']}")
    with open(rig.file("client.csv"), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    check(sum(int(row["received"]) for row in rows) >= sent, f"the table misses some: {rows}")


@test("millrace-bench sends at a rate and gets echoes, engine and engine")
def echoes(rig):
    (ours, _), (theirs, far) = rig.engine_pair()
    client, server = Ends(rig).run(
        (native(theirs), None, []),
        (native(ours) + ["--to", far.ours[0], "--rate", "3000", "--associations", "12",
                         "--streams", "4", "--sizes", "imix", "--unordered", "20"], None, []))
    check_echoes(rig, client, server, 3000)
    check_equal(client["result"]["associations"], 12, "associations")
    check_no_drops(ours)


@test("millrace-bench sends as fast as it can, one way, engine and engine")
def one_way(rig):
    (ours, _), (theirs, far) = rig.engine_pair()
    client, server = Ends(rig).run(
        (native(theirs), None, []),
        (native(ours) + ["--to", far.ours[0], "--one-way", "--sizes", "100-20000"], None, []))
    check_equal(server["result"]["received"], client["result"]["sent"], "messages that arrived")
    check_equal(server["result"]["received_bytes"], client["result"]["sent_bytes"], "bytes")
    check(client["result"]["sent"] > 100, f"too few messages: {client['result']}")
    check_equal(server["latency_ns"]["count"], server["result"]["received"], "latencies")


@test("millrace-bench's client on the engine, its server on usrsctp")
def usrsctp_server(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    client, server = Ends(rig).run(
        (["--stack", "usrsctp"], rig.peer, []),
        (native(engine) + ["--to", paths[0].theirs[0], "--rate", "1000", "--associations", "5",
                           "--sizes", "16-9000"], None, []))
    check_echoes(rig, client, server, 1000)


@test("millrace-bench's client on usrsctp, its server on sockets of millrace-run")
def sockets_server(rig):
    paths = rig.paths(1)
    engine = rig.engine(paths)
    runner = [rig.programs.find("millrace-run"), "--socket", engine.applications_socket]
    client, server = Ends(rig).run(
        (["--stack", "sockets"], rig.ours, runner),
        (["--stack", "usrsctp", "--to", paths[0].ours[0], "--rate", "500", "--streams", "2"],
         rig.peer, []))
    check_echoes(rig, client, server, 500)


# ---- a Linux kernel ----

class Guest:
    """millrace-bench in a guest, with the libraries of the host: the guest has none."""

    def __init__(self, rig, paths):
        self.guest = rig.guest(paths)
        program = rig.programs.find("millrace-bench")
        listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            self.guest.share(library)
        self.command = f"/host/ld-linux-x86-64.so.2 --library-path /host {self.guest.share(program)}"

    def spawn(self, role, *arguments):
        return self.guest.spawn(" ".join([self.command, role, "--stack", "sockets", "--port", PORT,
                                          "--json", f"/host/{role}.json", *arguments]))

    def result(self, role):
        with open(os.path.join(self.guest.host, f"{role}.json"), encoding="utf-8") as file:
            return json.load(file)["result"]


def check_all_came(client, server, rate):
    check_equal(client["sent"], int(rate * SECONDS), "messages sent by a client with a rate")
    check_equal(client["received"], client["sent"], "echoes that came back")
    check_equal(server["received"], client["sent"], "messages that the server took")


@test("millrace-bench's client on the engine, its server on a Linux kernel")
def kernel_server(rig):
    paths = rig.paths(1, guest=True)
    engine = rig.engine(paths)
    guest = Guest(rig, paths)
    server = guest.spawn("server", "--once")
    server.wait_for("ready")
    client = Ends(rig).spawn("client", ["--duration", str(SECONDS)],
                             (native(engine) + ["--to", paths[0].theirs[0], "--rate", "400",
                                                "--associations", "3", "--sizes", "16-9000"],
                              None, []))
    check_equal(client.wait(40), 0, f"{client.describe()}; status of the client")
    check_equal(server.wait(20), 0, f"{server.output()}; status of the server")
    with open(rig.file("client.json"), encoding="utf-8") as file:
        check_all_came(json.load(file)["result"], guest.result("server"), 400)
    check_no_drops(engine)


@test("millrace-bench's client on a Linux kernel, its server on the engine")
def kernel_client(rig):
    paths = rig.paths(1, guest=True)
    engine = rig.engine(paths)
    guest = Guest(rig, paths)
    server = Ends(rig).spawn("server", ["--once"], (native(engine), None, []))
    server.wait_for("ready")
    client = guest.spawn("client", "--duration", str(SECONDS), "--to", paths[0].ours[0], "--rate",
                         "400", "--associations", "3", "--streams", "2", "--sizes", "16-9000")
    check_equal(client.wait(40), 0, f"{client.output()}; status of the client")
    check_equal(server.wait(20), 0, f"{server.describe()}; status of the server")
    with open(rig.file("server.json"), encoding="utf-8") as file:
        check_all_came(guest.result("client"), json.load(file)["result"], 400)
    check_no_drops(engine)
