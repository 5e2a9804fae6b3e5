"""The traffic programs, ours and the peers', and what they say at the end."""

import json

from .registry import check, check_equal

PORT = 5001


def parse_summary(output, who):
    """The last line that is JSON."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise AssertionError(f"{who} printed no summary:\n{output[-2000:]}")


class Shape:
    """What two ends are to send each other."""

    def __init__(self, there=200, back=200, size="1-1048576", streams=64, unordered=20, rate=0,
                 associations=1, seed=1, timeout=60):
        self.there = there  # messages from the client, for each association
        self.back = back    # messages from the server
        self.size = size
        self.streams = streams
        self.unordered = unordered
        self.rate = rate
        self.associations = associations
        self.seed = seed
        self.timeout = timeout

    def arguments(self, role, bind=(), connect=(), port=PORT):
        sent, expected = (self.there, self.back) if role == "client" else (self.back, self.there)
        words = [role, "--port", str(port), "--messages", str(sent), "--expect", str(expected),
                 "--size", self.size, "--streams", str(self.streams),
                 "--unordered", str(self.unordered), "--rate", str(self.rate),
                 "--associations", str(self.associations), "--timeout", str(self.timeout),
                 "--seed", str(self.seed if role == "client" else self.seed + 1)]
        if bind:
            words += ["--bind", ",".join(bind)]
        if connect:
            words += ["--connect", ",".join(connect)]
        return words


def check_pair(shape, client, server):
    """Both ends are content, and what one says it sent is what the other says it received."""
    for who, summary in (("client", client), ("server", server)):
        check(summary["ok"], f"{who} failed: {summary}")
        check_equal(summary["shutdown"], "orderly", f"{who}'s association ended")
    check_equal(client["sent"], shape.there * shape.associations, "messages the client sent")
    check_equal(server["sent"], shape.back * shape.associations, "messages the server sent")
    for sender, receiver, text in ((client, server, "there"), (server, client, "back")):
        check_equal(receiver["received"], sender["sent"], f"messages {text}")
        check_equal(receiver["received_bytes"], sender["sent_bytes"], f"bytes {text}")
