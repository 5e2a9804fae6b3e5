// What is known of the neighbours: their link-layer addresses, and the packets that wait for one.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/base/address.h"
#include "engine/base/buffer.h"
#include "engine/base/counters.h"
#include "engine/base/hash.h"
#include "engine/base/list.h"
#include "engine/base/time.h"
#include "engine/net/config.h"
#include "engine/net/packet.h"
#include "engine/net/port.h"

namespace millrace::net {

enum class NeighbourState : std::uint8_t {
  kFree,
  kIncomplete,  ///< asked for, nothing known yet
  kReachable,   ///< known; confirmed until `confirmed_until`, afterwards asked again when next used
  kProbing,     ///< known and used, but asked again
  kFailed,      ///< did not answer; asked again when next used, but not before `deadline`
};

struct AskingTag;
struct DueTag;
struct ReadyTag;

struct Neighbour : ListNode<Neighbour, AskingTag>,
                   ListNode<Neighbour, DueTag>,
                   ListNode<Neighbour, ReadyTag> {
  IpAddress address;
  MacAddress mac{};  // valid in kReachable and kProbing
  std::uint8_t interface_index = 0;
  NeighbourState state = NeighbourState::kFree;
  std::uint8_t attempts = 0;  // solicitations since the state was entered
  std::uint8_t held_count = 0;
  std::uint16_t slot_next = 0;  // 1 + index of the next neighbour in this slot of the hash table
  Buffer* held_first = nullptr;
  Buffer* held_last = nullptr;
  IpAddress asked_from;  // the address of ours that wants to know
  Time deadline;         // kIncomplete, kProbing: of the answer. kFailed: earliest new attempt
  Time confirmed_at;     // kReachable, kProbing
  Time confirmed_until;  // kReachable
  Time used_at;

  bool has_mac() const {
    return state == NeighbourState::kReachable || state == NeighbourState::kProbing;
  }
};

/// A question to be sent.
struct Solicitation {
  IpAddress target;
  IpAddress source;  ///< the address of ours that wants to know
  MacAddress mac{};  ///< where the target was last; all zeros: ask everyone
  std::uint8_t interface_index = 0;
};

/// Decides when to ask, how often, and whom to forget. Does not know how questions look (ARP or
/// ND). An entry is made only by a packet of ours that needs it; what arrives fills entries that
/// wait for an answer and never makes one.
class NeighbourTable {
 public:
  static constexpr std::uint8_t kHeldPerNeighbour = 16;
  static constexpr std::size_t kHeldMax = 256;

  NeighbourTable(const StackConfig& config, BufferPool& pool, Counters& counters);
  ~NeighbourTable();
  NeighbourTable(const NeighbourTable&) = delete;
  NeighbourTable& operator=(const NeighbourTable&) = delete;

  // Inputs.

  /// The entry of a neighbour that a packet is to be sent to now, made if there is none; asks where
  /// it has to. The entry stays valid until the next call.
  Neighbour& use(Time now, std::uint8_t interface_index, const IpAddress& address,
                 const IpAddress& source);
  /// How long the address of an entry that has one may be used without asking use() again.
  Time valid_until(const Neighbour& neighbour) const;
  /// Keeps a complete frame but for its destination address until the neighbour is known. Takes it
  /// over; false if it was dropped.
  bool hold(Neighbour& neighbour, Buffer* frame);

  /// A neighbour said its address in answer to a question of someone here. False if this table had
  /// not asked.
  bool on_answer(Time now, std::uint8_t interface_index, const IpAddress& address,
                 const MacAddress& mac);
  /// A neighbour said its address unasked: believed where nothing is known, verified otherwise.
  /// False if it is of no interest.
  bool on_hint(Time now, std::uint8_t interface_index, const IpAddress& address,
               const MacAddress& mac);
  void on_deadline(Time now);

  // Outputs.

  bool next_solicitation(Solicitation& out);
  /// The next held frame whose neighbour is known by now, or nullptr.
  Buffer* next_ready(MacAddress& mac);
  Time next_deadline() const;
  /// Changes whenever an address that was given out is no longer right.
  std::uint32_t epoch() const { return epoch_; }

  const Neighbour* find(std::uint8_t interface_index, const IpAddress& address) const;
  std::size_t held_count() const { return held_count_; }
  /// Fills in neighbours from entry `first` on; returns how many, and where to go on in `first`.
  std::size_t snapshot(std::uint32_t& first, std::span<NeighbourStatus> out) const;

 private:
  static constexpr std::uint8_t kUnicastProbes = 2;    // to the address that is known
  static constexpr std::uint8_t kMulticastProbes = 3;  // to everyone
  static constexpr std::size_t kEvictionTries = 64;

  std::size_t slot_of(std::uint8_t interface_index, const IpAddress& address) const;
  Neighbour* find_mutable(std::uint8_t interface_index, const IpAddress& address);
  Neighbour& make(std::uint8_t interface_index, const IpAddress& address);
  Neighbour& vacant();
  void remove(Neighbour& neighbour);
  void ask(Time now, Neighbour& neighbour);
  void enter_incomplete(Time now, Neighbour& neighbour);
  void enter_reachable(Time now, Neighbour& neighbour, const MacAddress& mac);
  void enter_probing(Time now, Neighbour& neighbour, std::uint8_t attempts);
  void enter_failed(Time now, Neighbour& neighbour);
  void stop_asking(Neighbour& neighbour);
  void drop_held(Neighbour& neighbour);

  const HashKey key_;
  const Duration reachable_;
  const Duration retry_;
  BufferPool& pool_;
  Counters& counters_;
  std::vector<Neighbour> neighbours_;  // fixed
  std::vector<std::uint16_t> slots_;   // 1 + index into neighbours_, 0: empty
  std::size_t used_ = 0;               // entries below this have been used
  std::size_t eviction_hand_ = 0;
  std::size_t held_count_ = 0;
  std::uint32_t epoch_ = 1;
  List<Neighbour, AskingTag> asking_;  // kIncomplete and kProbing, earliest deadline first
  List<Neighbour, DueTag> due_;        // a solicitation is to be sent
  List<Neighbour, ReadyTag> ready_;    // known, and frames are held
};

}  // namespace millrace::net
