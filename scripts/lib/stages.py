"""What a run of millrace-steps costs (callgrind's instructions, perf's time), by stage of a message's
way, or of an association's life.

The compiler has put most of that way into few functions, so a count belongs to a stage by the file
that its line stands in; what stands in files that all stages use, by the function that they have
become part of.
"""

import collections
import pathlib
import re

APPLICATION_SENDS = "application: find a slot, write, submit"
REQUESTS = "requests: copy, check, accept"
PACKETS_OUT = "packets out: choose, cut, write chunks"
ROUTE = "route, headers, port"
COPIES = "copies: into the slot, the packet, the receive arena"
CHECKSUMS = "checksums, both ends"
FRAMES_IN = "frames in: Ethernet, IP"
PACKETS_IN = "packets in: association, chunks, TSN, reassembly"
SACK = "SACK: what it takes out of flight"
DELIVERIES = "deliveries, slots that go back"
APPLICATION_RECEIVES = "application: receive, credit, reuse slots"
BENCHMARK = "the benchmark's own checks"
REST = "all else"
# Of an association's life:
COOKIE = "cookie: written, sealed, opened"
RANDOM = "random numbers"
DIRECTORY = "the directory and the tables of tags"
DEADLINES = "deadlines"
APPLICATION_CONNECTS = "application: connect, shut down, events"
CONNECT_REQUESTS = "requests: copy, check, connect, shut down"
EVENTS_OUT = "events on their way out"
HANDSHAKE = "what INIT to SHUTDOWN COMPLETE mean"
CONTROL_OUT = "packets out: choose, write chunks"
CONTROL_IN = "packets in: find the association, walk the chunks"
ASSOCIATIONS = "an association made, settled, accounted, cleared"


def _rules(*pairs):
    return [(re.compile(pattern), stage) for pattern, stage in pairs]


# The first that matches "LIBRARY FILE FUNCTION" says whose a count is.
MESSAGE = _rules(
    (r"libisal|crc32c|update_serially|state_of_header|sctp_checksum|::shift\(", CHECKSUMS),
    (r" __mem(cpy|move)|/memmove-", COPIES),
    (r"\.\./bench/| __memcmp|/memcmp-|(MillracePair|Crowd)::receive", BENCHMARK),
    (r"Context::reclaim|/api/receive\.cc |/api/events\.cc | api::Context::(receive|credit)",
     APPLICATION_RECEIVES),
    (r"return_payloads|take_returned|Reassembly::(release_run|forget_followers)", DELIVERIES),
    (r"/assoc/tx/sack\.cc |Outbound::(take_cumulative|finish_sack|on_sack)|on_acknowledged", SACK),
    (r"Context::receive", APPLICATION_RECEIVES),
    (r"/api/|(MillracePair|Crowd)::(carry|go_round|send)|steps_of|Context::flush", APPLICATION_SENDS),
    (r"/engine/(assoc|shard)/.* .*Worker::receive", PACKETS_IN),
    (r"Worker::receive", FRAMES_IN),
    (r"/engine/net/|/drivers/|net::", ROUTE),
    (r"/lcore/requests\.|Requests::|Channel::take", REQUESTS),
    (r"/lcore/deliveries\.|Deliveries::|Shard::next_event", DELIVERIES),
    (r"Arrivals|Association::(on_packet|path_of|flush_answer)|take_packets|BufferPool::release"
     r"|Shard::settle|Reassembly::", PACKETS_IN),
    (r"Outbound::|Host::poll|Worker::transmit|Association::|Departures|Shard::account|PacketWriter",
     PACKETS_OUT),
)

# The same of what is set up and shut down: seven packets and no message. Of what the compiler has made
# part of the lcore's turn, the file says whose it is, so files come before its functions.
ASSOCIATION = _rules(
    (r"libisal|crc32c|update_serially|state_of_header|sctp_checksum|::shift\(", CHECKSUMS),
    (r"\.\./bench/|MillracePair::take_events", BENCHMARK),
    (r"libIPSec|/base/mac\.|/assoc/cookie\.|CookieJar|GmacSigner|macs_are_equal",
     COOKIE),
    (r"keyed_hash|base/hash\.cc .*Random|Random::|sip_hash<2", RANDOM),
    (r"table_hash|sip_hash<1|/shard/steering\.|Steering::|offered_tags|recent_tags|tag_table|/shard/peer_counts",
     DIRECTORY),
    (r"timer_wheel\.h|next_deadline|on_deadline", DEADLINES),
    (r"/api/|api::", APPLICATION_CONNECTS),
    (r"/net/receiver\.|net::Receiver|/net/heard_pairs", FRAMES_IN),
    (r"/engine/net/|/drivers/|net::", ROUTE),
    (r"/lcore/requests\.|Requests::|Channel::(take|check)|/shard/requests\.|Shard::connect",
     CONNECT_REQUESTS),
    (r"/lcore/deliveries\.|Deliveries::|Shard::(next|take)_event|next_event|pop_event|Channel::post"
     r"|next_notice", EVENTS_OUT),
    (r"/shard/handshakes\.|/assoc/(handshake|init_parameters|replies|shutdown)\.|read_init"
     r"|write_local_addresses|InitContents|answer_init|draw_tag", HANDSHAKE),
    (r"Departures|next_packet|/assoc/transmit\.|/wire/writer|PacketWriter|Outbound::fill"
     r"|(data|control)_path|Worker::(transmit|send)", CONTROL_OUT),
    (r"Arrivals|take_packet|find_for|find_here|Forecast|Association::on_packet|ChunkReader"
     r"|/assoc/(chunks|data|rx/)|/tx/sack\.", CONTROL_IN),
    (r"Shard::|Association::|Slot::|Outbound::|Path::|Slab|Stream|Reassembly::|TsnTracker::",
     ASSOCIATIONS),
    (r"Worker::receive", FRAMES_IN),
)


def callgrind_counts(profile):
    """(library, file, function) and its own instructions, line by line of callgrind's format."""
    names = {}
    now = {"ob": "", "fl": "", "fn": ""}
    is_call = False
    for line in profile.splitlines():
        named = re.match(r"c?(ob|f[nlie])=(\(\d+\))(?: (.*))?", line)
        if named:
            kind = "fl" if named[1] in ("fi", "fe") else named[1]
            if named[3]:
                names[kind, named[2]] = named[3]
            if not line.startswith("c"):
                now[kind] = names[kind, named[2]]
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[+*\-\d]", line):
            if not is_call:
                yield pathlib.Path(now["ob"]).name, now["fl"], now["fn"], int(line.split()[1])
            is_call = False


def names(table):
    """Of the stages in the order in which they are shown."""
    if table is MESSAGE:
        return (APPLICATION_SENDS, REQUESTS, PACKETS_OUT, ROUTE, COPIES, CHECKSUMS, FRAMES_IN, PACKETS_IN,
                SACK, DELIVERIES, APPLICATION_RECEIVES, BENCHMARK, REST)
    return (*dict.fromkeys(stage for _, stage in table), REST)


def source_of(file):
    """From the folder that was built in. The linker may have led the way there through folders of
    objects' own."""
    return re.sub(r".*/\.\./", "../", file)


def by_stage(counts, units, table):
    """What each stage takes for one of `units`; `counts` are (library, file, function, count)."""
    sums = collections.Counter()
    for library, file, function, count in counts:
        text = f"{library} {source_of(file)} {function}"
        sums[next((stage for pattern, stage in table if pattern.search(text)), REST)] += count
    return {stage: sums[stage] / units for stage in names(table)}


def markdown(head, found):
    """A table of {row: {stage: figure}}, all of one table of stages, with their sums."""
    lines = [f"| {head} | {' | '.join(found)} |", f"| --- |{' ---: |' * len(found)}"]
    for stage in next(iter(found.values())):
        lines.append(f"| {stage} | {' | '.join(f'{of[stage]:,.0f}' for of in found.values())} |")
    lines.append(f"| sum | {' | '.join(f'{sum(of.values()):,.0f}' for of in found.values())} |")
    return "\n".join(lines)
