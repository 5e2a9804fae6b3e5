"""Network namespaces, veth pairs and taps. Names carry our process id, so that what a killed run
left behind is told from what a living one uses."""

import os
import re

from .process import run

PREFIX = "mre2e"
HUSH = """table inet hush {
  chain output {
    type filter hook output priority 0
    icmp type destination-unreachable icmp code 2 drop
    icmpv6 type parameter-problem icmpv6 code 1 drop
  }
}"""


def sweep():
    """Deletes namespaces of runs that are gone."""
    listing = run(["ip", "netns", "list"], check=False).stdout
    for name, pid in re.findall(rf"^({PREFIX}-(\d+)-\S+)", listing, re.MULTILINE):
        if not os.path.exists(f"/proc/{pid}"):
            run(["ip", "netns", "delete", name], check=False)


class Namespace:
    def __init__(self, label):
        self.name = f"{PREFIX}-{os.getpid()}-{label}"
        run(["ip", "netns", "add", self.name])
        self.ip("link", "set", "lo", "up")
        self.sysctl("net.ipv6.conf.default.accept_dad=0")
        self.sysctl("net.ipv6.conf.all.accept_dad=0")

    def command(self, command):
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, command, **options):
        return run(self.command(command), **options)

    def ip(self, *words, check=True):
        return run(["ip", "-n", self.name, *words], check=check)

    def sysctl(self, setting):
        self.run(["sysctl", "-q", "-w", setting])

    def hush_protocol_unreachable(self):
        """A kernel without SCTP owns the peer's addresses. Whenever the raw socket of the peer's
        program is full (or closed), it would tell the engine that there is no SCTP here, and the
        engine would rightly believe it."""
        self.run(["nft", HUSH])

    def delete(self):
        run(["ip", "netns", "delete", self.name], check=False)

    def silence(self, interface):
        """No address, no IPv6: the interface is the engine's, the kernel keeps quiet on it."""
        self.sysctl(f"net.ipv6.conf.{interface}.disable_ipv6=1")

    def add_addresses(self, interface, addresses):
        for address in addresses:
            extra = ["nodad"] if ":" in address else []
            self.ip("address", "add", address, "dev", interface, *extra)

    def no_offloads(self, interface):
        """Frames as they would be on a wire: whole checksums, no segments glued together."""
        for feature in ("tx", "rx", "gso", "gro", "tso", "tx-checksum-sctp"):
            self.run(["ethtool", "-K", interface, feature, "off"], check=False)


def add_veth(ours, our_name, theirs, their_name, mtu=1500):
    """A wire with one end in each namespace, up on both."""
    run(["ip", "link", "add", our_name, "netns", ours.name, "mtu", str(mtu), "type", "veth",
         "peer", "name", their_name, "netns", theirs.name, "mtu", str(mtu)])
    ours.silence(our_name)
    for namespace, name in ((ours, our_name), (theirs, their_name)):
        namespace.no_offloads(name)
        namespace.ip("link", "set", name, "up")


def add_tap(namespace, name):
    """A tap that a guest opens; our engine sits on the host's side of it."""
    namespace.ip("tuntap", "add", name, "mode", "tap")
    namespace.silence(name)
    namespace.no_offloads(name)
    namespace.ip("link", "set", name, "up")
