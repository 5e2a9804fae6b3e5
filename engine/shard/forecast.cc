#include "engine/shard/forecast.h"

#include "engine/base/prefetch.h"

namespace millrace {

// Packets of one association mostly follow each other: it is asked for once.
void Forecast::add_packet(Bytes packet, const IpAddress& source) {
  if (tag_count_ == kMost) return;
  const std::uint32_t tag = tag_of(packet);
  if (tag == 0) {  // an INIT: its peer is looked for in the directory
    const CommonHeader header = CommonHeader::read(packet);
    return shard_.steering_.prefetch(header.destination_port, source, header.source_port);
  }
  if (tag_count_ > 0 && tags_[tag_count_ - 1] == tag) return;
  shard_.tags_.prefetch(tag);
  tags_[tag_count_++] = tag;
}

void Forecast::add(AssociationHandle handle) {
  if (shard_.is_current(handle)) add(*shard_.slots_.at(handle.index));
}

void Forecast::add(const Slot& slot) {
  if (slot_count_ == kMost) return;
  const auto* first = reinterpret_cast<const std::byte*>(&slot);
  const auto* end = static_cast<const std::byte*>(slot.association.hot_end());
  prefetch(first, static_cast<std::size_t>(end - first));
  shard_.wheel_.prefetch(shard_.slots_.index_of(&slot));
  slots_[slot_count_++] = &slot;
}

void Forecast::fetch() {
  for (std::size_t i = 0; i < tag_count_; ++i) {
    if (const auto index = shard_.tags_.find(tags_[i])) add(*shard_.slots_.at(*index));
  }
  for (std::size_t i = 0; i < slot_count_; ++i) slots_[i]->association.prefetch();
}

}  // namespace millrace
