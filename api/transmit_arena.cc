#include "api/transmit_arena.h"

#include <algorithm>

namespace millrace::api {

void TransmitArena::open(std::byte* memory, std::uint32_t bytes) {
  memory_ = memory;
  bytes_ = bytes;
  for (auto& stack : free_) stack.clear();
  slots_.fill(0);
  page_class_.assign(bytes / kPageBytes, kFreePage);
  given_back_ = 0;
}

std::uint32_t TransmitArena::pages_of(std::uint8_t size_class) {
  return std::max<std::uint32_t>(1, kClassBytes[size_class] / kPageBytes);
}

std::uint32_t TransmitArena::find_run(std::uint32_t pages) const {
  std::uint32_t length = 0;
  for (std::uint32_t page = 0; page < page_class_.size(); ++page) {
    length = page_class_[page] == kFreePage ? length + 1 : 0;
    if (length == pages) return page + 1 - pages;
  }
  return kNone;
}

std::uint32_t TransmitArena::grow(std::uint8_t size_class) {
  const std::uint32_t pages = pages_of(size_class);
  std::uint32_t page = find_run(pages);
  // A sweep looks at every free slot: worth it only when enough came back since the last one.
  if (page == kNone && given_back_ >= std::uint64_t{pages} * kPageBytes) {
    reclaim();
    page = find_run(pages);
  }
  if (page == kNone) return kNone;
  stock(size_class, page);
  return reuse(size_class);
}

void TransmitArena::stock(std::uint8_t size_class, std::uint32_t page) {
  const std::uint32_t pages = pages_of(size_class);
  const std::uint32_t count = pages > 1 ? 1 : kPageBytes / kClassBytes[size_class];
  page_class_[page] = size_class;
  std::fill_n(page_class_.begin() + page + 1, pages - 1, kRunPage);
  slots_[size_class] += count;
  free_[size_class].reserve(slots_[size_class]);
  const std::uint32_t first = page * kUnitsPerPage;
  const std::uint32_t units = kClassBytes[size_class] / ipc::kSlotUnit;
  for (std::uint32_t i = count; i-- > 0;) free_[size_class].push_back(first + i * units);
}

bool TransmitArena::could_hold(const std::array<std::uint32_t, kClassBytes.size()>& slots) const {
  std::uint64_t pages = 0;
  for (std::uint8_t size_class = 0; size_class < kClassBytes.size(); ++size_class) {
    const std::uint64_t per_page = std::max<std::uint32_t>(1, kPageBytes / kClassBytes[size_class]);
    pages += (slots[size_class] + per_page - 1) / per_page * pages_of(size_class);
  }
  return pages <= page_class_.size();
}

void TransmitArena::reclaim() {
  given_back_ = 0;
  for (std::uint8_t size_class = 0; size_class < kClassBytes.size(); ++size_class) {
    const std::uint32_t pages = pages_of(size_class);
    if (kClassBytes[size_class] < kPageBytes) {
      reclaim_shared(size_class);
      continue;
    }
    for (const std::uint32_t slot : free_[size_class])
      std::fill_n(page_class_.begin() + slot / kUnitsPerPage, pages, kFreePage);
    slots_[size_class] -= static_cast<std::uint32_t>(free_[size_class].size());
    free_[size_class].clear();
  }
}

void TransmitArena::reclaim_shared(std::uint8_t size_class) {
  std::vector<std::uint32_t>& stack = free_[size_class];
  const std::uint32_t per_page = kPageBytes / kClassBytes[size_class];
  std::vector<std::uint32_t> free_in_page(page_class_.size(), 0);
  for (const std::uint32_t slot : stack) ++free_in_page[slot / kUnitsPerPage];
  std::erase_if(stack,
                [&](std::uint32_t slot) { return free_in_page[slot / kUnitsPerPage] == per_page; });
  for (std::size_t page = 0; page < page_class_.size(); ++page) {
    if (free_in_page[page] != per_page) continue;
    page_class_[page] = kFreePage;
    slots_[size_class] -= per_page;
  }
}

std::uint32_t TransmitArena::slot_at(const void* address) const {
  const auto* byte = static_cast<const std::byte*>(address);
  if (byte < memory_ || byte >= memory_ + bytes_) return kNone;
  const auto offset = static_cast<std::uint32_t>(byte - memory_);
  const std::uint8_t size_class = page_class_[offset / kPageBytes];
  if (size_class >= kClassBytes.size()) return kNone;
  return offset % kPageBytes % kClassBytes[size_class] == 0 ? offset / ipc::kSlotUnit : kNone;
}

}  // namespace millrace::api
