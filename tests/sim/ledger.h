// Who has sent what to whom, and whether it arrived the way it must.
//
// What one side of an association sends is a flow. A message is named by its payload protocol
// identifier, flow and number in it, and its payload is a stretch of one table that both decide, so
// that a single byte is enough to know which message it must be of.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/base/bytes.h"
#include "tests/sim/dice.h"

namespace millrace::sim {

using FlowId = std::uint32_t;

struct Flow {
  enum class Fate : std::uint8_t { kAccepted, kFailed, kUnsent };
  struct Message {
    std::uint32_t length = 0;
    std::uint16_t stream = 0;
    bool is_unordered = false;
    bool is_delivered = false;
    bool is_skipped = false;  ///< a later one of its stream was delivered
    Fate fate = Fate::kAccepted;
  };

  FlowId id = 0;
  std::size_t host = 0, peer_host = 0;
  std::vector<Message> messages;
  std::map<std::uint16_t, std::vector<std::uint32_t>> ordered;  ///< by stream: message numbers
  bool is_shut_down = false;  ///< its sender was told that it ended gracefully
  bool is_complete = false;   ///< its sender has no more for it
  bool may_be_lost = false;   ///< an application died, or aborted: nobody reads what is left
};

/// What one side of an association has received. Belongs to the application.
struct Inbox {
  static constexpr FlowId kNoFlow = 0xffffffff;

  FlowId flow = kNoFlow;
  std::map<std::uint16_t, std::size_t> next;      // by stream: index into Flow::ordered
  std::map<std::uint16_t, std::uint32_t> open;    // by stream: ordered message in pieces
  std::map<std::uint32_t, std::uint32_t> pieces;  // message number to bytes received
  std::vector<bool> seen;                         // by message number
};

/// One piece of a message as an application got it.
struct Piece {
  std::uint32_t ppid = 0;
  std::uint16_t stream = 0;
  bool is_unordered = false, is_first = false, is_last = false;
  Bytes bytes;
};

class Ledger {
 public:
  static constexpr std::uint32_t kLengthMax = 1u << 20;
  static constexpr unsigned kNumberBits = 20;
  static constexpr FlowId kFlowsMax = 1u << 12;

  FlowId open_flow(std::size_t host, std::size_t peer_host);
  Flow& flow(FlowId id) { return *flows_[id]; }

  /// The name and the payload of the next message of a flow.
  std::uint32_t next_ppid(FlowId id) const;
  Bytes payload(std::uint32_t ppid, std::uint32_t length) const;
  /// That message was accepted by the library.
  void on_accepted(FlowId id, std::uint16_t stream, bool is_unordered, std::uint32_t length);
  /// It was reported failed.
  void on_failed(std::uint32_t ppid, bool is_unsent, Bytes bytes);

  void on_piece(Inbox& inbox, const Piece& piece);
  /// The peer restarted: nothing more of its old flow will come.
  void on_restart(Inbox& inbox) const { inbox = Inbox{}; }
  void on_death(std::size_t host);

  /// Everything is over: throws if a message is missing that must not be.
  void settle() const;

  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t delivered_bytes() const { return delivered_bytes_; }
  std::uint64_t failed() const { return failed_; }
  std::size_t flows() const { return flows_.size(); }

 private:
  static Bytes payload_table();
  static std::uint32_t number_of(std::uint32_t ppid) { return ppid & ((1u << kNumberBits) - 1); }
  void begin_message(Inbox& inbox, Flow& flow, std::uint32_t number);
  void advance_order(Inbox& inbox, Flow& flow, std::uint32_t number);
  void finish_message(Inbox& inbox, Flow& flow, std::uint32_t number);
  void settle(const Flow& flow) const;

  std::vector<std::unique_ptr<Flow>> flows_;
  std::set<std::size_t> deaths_;  // hosts where an application has died
  std::uint64_t accepted_ = 0, delivered_ = 0, delivered_bytes_ = 0, failed_ = 0;
};

}  // namespace millrace::sim
