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


def routing_config(rig, own, realm, address, others):
    """Of a daemon that relays; others: name, realm and address of those that may connect to it, or
    that it connects to."""
    certificate, key = rig.file(f"{own}.crt"), rig.file(f"{own}.key")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         f"/CN={own}.{realm}", "-keyout", key, "-out", certificate])
    peers = "".join(f'ConnectPeer = "{name}.{its_realm}" {{ ConnectTo = "{to}"; Realm = '
                    f'"{its_realm}"; Port = {port}; No_TLS; }};\n'
                    for name, its_realm, to, port in others)
    return write(rig, f"{own}.conf", f"""Identity = "{own}.{realm}";
Realm = "{realm}";
Port = 3868;
SecPort = 0;
No_TCP;
No_IPv6;
TwTimer = 30;
ListenOn = "{address}";
TLS_Cred = "{certificate}", "{key}";
TLS_CA = "{certificate}";
{peers}""")


NOBODY = 3870  # a port at which the daemon would find the ends, which connect to it instead


@test("freeDiameter: requests are routed by their realm through two daemons, and answered")
def routed_request(rig):
    needs("freeDiameterd", "openssl", "tshark")
    ours, theirs = two_engines(rig)
    a = routing_config(rig, "a", "near", OURS, [("b", "far", HOST, 3868),
                                                ("client", "near", OURS, NOBODY)])
    b = routing_config(rig, "b", "far", HOST, [("a", "near", OURS, 3868),
                                               ("server", "far", HOST, NOBODY)])
    far = spawn(rig, theirs, ["freeDiameterd", "-dd", "-c", b], "diameter-b")
    wait_until(lambda: "will retry later" in far.output(), 20, "b is up")
    near = spawn(rig, ours, ["freeDiameterd", "-dd", "-c", a], "diameter-a")
    for side in (near, far):
        wait_until(lambda: "'STATE_OPEN'" in side.output(), 20, "the daemons are connected")
    script = os.path.join(os.path.dirname(harness.__file__), "diameter.py")
    server = spawn(rig, theirs, ["/usr/bin/python3", script, "server", "server.far", "far", "near",
                                 HOST], "diameter-server")
    server.wait_for("capabilities 2001")
    client = spawn(rig, ours, ["/usr/bin/python3", script, "client", "client.near", "near", "far",
                               OURS, "3"], "diameter-client")
    check_equal(client.wait(20), 0, client.describe() + near.describe())
    check_equal(client.output().count("result 2001 from server.far"), 3, client.describe())
    check_equal(server.output().count("answered, by way of client.near a.near"), 3,
                server.describe())
    capture = rig.captures[0]
    capture.stop()
    dissected = run(["tshark", "-r", capture.path, "-Y", "diameter.cmd.code == 271", "-T", "fields",
                     "-E", "occurrence=a", "-e", "diameter.flags.request", "-e",
                     "diameter.Destination-Realm", "-e", "_ws.malformed"]).stdout
    wire = [line.split("\t") for line in dissected.splitlines()]
    requests = [fields for fields in wire if fields[0] in ("1", "True")]
    check_equal((len(wire), len(requests)), (6, 3), f"requests on the wire: {dissected}")
    check(all(fields[1:] == ["far", ""] for fields in requests), dissected)


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
