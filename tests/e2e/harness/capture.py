"""What was on the wire, as tcpdump saw it and tshark understands it."""

import collections
import os
import time

from .process import Process, run

FIELDS = ("frame.number", "ip.src", "ipv6.src", "sctp.checksum.status", "_ws.malformed",
          "_ws.expert.severity", "_ws.expert.message")
GOOD, BAD = "1", "0"  # of sctp.checksum.status; 2 is "nobody looked"
ERROR = 0x800000      # of _ws.expert.severity


class Capture:
    """Runs from its construction to `stop`. The peer's side: what left us, what reaches us."""

    def __init__(self, namespace, interface, path):
        self.namespace = namespace
        self.interface = interface
        self.path = path
        self.process = Process(
            namespace.command(["tcpdump", "--immediate-mode", "-i", interface, "-w", path, "-B",
                               "65536", "-s", "0", "-Z", "root"]), path + ".log")
        self.process.wait_for("listening on")
        self.is_stopped = False

    def stop(self):
        if not self.is_stopped:
            self.is_stopped = True
            time.sleep(0.2)  # what is on its way to tcpdump
            self.process.stop()

    def analyse(self):
        return Analysis(self.path)

    def rows(self, wanted, *fields):
        """Of each packet that this filter of tshark's lets through: when it came, and the fields as
        they are written."""
        names = [word for field in ("frame.time_epoch", *fields) for word in ("-e", field)]
        result = run(["tshark", "-r", self.path, "-Y", f"({wanted}) && !icmp && !icmpv6", "-T",
                      "fields", "-E", "separator=|", *names], timeout=120)
        rows = (line.split("|") for line in result.stdout.splitlines())
        return [(float(seen), *values) for seen, *values in rows]

    def first_data(self, sources, after):
        """When the first DATA chunk of one of the sources came, at or after a time; None: never."""
        times = (seen for seen, ip4, ip6 in self.rows("sctp.chunk_type == 0", "ip.src", "ipv6.src")
                 if (ip4 or ip6) in sources)
        return min((seen for seen in times if seen >= after), default=None)


class Analysis:
    """Every SCTP packet's checksum and dissection."""

    def __init__(self, path):
        arguments = [word for field in FIELDS for word in ("-e", field)]
        # A port of chance may be S1AP's: what the messages carry is data to us, whatever the port.
        result = run(["tshark", "-r", path, "-o", "sctp.checksum:CRC 32c", "-d",
                      "sctp.port==1-65535,data", "-Y", "sctp && !icmp && !icmpv6", "-T",
                      "fields", "-E", "separator=|", "-E", "occurrence=a", *arguments],
                     timeout=120)
        self.path = path
        self.packets = 0
        self.checksums = collections.Counter()
        self.bad_checksums = []  # (frame number, source)
        self.malformed = []      # (frame number, source, text)
        for line in result.stdout.splitlines():
            self._take(line.split("|", len(FIELDS) - 1))

    def _take(self, fields):
        number, ip4, ip6, status, malformed, severities, message = fields
        self.packets += 1
        self.checksums[status] += 1
        source = ip4 or ip6
        worst = max((int(word, 0) for word in severities.split(",") if word), default=0)
        if status == BAD:  # whatever else is wrong with it is not worth a word
            self.bad_checksums.append((int(number), source))
        elif malformed or worst >= ERROR:
            self.malformed.append((int(number), source, message))

    def problems(self, trusted=None):
        """What is wrong with the packets; an empty list when nothing is. If `trusted` addresses
        are given, only packets that they sent are judged: the others are odd on purpose."""
        malformed = [found for found in self.malformed if trusted is None or found[1] in trusted]
        bad = [found for found in self.bad_checksums if trusted is None or found[1] in trusted]
        problems = []
        if self.packets == 0:
            problems.append("no SCTP packet at all")
        if self.checksums[GOOD] == 0:
            problems.append("no checksum was checked")
        if bad:
            problems.append(f"{len(bad)} bad checksums, the first: {bad[:5]}")
        if malformed:
            problems.append(f"{len(malformed)} malformed, the first: {malformed[:3]}")
        unchecked = self.packets - self.checksums[GOOD] - self.checksums[BAD]
        if unchecked and trusted is None:
            problems.append(f"{unchecked} checksums unchecked")
        return [f"{os.path.basename(self.path)}: {text}" for text in problems]
