"""Programs of Debian's packages, unmodified: on engines at both ends of a wire, and on an engine and a
Linux kernel."""

import os
import re
import signal
import time

import harness
from harness.ends import program_test
from harness.process import run
from harness.registry import check, check_equal, wait_until
from harness.sockets import needs


def write(rig, name, text):
    with open(rig.file(name), "w", encoding="utf-8") as file:
        file.write(text)
    return rig.file(name)


@program_test("iperf3 --sctp moves data")
def iperf3(rig, client, server):
    for options in (["-n", "20M", "-P", "2"], ["-n", "5M", "-R", "-M", "9000"],
                    ["-n", "5M", "--bidir"]):
        sink = server.spawn(["iperf3", "-s", "-1", "--forceflush"], "iperf3-server")
        sink.wait_for("Server listening")
        source = client.spawn(["iperf3", "--sctp", "-c", server.address, *options], "iperf3-client")
        check_equal(source.wait(60), 0, source.describe())
        check_equal(sink.wait(20), 0, sink.describe())
        check("receiver" in source.output(), source.output())


@program_test("ncat --sctp carries a line each way")
def ncat(rig, client, server):
    needs("ncat")
    far = server.shell("(sleep 1; echo pong; sleep 2) | $RUN ncat --sctp -v -l 5000", "ncat-server")
    far.wait_for("Listening")
    near = client.shell(f"(echo ping; sleep 3) | $RUN ncat --sctp {server.address} 5000",
                        "ncat-client")
    far.wait_for("ping")
    near.wait_for("pong")


@program_test("socat relays a stream over SCTP")
def socat(rig, client, server):
    needs("socat")
    target = rig.file("received")
    far = server.spawn(["socat", "-u", "SCTP-LISTEN:5000,reuseaddr", f"CREATE:{target}"],
                       "socat-server")
    wait_until(server.listens, 10, "it listens")
    near = client.shell(f"seq 1 20000 | $RUN socat -u - SCTP:{server.address}:5000", "socat-client")
    check_equal(near.wait(30), 0, near.describe())
    check_equal(far.wait(20), 0, far.describe())
    with open(target, encoding="ascii") as file:
        check_equal(file.read().split(), [str(i) for i in range(1, 20001)], "what arrived")


@program_test("sctp_test of lksctp-tools runs its passes")
def sctp_test(rig, client, server):
    far = server.spawn(["sctp_test", "-H", server.address, "-P", "5100", "-l"], "sctp_test-server")
    far.wait_for("listen")
    near = client.spawn(["sctp_test", "-H", client.address, "-P", "5101", "-h", server.address, "-p",
                         "5100", "-s", "-x", "20"], "sctp_test-client")
    near.wait(30)
    # Its exit status says nothing: what the server has received does.
    sent = sum(int(n) for n in re.findall(r"sendmsg\(sk=\d+, assoc=\d+\) +(\d+) bytes",
                                          near.output()))
    check(sent > 0, near.describe())
    wait_until(lambda: received_bytes(far.output()) == sent, 10, f"{sent} bytes arrive")
    check("SHUTDOWN_COMPLETE" in far.output(), far.describe())


def received_bytes(text):
    return sum(int(n) for n in re.findall(r"Data (\d+) bytes", text))


@program_test("sctp_darn of lksctp-tools talks to itself")
def sctp_darn(rig, client, server):
    needs("sctp_darn", "stdbuf")
    far = server.shell(f"$RUN stdbuf -o0 sctp_darn -H {server.address} -P 5200 -l", "darn-server")
    far.wait_for("listening")
    near = client.shell(f"(echo one; echo two; sleep 1) | $RUN sctp_darn -H {client.address} -P 5201 "
                        f"-h {server.address} -p 5200 -s", "darn-client")
    far.wait_for("two")
    near.wait(10)
    far.wait_for("SHUTDOWN_COMP")


@program_test("Erlang's gen_sctp: one-to-many sockets exchange messages on five streams")
def gen_sctp(rig, client, server):
    needs("erl", "erlc")
    source = os.path.join(os.path.dirname(harness.__file__), "echo.erl")
    run(["erlc", "-o", rig.directory, source])
    words = ["erl", "-noshell", "-pa", rig.directory, "-s", "echo"]
    far = server.spawn([*words, "server"], "erlang-server")
    far.wait_for("listening")
    near = client.spawn([*words, "client", "-extra", server.address], "erlang-client")
    check_equal(near.wait(40), 0, near.describe())
    check("content" in near.output(), near.describe())
    check_equal(far.wait(20), 0, far.describe())


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


def certificate_of(rig, name):
    certificate, key = rig.file(f"{name}.crt"), rig.file(f"{name}.key")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         f"/CN={name}", "-keyout", key, "-out", certificate])
    return certificate, key


def diameter_config(rig, own, end, peer, peer_end):
    certificate, key = certificate_of(rig, f"{own}.example")
    return write(rig, f"{own}.conf", DIAMETER.format(
        own=own, address=end.address, peer=peer, peer_address=peer_end.address,
        certificate=certificate, key=key))


def open_daemons(client, client_config, server, server_config):
    """Two that have found each other: one of the client's end and one of the server's. That of the
    server's tries once itself, in vain: nobody is there yet, and it will try again in half a
    minute."""
    far = server.spawn(["freeDiameterd", "-dd", "-c", server_config], "diameter-far")
    wait_until(lambda: "will retry later" in far.output(), 20, "the far daemon is up")
    near = client.spawn(["freeDiameterd", "-dd", "-c", client_config], "diameter-near")
    for daemon in (near, far):
        wait_until(lambda: "'STATE_OPEN'" in daemon.output(), 20, "the daemons are connected")
    return near, far


def wait_for_timer(*daemons):
    """For a watchdog of TwTimer, which is 6 s, give or take 2. Those that open a connection anew
    follow each other within a second."""
    def seen():
        return sum(daemon.output().count("Device-Watchdog-Request") for daemon in daemons)

    wait_until(seen, 20, "a watchdog")
    last, since = seen(), time.monotonic()
    while time.monotonic() < since + 3:
        time.sleep(0.1)
        if seen() != last:
            last, since = seen(), time.monotonic()
    wait_until(lambda: seen() > last, 12, "a watchdog of the timer")


@program_test("freeDiameter: capabilities exchange, watchdogs, and a disconnect that both agree on")
def free_diameter(rig, client, server):
    needs("freeDiameterd", "openssl")
    near, far = open_daemons(client, diameter_config(rig, "a", client, "b", server),
                             server, diameter_config(rig, "b", server, "a", client))
    wait_for_timer(near, far)
    near.send_signal(signal.SIGTERM)
    wait_until(lambda: "sent a DPR" in far.output(), 10, "it says goodbye")
    check_equal(near.wait(25), 0, near.describe())


def routing_config(rig, own, realm, end, others):
    """Of a daemon that relays; others: name, realm, end and port of those that may connect to it, or
    that it connects to."""
    certificate, key = certificate_of(rig, f"{own}.{realm}")
    peers = "".join(f'ConnectPeer = "{name}.{its_realm}" {{ ConnectTo = "{to.address}"; Realm = '
                    f'"{its_realm}"; Port = {port}; No_TLS; }};\n'
                    for name, its_realm, to, port in others)
    return write(rig, f"{own}.conf", f"""Identity = "{own}.{realm}";
Realm = "{realm}";
Port = 3868;
SecPort = 0;
No_TCP;
No_IPv6;
TwTimer = 30;
ListenOn = "{end.address}";
TLS_Cred = "{certificate}", "{key}";
TLS_CA = "{certificate}";
{peers}""")


NOBODY = 3870  # a port at which the daemon would find the ends, which connect to it instead
REQUESTS = 3


def requests_on_the_wire(rig, runs):
    """As tshark sees them: requests and answers between the daemons, whole, for the other realm."""
    capture = rig.captures[0]
    capture.stop()
    dissected = run(["tshark", "-r", capture.path, "-Y", "diameter.cmd.code == 271", "-T", "fields",
                     "-E", "occurrence=a", "-e", "diameter.flags.request", "-e",
                     "diameter.Destination-Realm", "-e", "_ws.malformed"]).stdout
    wire = [line.split("\t") for line in dissected.splitlines()]
    requests = [fields for fields in wire if fields[0] in ("1", "True")]
    check_equal((len(wire), len(requests)), (2 * REQUESTS * runs, REQUESTS * runs),
                f"messages and requests on the wire: {dissected}")
    check(all(fields[1:] == ["far", ""] for fields in requests), dissected)


@program_test("freeDiameter: requests are routed by their realm through two daemons, and answered",
              afterwards=requests_on_the_wire)
def routed_request(rig, client, server):
    needs("freeDiameterd", "openssl", "tshark")
    near, _ = open_daemons(
        client, routing_config(rig, "a", "near", client, [("b", "far", server, 3868),
                                                          ("client", "near", client, NOBODY)]),
        server, routing_config(rig, "b", "far", server, [("a", "near", client, 3868),
                                                         ("server", "far", server, NOBODY)]))
    script = ["/usr/bin/python3", os.path.join(os.path.dirname(harness.__file__), "diameter.py")]
    far_end = server.spawn([*script, "server", "server.far", "far", "near", server.address],
                           "diameter-server")
    far_end.wait_for("capabilities 2001")
    near_end = client.spawn([*script, "client", "client.near", "near", "far", client.address,
                             str(REQUESTS)], "diameter-client")
    check_equal(near_end.wait(20), 0, near_end.describe() + near.describe())
    check_equal(near_end.output().count("result 2001 from server.far"), REQUESTS,
                near_end.describe())
    check_equal(far_end.output().count("answered, by way of client.near a.near"), REQUESTS,
                far_end.describe())


STP = """log stderr
 logging level all info
cs7 instance 0
 network-indicator international
 asp asp-a 2906 2905 m3ua
  local-ip {own}
  remote-ip {peer}
  role sg
  sctp-role server
 as as-a m3ua
  asp asp-a
  routing-key 2 0.0.2
 listen m3ua 2905
  local-ip {own}
"""
ASP = """log stderr
 logging level all info
cs7 instance 0
 point-code 0.0.2
 asp asp-a 2905 2906 m3ua
  local-ip {own}
  remote-ip {peer}
  role asp
  sctp-role client
 as as-a m3ua
  asp asp-a
  routing-key 2 0.0.2
"""


@program_test("osmo-stp: an M3UA application server process comes up at a signalling gateway")
def osmo_stp(rig, client, server):
    needs("osmo-stp")
    stp = STP.format(own=server.address, peer=client.address)
    asp = ASP.format(own=client.address, peer=server.address)
    far = server.spawn(["osmo-stp", "-c", write(rig, "stp.cfg", stp)], "stp")
    far.wait_for("Available via telnet")
    near = client.spawn(["osmo-stp", "-c", write(rig, "asp.cfg", asp)], "asp")
    near.wait_for("Client connected")
    far.wait_for("connection accepted")
    # Both messages of its life were acknowledged (ASPUP, ASPAC), and the gateway says so.
    near.wait_for("State Change:AS Active")
    near.stop()
    far.wait_for("SHUTDOWN_EVENT", 10)


GATEWAY = """log stderr
 logging level all info
cs7 instance 0
 network-indicator international
 point-code 0.0.7
 asp asp-a 2906 2905 m3ua
  local-ip {own}
  remote-ip {peer}
  role sg
  sctp-role server
 asp asp-b 2907 2905 m3ua
  local-ip {own}
  remote-ip {peer}
  role sg
  sctp-role server
 as as-a m3ua
  asp asp-a
  routing-key 1 0.0.1
 as as-b m3ua
  asp asp-b
  routing-key 2 0.0.2
 route-table system
  update route 0.0.1 7.255.7 linkset as-a
  update route 0.0.2 7.255.7 linkset as-b
 listen m3ua 2905
  local-ip {own}
"""
SIGNALS = 50


@program_test("osmo-stp: a signalling gateway routes M3UA DATA between two application server processes")
def osmo_stp_routes(rig, client, server):
    needs("osmo-stp")
    config = GATEWAY.format(own=server.address, peer=client.address)
    gateway = server.spawn(["osmo-stp", "-c", write(rig, "gateway.cfg", config)], "gateway")
    gateway.wait_for("Available via telnet")
    script = os.path.join(os.path.dirname(harness.__file__), "m3ua.py")
    both = client.spawn(["/usr/bin/python3", script, client.address, server.address, str(SIGNALS)],
                        "processes")
    check_equal(both.wait(30), 0, both.describe() + gateway.describe())
    check(f"routed {SIGNALS} each way" in both.output(), both.describe())


@program_test("netperfmeter measures over SCTP")
def netperfmeter(rig, client, server):
    needs("netperfmeter")
    far = server.spawn(["netperfmeter", "9000"], "netperfmeter-server")
    far.wait_for("Passive Mode")
    near = client.spawn(["netperfmeter", f"{server.address}:9000", "-runtime=6",
                         f"-scalar={rig.file('counts.sca')}", "-sctp",
                         "const50:const1000:const50:const1000"], "netperfmeter-client")
    check_equal(near.wait(30), 0, near.describe())
    counts = {end: counts_of(rig, end) for end in ("active", "passive")}
    # Each sends 50 a second, and goes on until it hears of the end.
    for sender, receiver in (("active", "passive"), ("passive", "active")):
        sent, got = counts[sender]["Transmitted Packets"], counts[receiver]["Received Packets"]
        check(got > 100 and 0 <= sent - got <= 50, f"{sender} has sent {sent}, of which {got} came")
        check_equal(counts[receiver]["Received Bytes"], 1000 * got, f"bytes that came to the {receiver}")


def counts_of(rig, end):
    """What one of the two has counted: the passive one sends it to the other in the end."""
    with open(rig.file(f"counts-{end}.sca"), encoding="utf-8") as file:
        return {name: int(number) for name, number in
                re.findall(rf'"netPerfMeter.{end}.total" +"(\w+ (?:Packets|Bytes))" +(\d+)', file.read())}
