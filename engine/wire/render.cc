#include "engine/wire/render.h"

#include <array>
#include <cstdio>

#include "engine/wire/chunks.h"
#include "engine/wire/parameter.h"

namespace millrace {
namespace {

constexpr std::array<const char*, 15> kNames{
    "DATA",          "INIT",       "INIT ACK", "SACK",         "HEARTBEAT",
    "HEARTBEAT ACK", "ABORT",      "SHUTDOWN", "SHUTDOWN ACK", "ERROR",
    "COOKIE ECHO",   "COOKIE ACK", "ECNE",     "CWR",          "SHUTDOWN COMPLETE"};

template <class... Args>
std::string print(const char* format, Args... args) {
  std::array<char, 160> text;
  std::snprintf(text.data(), text.size(), format, args...);
  return text.data();
}

std::string render_data(const DataView& data) {
  std::string flags;
  if (data.flags & kDataFlagImmediate) flags += 'I';
  if (data.flags & kDataFlagUnordered) flags += 'U';
  if (data.flags & kDataFlagBegin) flags += 'B';
  if (data.flags & kDataFlagEnd) flags += 'E';
  return print("(tsn=%u sid=%u ssn=%u ppid=%u %s len=%zu)", data.tsn.value, data.stream,
               data.ssn.value, data.ppid, flags.c_str(), data.payload.size());
}

std::string render_init(const InitView& init) {
  return print("(tag=%08x rwnd=%u os=%u mis=%u tsn=%u params=%zu)", init.initiate_tag, init.a_rwnd,
               init.streams_out, init.streams_in, init.initial_tsn.value, init.parameters.size());
}

std::string render_sack(const SackView& sack) {
  constexpr std::size_t kGapsShown = 8;
  std::string text = print("(cum=%u rwnd=%u", sack.cumulative_tsn_ack.value, sack.a_rwnd);
  for (std::size_t i = 0; i < sack.gap_count && i < kGapsShown; ++i) {
    const SackView::Gap gap = sack.gap(i);
    text += print("%s%u-%u", i == 0 ? " gaps=" : ",", gap.start, gap.end);
  }
  if (sack.gap_count > kGapsShown) text += ",...";
  if (sack.duplicate_count > 0) text += print(" dups=%u", sack.duplicate_count);
  return text + ")";
}

std::string render_causes(ChunkView chunk) {
  std::string text;
  TlvReader causes(chunk.value());
  while (const auto cause = causes.next()) {
    text += print("%scause %u", text.empty() ? "(" : ", ", cause->type());
  }
  return text.empty() ? text : text + ")";
}

std::string render_fields(ChunkView chunk) {
  switch (chunk.type()) {
    case ChunkType::kData:
      if (const auto data = DataView::parse(chunk)) return render_data(*data);
      break;
    case ChunkType::kInit:
    case ChunkType::kInitAck:
      if (const auto init = InitView::parse(chunk)) return render_init(*init);
      break;
    case ChunkType::kSack:
      if (const auto sack = SackView::parse(chunk)) return render_sack(*sack);
      break;
    case ChunkType::kShutdown:
      if (const auto tsn = parse_shutdown(chunk)) return print("(cum=%u)", tsn->value);
      break;
    case ChunkType::kAbort:
    case ChunkType::kError:
      return render_causes(chunk);
    default:
      return print("(len=%zu)", chunk.bytes.size());
  }
  return "(malformed)";
}

}  // namespace

std::string chunk_name(std::uint8_t type) {
  if (type == static_cast<std::uint8_t>(ChunkType::kPad)) return "PAD";
  return type < kNames.size() ? kNames[type] : print("CHUNK %u", type);
}

std::string render_packet(Bytes packet) {
  if (packet.size() < kCommonHeaderBytes) return print("malformed: %zu bytes", packet.size());
  const CommonHeader header = CommonHeader::read(packet);
  std::string text =
      print("%u>%u tag=%08x", header.source_port, header.destination_port, header.verification_tag);
  ChunkReader chunks(packet);
  while (const auto chunk = chunks.next()) {
    text += " " + chunk_name(chunk->bytes[0]) + render_fields(*chunk);
  }
  if (chunks.is_malformed()) text += " malformed chunk";
  return text;
}

}  // namespace millrace
