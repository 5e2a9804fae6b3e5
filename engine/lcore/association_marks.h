// What an lcore remembers of its associations beside the shard.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/shard/shard.h"

namespace millrace {

/// One mark for each association a shard can hold. A mark belongs to one generation of its index: a
/// new association starts with an empty one, however the old one went.
class AssociationMarks {
 public:
  struct Mark {
    std::uint32_t generation = 0;
    bool is_ours = false;  ///< we connected; otherwise the peer did
    bool is_up = false;    ///< its application has been told that it is up
  };

  explicit AssociationMarks(std::size_t associations_max) : marks_(associations_max) {}

  Mark& at(AssociationHandle handle) {
    Mark& mark = marks_[handle.index];
    if (mark.generation != handle.generation) mark = {handle.generation, false, false};
    return mark;
  }

 private:
  std::vector<Mark> marks_;
};

}  // namespace millrace
