// The protocol parameters of an association (RFC 9260 section 16) and their defaults.
#pragma once

#include <cstdint>

#include "engine/base/marking.h"
#include "engine/base/time.h"

namespace millrace {

/// Set per engine in the configuration, overridden per listener or association by the application.
struct Parameters {
  static constexpr std::uint8_t kNoSwitchover = 255;

  Duration rto_initial = seconds(1);          ///< RTO.Initial
  Duration rto_min = seconds(1);              ///< RTO.Min
  Duration rto_max = seconds(60);             ///< RTO.Max
  Duration sack_delay = milliseconds(200);    ///< at most 500 ms (RFC 9260 6.2)
  Duration heartbeat_interval = seconds(30);  ///< HB.interval; zero: no heartbeats
  Duration cookie_lifetime = seconds(60);     ///< Valid.Cookie.Life
  std::uint32_t receive_buffer = 1u << 20;    ///< bytes; what a_rwnd starts from
  std::uint32_t send_buffer = 1u << 20;       ///< bytes accepted but not yet acknowledged
  std::uint32_t partial_delivery_point =
      512u << 10;                     ///< bytes of one message held before delivery starts
  std::uint32_t adaptation = 0;       ///< indication in INIT and INIT ACK (RFC 5061 3.5); 0: none
  std::uint32_t init_rto_ms_max = 0;  ///< bound of T1-init; 0: RTO.Max alone
  Marking marking;                    ///< of packets to this peer; a path may have its own
  std::uint16_t streams_out = 64;     ///< OS of INIT and INIT ACK
  std::uint16_t streams_in = 2048;    ///< MIS of INIT and INIT ACK
  std::uint16_t path_mtu = 1500;      ///< bytes, IP header included
  std::uint16_t fixed_mtu = 0;        ///< bytes; while a path's MTU is not looked for; 0: as it is
  std::uint16_t fragment_max = 0;     ///< most user data of one chunk; 0: as paths have it
  std::uint8_t association_max_retrans = 10;        ///< Association.Max.Retrans, attempts
  std::uint8_t path_max_retrans = 5;                ///< Path.Max.Retrans, attempts per destination
  std::uint8_t potentially_failed_max_retrans = 0;  ///< PotentiallyFailed.Max.Retrans (RFC 7829)
  std::uint8_t primary_switchover_max_retrans = kNoSwitchover;  ///< Primary.Switchover.Max.Retrans
  std::uint8_t init_max_retrans = 8;                            ///< Max.Init.Retransmits, attempts
  std::uint8_t sack_frequency = 2;   ///< packets with DATA until a SACK is sent
  bool path_mtu_probing = true;      ///< look for a larger path MTU (RFC 8899)
  bool path_mtu_fixed = false;       ///< an MTU stays as it is, whatever the network says
  bool sender_dry_events = false;    ///< tell when all that was sent is acknowledged
  bool remote_error_events = false;  ///< tell of the peer's ERROR chunks
  std::uint8_t max_burst = 4;        ///< Max.Burst, packets
};

/// For signalling inside a carrier's network, where round trips take a few milliseconds and a path
/// that fails is to be left in less than half a second: with RTO.Min just above the delay of a
/// peer's SACKs, one expiration moves the data to another path (RFC 7829). What is no matter of
/// time stays as it is in `carrier`.
constexpr Parameters carrier_parameters(Parameters carrier = {}) {
  carrier.rto_initial = milliseconds(300);
  carrier.rto_min = milliseconds(250);
  carrier.rto_max = seconds(1);
  carrier.sack_delay = milliseconds(50);
  carrier.heartbeat_interval = seconds(1);
  carrier.path_max_retrans = 3;
  carrier.association_max_retrans = 7;
  return carrier;
}

}  // namespace millrace
