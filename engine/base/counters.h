// What the engine counts: one set of counters per lcore, written by it alone, read by the operator.
//
// Everything that is dropped is dropped with a name from this list.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace millrace {

// A line each, not aligned: to add one changes no other.
// clang-format off
// X(name, what it counts)
#define MR_COUNTERS(X) \
  X(packets_received, "frames received from ports") \
  X(packets_sent, "frames given to ports") \
  X(sctp_packets_received, "SCTP packets that passed the checksum") \
  X(sctp_packets_sent, "SCTP packets sent") \
  X(handoff_out, "packets handed over to the lcore that owns their tag") \
  X(handoff_in, "packets taken over from other lcores") \
  X(messages_sent, "user messages accepted from applications") \
  X(messages_delivered, "user messages delivered to applications") \
  X(bytes_sent, "bytes of user messages accepted from applications") \
  X(bytes_delivered, "bytes of user messages delivered to applications") \
  X(data_chunks_sent, "DATA chunks sent for the first time") \
  X(data_chunks_retransmitted, "DATA chunks sent again") \
  X(data_chunks_received, "DATA chunks received, duplicates included") \
  X(data_chunks_duplicate, "DATA chunks received more than once") \
  X(data_chunks_reneged, "DATA chunks acknowledged in a gap and dropped for one that fills it") \
  X(sacks_sent, "SACK chunks sent") \
  X(sacks_received, "SACK chunks received") \
  X(sack_looks, "chunks in flight that Gap Ack Blocks had looked at one by one") \
  X(fast_retransmits, "entries into fast recovery") \
  X(t1_expirations, "T1-init and T1-cookie expirations") \
  X(t2_expirations, "T2-shutdown expirations") \
  X(t3_expirations, "T3-rtx expirations") \
  X(heartbeats_sent, "HEARTBEAT chunks sent") \
  X(heartbeats_acked, "HEARTBEAT ACK chunks that matched") \
  X(mtu_probes_sent, "padded heartbeats that try a larger path MTU") \
  X(path_potential_failures, "destination addresses that became potentially failed") \
  X(path_failures, "destination addresses that became inactive") \
  X(path_recoveries, "destination addresses that became active again") \
  X(associations_active_established, "associations established from our side") \
  X(associations_passive_established, "associations established from the peer's side") \
  X(associations_restarted, "associations that the peer restarted") \
  X(associations_aborted, "associations ended by ABORT, ours or the peer's") \
  X(associations_shut_down, "associations ended by SHUTDOWN") \
  X(associations_lost, "associations ended because the peer was unreachable") \
  X(init_acks_sent, "INIT chunks answered with a cookie") \
  X(arp_received, "ARP packets for us") \
  X(nd_received, "neighbour discovery messages for us") \
  X(echo_replies_sent, "ICMP and ICMPv6 echo requests answered") \
  X(icmp_errors_received, "ICMP errors that quote an SCTP packet of ours") \
  X(drop_not_for_us, "frames or packets with another's address") \
  X(drop_bad_ethernet, "frames too short, or of an unknown ether type or VLAN") \
  X(drop_bad_ip, "IP packets with a malformed header") \
  X(drop_ip_protocol, "IP packets of a protocol that is not served") \
  X(drop_ip_fragment, "IP fragments that could not be put together") \
  X(drop_bad_icmp, "ICMP messages that are malformed or quote what we did not send") \
  X(drop_bad_neighbour, "ARP or ND packets that are malformed") \
  X(drop_neighbour_queue, "packets dropped while waiting for a neighbour's address") \
  X(drop_no_route, "packets to a destination without a route") \
  X(drop_too_big, "packets to be sent that are larger than the interface's MTU") \
  X(drop_address_conflict, "ARP or ND packets in which others claim an address of ours") \
  X(drop_icmp_type, "ICMP messages of a type that is not served") \
  X(drop_port_full, "packets that a port did not take") \
  X(drop_no_buffer, "packets or chunks dropped for want of a packet buffer") \
  X(drop_handoff_full, "packets and notices dropped because a hand-off ring was full") \
  X(drop_bad_checksum, "SCTP packets with a wrong checksum") \
  X(drop_short_packet, "SCTP packets shorter than a common header and a chunk header") \
  X(drop_bad_address, "packets from or to an address that is not unicast, or from one of ours") \
  X(drop_bad_tag, "SCTP packets with a wrong verification tag") \
  X(drop_early, "SCTP packets of a handshake whose COOKIE ECHO has not come yet") \
  X(drop_out_of_the_blue, "SCTP packets that belong to no association") \
  X(drop_out_of_the_blue_rate, "such packets left without an answer: sctp.abort_rate_max") \
  X(drop_bad_chunk, "chunks that are malformed") \
  X(drop_unknown_chunk, "chunks of an unknown type") \
  X(drop_unexpected_chunk, "chunks that the association's state does not allow") \
  X(drop_late_chunk, "SACK and HEARTBEAT chunks behind a SHUTDOWN or SHUTDOWN ACK of ours") \
  X(drop_bad_bundling, "INIT, INIT ACK or SHUTDOWN COMPLETE bundled with others") \
  X(drop_bad_init, "INIT or INIT ACK chunks with unacceptable contents") \
  X(drop_init_rate, "INIT chunks beyond sctp.init_rate_max") \
  X(drop_init_rate_listener, "INIT chunks beyond sctp.init_rate_per_listener_max") \
  X(drop_init_rate_source, "INIT chunks beyond sctp.init_rate_per_source_max") \
  X(drop_half_open, "INIT and COOKIE ECHO chunks beyond sctp.half_open_rate_max") \
  X(drop_bad_cookie, "COOKIE ECHO chunks whose MAC or contents are wrong") \
  X(drop_stale_cookie, "COOKIE ECHO chunks that are too old") \
  X(drop_bad_sack, "SACK chunks that acknowledge what was not sent, or malformed") \
  X(drop_old_sack, "SACK chunks older than one already processed") \
  X(drop_repeated_sack, "SACK chunks with Gap Ack Blocks behind another in the same packet") \
  X(drop_bad_heartbeat, "HEARTBEAT ACK chunks that match no heartbeat of ours") \
  X(drop_no_user_data, "DATA chunks without user data") \
  X(drop_bad_stream, "DATA chunks for a stream that does not exist") \
  X(drop_window_full, "DATA chunks beyond the receive window") \
  X(drop_chunks_held, "DATA chunks beyond sctp.chunks_held_per_association_max") \
  X(drop_receive_share, "DATA chunks of an association that holds its share of chunks or buffers") \
  X(drop_tsn_range, "DATA chunks too far ahead of the cumulative TSN") \
  X(drop_bad_fragment, "DATA chunks whose fragment flags contradict their neighbours") \
  X(drop_no_memory, "chunks or requests dropped because a table or slab was full") \
  X(drop_answer, "answers that did not fit the one packet that answers a packet") \
  X(drop_no_listener, "INIT chunks to a port that nobody listens on") \
  X(drop_association_limit, "COOKIE ECHO chunks refused at the limit of associations") \
  X(drop_peer_limit, "COOKIE ECHO chunks beyond sctp.associations_per_peer_max") \
  X(drop_application_share, "COOKIE ECHO chunks refused: the listener's owner has its share") \
  X(drop_duplicate_association, "COOKIE ECHO or INIT ACK chunks of a peer that already has an association") \
  X(waits_for_application, "turns in which an event waited for room in an application's ring") \
  X(waits_for_memory, "turns in which packets waited for buffers to be sent in") \
  X(applications_attached, "application contexts attached") \
  X(applications_detached, "application contexts that left or died") \
  X(applications_evicted, "application contexts detached for a bad ring entry") \
  X(requests_over_share, "application requests refused because it has its share of a limit") \
  X(waits_for_share, "turns of associations whose application has its share of chunks in flight") \
  X(requests_refused, "application requests refused with a status") \
  X(polls, "turns of the poll loop") \
  X(polls_idle, "turns of the poll loop that found nothing to do")
// clang-format on

enum class Counter : std::uint16_t {
#define MR_COUNTER_ENUM(name, help) name,
  MR_COUNTERS(MR_COUNTER_ENUM)
#undef MR_COUNTER_ENUM
      count_
};

inline constexpr std::size_t kCounters = static_cast<std::size_t>(Counter::count_);

std::string_view counter_name(Counter counter);
std::string_view counter_help(Counter counter);

/// One writer, any number of readers. A reader sees each counter whole, not all at one moment.
class Counters {
 public:
  void add(Counter counter, std::uint64_t count = 1) {
    std::atomic<std::uint64_t>& cell = cells_[static_cast<std::size_t>(counter)];
    cell.store(cell.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t get(Counter counter) const {
    return cells_[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
  }

 private:
  alignas(64) std::array<std::atomic<std::uint64_t>, kCounters> cells_{};
};

}  // namespace millrace
