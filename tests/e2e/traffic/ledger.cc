#include "tests/e2e/traffic/ledger.h"

#include <string>

namespace millrace::traffic {

namespace {

constexpr std::size_t kErrorsMax = 16;  // enough to see a pattern; the rest would be the same

std::string place(const Header& header, bool is_unordered) {
  return "stream " + std::to_string(header.stream) + (is_unordered ? " unordered" : " ordered") +
         " sequence " + std::to_string(header.sequence);
}

}  // namespace

void Ledger::complain(const std::string& text) {
  if (errors_.size() < kErrorsMax) errors_.push_back(text);
}

void Ledger::on_message(std::uint16_t stream, bool is_unordered, std::uint32_t ppid,
                        std::span<const std::uint8_t> message) {
  ++messages_;
  bytes_ += message.size();
  if (ppid != kMagic) complain("payload protocol identifier " + std::to_string(ppid));
  if (message.size() < kHeaderSize) {
    ++short_messages_;
    if (!is_pattern(message, 0, stream)) {
      complain("short message damaged on stream " + std::to_string(stream));
    }
    return;
  }
  const auto header = read_header(message);
  if (!header) return complain("no header on stream " + std::to_string(stream));
  if (header->stream != stream) complain(place(*header, is_unordered) + ": on another stream");
  if ((header->flags & ~kFlagLast) != 0) complain(place(*header, is_unordered) + ": flags");
  if (header->length != message.size()) {
    return complain(place(*header, is_unordered) + ": " + std::to_string(message.size()) +
                    " bytes instead of " + std::to_string(header->length));
  }
  if (!is_pattern(message.subspan(kHeaderSize), header->sequence, header->stream)) {
    complain(place(*header, is_unordered) + ": bytes differ");
  }
  account(classes_[Key{stream} * 2 + (is_unordered ? 1U : 0U)], *header, is_unordered);
}

void Ledger::account(Class& entry, const Header& header, bool is_unordered) {
  ++entry.count;
  if ((header.flags & kFlagLast) != 0) entry.last_sequence = header.sequence;
  if (!is_unordered) {
    if (header.sequence != entry.next) {
      complain(place(header, false) + ": expected " + std::to_string(entry.next));
    }
    entry.next = header.sequence + 1;
    return;
  }
  if (header.sequence >= (1U << 24)) return complain(place(header, true) + ": out of range");
  if (header.sequence >= entry.seen.size()) entry.seen.resize(header.sequence + 1);
  if (entry.seen[header.sequence]) complain(place(header, true) + ": came twice");
  entry.seen[header.sequence] = true;
}

void Ledger::finish() {
  for (const auto& [key, entry] : classes_) {
    const std::string where =
        "stream " + std::to_string(key / 2) + (key % 2 != 0 ? " unordered" : " ordered");
    for (std::size_t i = 0; i < entry.seen.size(); ++i) {
      if (!entry.seen[i]) complain(where + " sequence " + std::to_string(i) + ": never came");
    }
    if (entry.last_sequence < 0) complain(where + ": the last message never came");
    if (entry.last_sequence >= 0 &&
        entry.count != static_cast<std::uint64_t>(entry.last_sequence) + 1) {
      complain(where + ": " + std::to_string(entry.count) + " messages, the last one is number " +
               std::to_string(entry.last_sequence + 1));
    }
  }
}

}  // namespace millrace::traffic
