#include "tests/sim/trace.h"

#include <algorithm>
#include <cstdio>

#include "engine/base/crc32c.h"
#include "engine/wire/render.h"

namespace millrace::sim {
namespace {

constexpr std::size_t kEthernetBytes = 14;
constexpr std::uint8_t kSctpProtocol = 132;

const char* name_of(Fate fate) {
  switch (fate) {
    case Fate::kPassed:
      return "";
    case Fate::kLost:
      return "LOST ";
    case Fate::kCut:
      return "CUT ";
    case Fate::kQueueFull:
      return "QUEUE FULL ";
    case Fate::kTooBig:
      return "TOO BIG ";
    case Fate::kCorrupted:
      return "CORRUPTED ";
    case Fate::kDuplicated:
      return "DUPLICATED ";
  }
  return "?";
}

}  // namespace

SctpPlace find_sctp(Bytes frame) {
  if (frame.size() < kEthernetBytes + 20) return {};
  const std::uint16_t type = load_be16(frame.data() + 12);
  const std::uint8_t* ip = frame.data() + kEthernetBytes;
  const bool is_fragment = type == 0x0800 && (load_be16(ip + 6) & 0x3fff) != 0;
  if (type == 0x0800 && ip[9] == kSctpProtocol && !is_fragment) {
    const std::size_t header = (ip[0] & 15) * 4u;
    const std::size_t total = std::min<std::size_t>(load_be16(ip + 2), frame.size() - 14);
    if (total > header) return {kEthernetBytes + header, total - header};
  }
  if (type == 0x86dd && frame.size() >= kEthernetBytes + 40 && ip[6] == kSctpProtocol) {
    return {kEthernetBytes + 40, std::min<std::size_t>(load_be16(ip + 4), frame.size() - 54)};
  }
  return {};
}

Trace::Entry& Trace::next_entry() {
  return entries_[count_++ % kKept];
}

void Trace::record(Time now, std::size_t lan, std::size_t from, std::size_t to, Fate fate,
                   Bytes frame) {
  ++frames_;
  ++fates_[static_cast<std::size_t>(fate)];
  mix(static_cast<std::uint64_t>(now.ns));
  mix(lan << 32 | from << 16 | to << 8 | static_cast<std::uint64_t>(fate));
  mix(Crc32c{}.add(frame).value());
  Entry& entry = next_entry();
  entry.at = now;
  entry.lan = lan;
  entry.from = from;
  entry.to = to;
  entry.fate = fate;
  entry.frame.assign(frame.begin(), frame.end());
  entry.text.clear();
  if (verbose_) std::fprintf(stderr, "%s\n", render(entry).c_str());
}

void Trace::note(Time now, std::string text) {
  Entry& entry = next_entry();
  entry.at = now;
  entry.frame.clear();
  entry.text = std::move(text);
  if (verbose_) std::fprintf(stderr, "%s\n", render(entry).c_str());
}

std::string Trace::render(const Entry& entry) {
  std::array<char, 96> head;
  const double seconds = static_cast<double>(entry.at.ns) / 1e9;
  if (!entry.text.empty()) {
    std::snprintf(head.data(), head.size(), "%13.6f  ---- ", seconds);
    return head.data() + entry.text;
  }
  std::snprintf(head.data(), head.size(), "%13.6f  lan %zu host %zu > %zu  %s", seconds, entry.lan,
                entry.from, entry.to, name_of(entry.fate));
  const SctpPlace sctp = find_sctp(entry.frame);
  if (sctp.length == 0) return head.data() + std::string("(not SCTP)");
  return head.data() + render_packet(Bytes(entry.frame).subspan(sctp.offset, sctp.length));
}

std::string Trace::last() const {
  std::string text;
  for (std::uint64_t i = count_ > kKept ? count_ - kKept : 0; i < count_; ++i) {
    text += render(entries_[i % kKept]) + "\n";
  }
  return text;
}

}  // namespace millrace::sim
