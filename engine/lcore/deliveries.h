// What associations tell their applications: events of the shard become completion entries.
#pragma once

#include <cstdint>

#include "engine/base/counters.h"
#include "engine/lcore/association_marks.h"
#include "engine/lcore/context_table.h"
#include "engine/lcore/control.h"
#include "engine/shard/shard.h"

namespace millrace {

/// Decides: where an event goes, and whether there is room for it now. An event without room stays
/// in the shard: a slow application holds up its own associations alone.
class Deliveries {
 public:
  Deliveries(std::size_t lcore, ContextTable& contexts, AssociationMarks& marks, Shard& shard,
             Counters& counters, ControlLink& control)
      : lcore_(lcore),
        contexts_(contexts),
        marks_(marks),
        shard_(shard),
        counters_(counters),
        control_(control) {}

  /// Delivers what there is room for; returns how many events.
  std::size_t deliver();
  /// Gives payloads back that the shard no longer needs.
  std::size_t return_payloads();

 private:
  std::size_t post(Context& context, const Delivery& delivery);
  void note(const Delivery& delivery, const AssociationMarks::Mark& mark);
  std::size_t post_messages(Context& context, const Delivery& delivery);

  std::size_t lcore_;
  ContextTable& contexts_;
  AssociationMarks& marks_;
  Shard& shard_;
  Counters& counters_;
  ControlLink& control_;
};

}  // namespace millrace
