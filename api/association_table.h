// What the library knows of each association of a lane: enough to say no to a send without asking
// the engine, and to give receive window back in large steps.
#pragma once

#include <cstdint>
#include <vector>

#include "api/millrace.h"

namespace millrace::api {

/// The parts of a handle: generation(32) | lcore(8) | index(24).
constexpr std::uint32_t generation_of(mr_association handle) {
  return static_cast<std::uint32_t>(handle >> 32);
}
constexpr std::uint32_t lcore_of(mr_association handle) {
  return static_cast<std::uint32_t>(handle >> 24) & 0xff;
}
constexpr std::uint32_t index_of(mr_association handle) {
  return static_cast<std::uint32_t>(handle) & 0xffffff;
}

/// One line each: found by an index without a multiplication, and none shares a line.
struct alignas(64) AssociationRecord {
  mr_association handle = 0;      // 0: nobody lives here
  std::uint32_t outstanding = 0;  // bytes of slots that the engine holds
  std::uint32_t send_buffer = 0;  // that many bytes may be outstanding
  std::uint32_t unconsumed = 0;   // bytes given to the application and not yet credited
  std::uint64_t context = 0;
  std::uint32_t wanted = 0;       // size of the send that found no room
  std::uint16_t streams_out = 0;  // 0: not known yet
  bool is_closing = false;        // no more sends
  bool is_waiting = false;        // in Context::waiting_
  bool is_one_of_many = false;    // of what is to be sent at once, which is in there
  bool is_dirty = false;          // in Lane::dirty
};

/// Records by the handle's index, which the engine keeps small by reusing it.
class AssociationTable {
 public:
  AssociationRecord* find(mr_association handle) {
    const std::uint32_t index = index_of(handle);
    if (index >= records_.size() || records_[index].handle != handle || handle == 0) return nullptr;
    return &records_[index];
  }
  /// The record of a handle that the engine has just named for the first time.
  AssociationRecord& enter(mr_association handle, std::uint64_t context) {
    const std::uint32_t index = index_of(handle);
    if (index >= records_.size()) records_.resize(index + 1);
    AssociationRecord& record = records_[index];
    if (record.handle == 0) ++count_;
    record = AssociationRecord{};
    record.handle = handle;
    record.context = context;
    return record;
  }
  void leave(AssociationRecord& record) {
    record = AssociationRecord{};
    --count_;
  }
  /// The record that a slot was sent for: `owner` is made by owner_of().
  AssociationRecord* owner(std::uint32_t owner) {
    const std::uint32_t index = owner & 0xffffff;
    if (index >= records_.size()) return nullptr;
    AssociationRecord& record = records_[index];
    return record.handle != 0 && owner_of(record.handle) == owner ? &record : nullptr;
  }
  /// Index and the low byte of the generation: enough to tell a slot of a dead association.
  static constexpr std::uint32_t owner_of(mr_association handle) {
    return index_of(handle) | (generation_of(handle) & 0xff) << 24;
  }

  std::uint32_t count() const { return count_; }
  template <class Visit>
  void each(Visit&& visit) {
    for (AssociationRecord& record : records_) {
      if (record.handle != 0) visit(record);
    }
  }
  void clear() {
    records_.clear();
    count_ = 0;
  }

 private:
  std::vector<AssociationRecord> records_;
  std::uint32_t count_ = 0;
};

}  // namespace millrace::api
