"""What the tests want to know of an engine, out of millracectl's JSON."""

from .registry import check, check_equal

# Not losses. What other hosts' kernels say unasked (multicast listener reports and the like) is not
# for us; SACKs of two paths overtake each other; a peer's last SACKs and HEARTBEATs (usrsctp goes on
# with them) cross the SHUTDOWN ACK.
BACKGROUND = ("drop_not_for_us", "drop_ip_protocol", "drop_bad_ethernet", "drop_bad_icmp",
              "drop_bad_neighbour", "drop_icmp_type", "drop_old_sack", "drop_late_chunk")

# A sender may try a closed window with one DATA chunk at a time (RFC 9260 6.1, A), which is dropped
# and counted. More than a few would mean that what fits the window is dropped, too.
WINDOW_PROBES_MAX = 20

# Packets that a peer may have under way when its association ends, which come to none any more. Of one
# that is shut down it is what says so by itself: an answer to a SHUTDOWN ACK sent twice, HEARTBEATs to
# two addresses (usrsctp goes on with them; with two lcores one may wait at the other until the
# association is gone). Of one that is aborted it is a window of data.
UNDER_WAY_AT_SHUTDOWN = 2
UNDER_WAY_AT_ABORT = 100


def counters(engine):
    """Name to total over all lcores."""
    return engine.ask("counters")["sum"]


def counter(engine, name):
    return counters(engine)[name]


def drops(engine, allow=()):
    """By name, without what is due on a loaded machine. A peer that answered late answered twice
    what was sent twice: the answer that comes second is dropped, once for each time that T1 or T2
    expired. And what it had under way when its association ended is dropped."""
    counts = counters(engine)
    found = {name: count for name, count in counts.items()
             if name.startswith("drop_") and count and name not in BACKGROUND + tuple(allow)}
    excused = {"drop_unexpected_chunk": counts["t1_expirations"] + counts["t2_expirations"],
               "drop_out_of_the_blue": UNDER_WAY_AT_SHUTDOWN * counts["associations_shut_down"]
               + UNDER_WAY_AT_ABORT * counts["associations_aborted"]}
    return {name: count for name, count in found.items() if count > excused.get(name, 0)}


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
