"""What IP headers say besides addresses, as a program or the configuration wants it."""

from harness.ends import THEIRS
from harness.process import run
from harness.registry import check, check_equal, test
from harness.sockets import second_engine, spawn

# struct sctp_paddrparams of Linux: SPP_IPV6_FLOWLABEL and SPP_DSCP of all addresses.
CLIENT = """
import socket, struct, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_STREAM, 132)
if family == socket.AF_INET:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 46 << 2)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
else:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
if sys.argv[2] == 'options of IPv6':
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 18 << 2)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 11)
elif family == socket.AF_INET6:
    s.setsockopt(132, 9, struct.pack('=i128sIHIIIIBx', 0, b'', 0, 0, 0, 0, 0x300, 0xabcde, 34 << 2))
s.connect((sys.argv[1], 5000))
for word in (b'one', b'two'):
    s.send(word)
    assert s.recv(100) == word
    if sys.argv[2] == 'another later':
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 12 << 2)
s.close()
"""
SERVER = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 132)
s.bind(('::', 5000))
s.listen(5)
print('listens', flush=True)
for _ in range(4):
    one, _ = s.accept()
    while data := one.recv(100):
        one.send(data)
    one.close()
"""


def headers(capture, source, fields):
    """The different values of these fields in SCTP packets from an address, as tshark tells them."""
    what = [word for field in fields for word in ("-e", field)]
    version = "ipv6" if ":" in source else "ip"
    lines = run(["tshark", "-r", capture.path, "-Y", f"sctp && {version}.src == {source}", "-T",
                 "fields", *what]).stdout.splitlines()
    check(len(lines) >= 5, f"only {len(lines)} packets of {source}")
    return {tuple(int(value, 0) for value in line.split("\t")) for line in lines}


@test("all packets bear the DSCP, hop limit and flow label that a program wants, or the configuration")
def marked(rig):
    paths = rig.paths(1, families="46")
    near = rig.engine(paths)
    far = second_engine(rig, paths, sctp={"dscp": 10, "hop_limit": 33})
    server = spawn(rig, far, ["/usr/bin/python3", "-c", SERVER], "server")
    server.wait_for("listens")
    far_six = paths[0].theirs[1]
    for host, how in ((THEIRS, ""), (far_six, ""), (THEIRS, "another later"),
                      (far_six, "options of IPv6")):
        client = spawn(rig, near, ["/usr/bin/python3", "-c", CLIENT, host, how], "client")
        check_equal(client.wait(20), 0, client.describe())
    check_equal(server.wait(20), 0, server.describe())
    capture = rig.captures[0]
    capture.stop()
    four = ("ip.dsfield", "ip.ttl")
    six = ("ipv6.tclass", "ipv6.hlim", "ipv6.flow")
    check_equal(headers(capture, paths[0].ours[0], four), {(46 << 2, 9), (12 << 2, 9)},
                "ours, IPv4, with an option set while it is connected")
    check_equal(headers(capture, paths[0].theirs[0], four), {(10 << 2, 33)}, "theirs, IPv4")
    ours = headers(capture, paths[0].ours[1], six)
    check_equal({row for row in ours if row[2] == 0xabcde}, {(34 << 2, 64, 0xabcde)}, "ours, IPv6")
    check_equal({row[:2] for row in ours if row[2] != 0xabcde}, {(18 << 2, 11)},
                "ours, with IPv6's options")
    theirs = headers(capture, paths[0].theirs[1], six)
    check({row[:2] for row in theirs} == {(10 << 2, 33)} and len(theirs) == 1, f"IPv6: {theirs}")
