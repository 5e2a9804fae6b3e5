// Packets that come and go one after the other. Most of a burst belong to one association: what is
// the same for all of its packets is done once for them.
#pragma once

#include "engine/shard/shard.h"

namespace millrace {

/// Packets on their way in, with right checksums. Nothing else is asked of the shard while one of
/// these lives.
class Arrivals {
 public:
  Arrivals(Shard& shard, Time now) : shard_(shard), now_(now) {}
  ~Arrivals() { settle(); }
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  /// As Shard::on_packet().
  void take(Buffer* buffer, const IpAddress& source, const IpAddress& destination, Bytes packet);

 private:
  bool is_of_same(const PacketIn& in) const;
  void settle();

  Shard& shard_;
  Time now_;
  Slot* slot_ = nullptr;    // that has been lent to, and is not settled yet
  std::uint64_t ends_ = 0;  // ports and tag of its last packet, as they lie there
  IpAddress source_;        // of its last packet
  IpAddress destination_;
};

/// Packets on their way out.
class Departures {
 public:
  Departures(Shard& shard, Time now) : shard_(shard), now_(now) {}
  ~Departures() { leave(); }
  Departures(const Departures&) = delete;
  Departures& operator=(const Departures&) = delete;

  /// As Shard::next_packet().
  bool next(PacketOut& out);

 private:
  bool next_of_slot(PacketOut& out);
  void account();
  void leave();

  Shard& shard_;
  Time now_;
  Slot* slot_ = nullptr;  // that has been lent to, and whose account is not made up yet
};

}  // namespace millrace
