"""What the tests want to know of an engine, out of millracectl's JSON."""

from .registry import check, check_equal

# Not losses. What other hosts' kernels say unasked (multicast listener reports and the like) is not
# for us; SACKs of two paths overtake each other; a postponed event comes later.
BACKGROUND = ("drop_not_for_us", "drop_ip_protocol", "drop_bad_ethernet", "drop_bad_icmp",
              "drop_bad_neighbour", "drop_icmp_type", "drop_old_sack")

# A sender may try a closed window with one DATA chunk at a time (RFC 9260 6.1, A), which is dropped
# and counted. More than a few would mean that what fits the window is dropped, too.
WINDOW_PROBES_MAX = 20


def counters(engine):
    """Name to total over all lcores."""
    return engine.ask("counters")["sum"]


def counter(engine, name):
    return counters(engine)[name]


def drops(engine, allow=()):
    """By name. A peer that answered late answered twice what was sent twice: the answer that comes
    second is dropped, once for each time that T1 or T2 expired. And one that shuts down may have
    sent a HEARTBEAT (usrsctp goes on with them) or a SACK that finds the association in
    SHUTDOWN-ACK-SENT, where neither is for anything any more (RFC 9260 8.3)."""
    counts = counters(engine)
    found = {name: count for name, count in counts.items()
             if name.startswith("drop_") and count and name not in BACKGROUND + tuple(allow)}
    late_max = sum(counts[name] for name in ("t1_expirations", "t2_expirations",
                                             "associations_shut_down"))
    if found.get("drop_unexpected_chunk", 0) <= late_max:
        found.pop("drop_unexpected_chunk", None)
    return found


def check_no_drops(engine, allow=()):
    found = drops(engine, allow)
    if found.get("drop_window_full", 0) <= WINDOW_PROBES_MAX:
        found.pop("drop_window_full", None)
    check_equal(found, {}, "drops")


def associations(engine):
    return engine.ask("associations")["associations"]


def path_states(engine):
    """Of the only association: the peer's address to its path's state."""
    found = associations(engine)
    check(len(found) == 1, f"{len(found)} associations instead of one: {found}")
    return {path["address"]: path["state"] for path in found[0]["paths"]}


def listeners(engine):
    return engine.ask("listeners")["listeners"]


def applications(engine):
    return engine.ask("applications")["applications"]
