"""Larger programs of Debian, unmodified, on the engine at both ends of a wire."""

import os
import re
import signal

import harness
from cases.sockets import HOST, two_engines
from harness.process import run
from harness.registry import check, check_equal, test, wait_until
from harness.sockets import needs, spawn

OURS = "10.20.0.1"


def write(rig, name, text):
    with open(rig.file(name), "w", encoding="utf-8") as file:
        file.write(text)
    return rig.file(name)


@test("Erlang's gen_sctp: a one-to-many server and client exchange messages on five streams")
def gen_sctp(rig):
    needs("erl", "erlc")
    ours, theirs = two_engines(rig)
    source = os.path.join(os.path.dirname(harness.__file__), "echo.erl")
    run(["erlc", "-o", rig.directory, source])
    words = ["erl", "-noshell", "-pa", rig.directory, "-s", "echo"]
    server = spawn(rig, theirs, [*words, "server"], "erlang-server")
    server.wait_for("listening")
    client = spawn(rig, ours, [*words, "client"], "erlang-client")
    check_equal(client.wait(40), 0, client.describe())
    check("content" in client.output(), client.describe())
    check_equal(server.wait(20), 0, server.describe())


DIAMETER = """Identity = "{own}.example";
Realm = "example";
Port = 3868;
SecPort = 0;
No_TCP;
No_IPv6;
TwTimer = 6;
ListenOn = "{address}";
TLS_Cred = "{certificate}", "{key}";
TLS_CA = "{certificate}";
ConnectPeer = "{peer}.example" {{ ConnectTo = "{peer_address}"; No_TLS; }};
"""


def diameter_config(rig, own, address, peer, peer_address):
    certificate, key = rig.file(f"{own}.crt"), rig.file(f"{own}.key")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         f"/CN={own}.example", "-keyout", key, "-out", certificate])
    return write(rig, f"{own}.conf", DIAMETER.format(
        own=own, address=address, peer=peer, peer_address=peer_address, certificate=certificate,
        key=key))


@test("freeDiameter: capabilities exchange, watchdogs, and a disconnect that both agree on")
def free_diameter(rig):
    needs("freeDiameterd", "openssl")
    ours, theirs = two_engines(rig)
    a = diameter_config(rig, "a", OURS, "b", HOST)
    b = diameter_config(rig, "b", HOST, "a", OURS)
    server = spawn(rig, theirs, ["freeDiameterd", "-dd", "-c", b], "diameter-b")
    # b tries once itself, in vain: nobody is there yet, and it will try again in half a minute.
    wait_until(lambda: "will retry later" in server.output(), 20, "b is up")
    client = spawn(rig, ours, ["freeDiameterd", "-dd", "-c", a], "diameter-a")
    for side in (client, server):
        wait_until(lambda: "'STATE_OPEN'" in side.output(), 20, "the peer is open")
    # TwTimer is 6 s, give or take 2.
    wait_until(lambda: "Device-Watchdog" in client.output() + server.output(), 20, "a watchdog")
    client.send_signal(signal.SIGTERM)
    wait_until(lambda: "sent a DPR" in server.output(), 10, "it says goodbye")
    check_equal(client.wait(25), 0, client.describe())


STP = """log stderr
 logging level all info
cs7 instance 0
 network-indicator international
 asp asp-a 2906 2905 m3ua
  local-ip 10.20.0.2
  remote-ip 10.20.0.1
  role sg
  sctp-role server
 as as-a m3ua
  asp asp-a
  routing-key 2 0.0.2
 listen m3ua 2905
  local-ip 10.20.0.2
"""
ASP = """log stderr
 logging level all info
cs7 instance 0
 point-code 0.0.2
 asp asp-a 2905 2906 m3ua
  local-ip 10.20.0.1
  remote-ip 10.20.0.2
  role asp
  sctp-role client
 as as-a m3ua
  asp asp-a
  routing-key 2 0.0.2
"""


@test("osmo-stp: an M3UA application server process comes up at a signalling gateway")
def osmo_stp(rig):
    needs("osmo-stp")
    ours, theirs = two_engines(rig)
    server = spawn(rig, theirs, ["osmo-stp", "-c", write(rig, "stp.cfg", STP)], "stp")
    server.wait_for("Available via telnet")
    client = spawn(rig, ours, ["osmo-stp", "-c", write(rig, "asp.cfg", ASP)], "asp")
    client.wait_for("Client connected")
    server.wait_for("connection accepted")
    # Both messages of its life were acknowledged (ASPUP, ASPAC), and the gateway says so.
    client.wait_for("State Change:AS Active")
    client.stop()
    server.wait_for("SHUTDOWN_EVENT", 10)


@test("netperfmeter measures over SCTP")
def netperfmeter(rig):
    needs("netperfmeter")
    ours, theirs = two_engines(rig)
    server = spawn(rig, theirs, ["netperfmeter", "9000"], "netperfmeter-server")
    server.wait_for("Passive Mode")
    client = spawn(rig, ours, ["netperfmeter", f"{HOST}:9000", "-runtime=3", "-sctp",
                               "const50:const1000:const50:const1000"], "netperfmeter-client")
    check_equal(client.wait(30), 0, client.describe())
    packets = [int(n) for n in re.findall(r"\* Packets: +(\d+) packets", client.output())]
    check(len(packets) >= 2 and all(n > 100 for n in packets[:2]), f"packets: {packets}")
    server.stop()
