// Any bytes as an SCTP packet: every view over every chunk, and writing the chunks again gives the
// same chunks.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/wire/chunk.h"
#include "engine/wire/chunks.h"
#include "engine/wire/parameter.h"
#include "engine/wire/render.h"
#include "engine/wire/writer.h"

namespace millrace {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Touches each byte, so that AddressSanitizer sees a view that is too long.
void touch(Bytes bytes) {
  [[maybe_unused]] volatile std::uint8_t sum = 0;
  for (const std::uint8_t byte : bytes) sum = static_cast<std::uint8_t>(sum + byte);
}

void walk_tlvs(Bytes bytes) {
  TlvReader reader(bytes);
  while (const auto tlv = reader.next()) {
    touch(tlv->value());
    if (const auto address = address_in(*tlv)) touch(address->wire_bytes());
  }
}

void read_sack(const SackView& sack) {
  for (std::size_t i = 0; i < sack.gap_count; ++i) {
    [[maybe_unused]] volatile std::uint16_t end = sack.gap(i).end;
  }
  for (std::size_t i = 0; i < sack.duplicate_count; ++i) {
    [[maybe_unused]] volatile bool zero = sack.duplicate(i) == Tsn{0};
  }
}

void read_chunk(ChunkView chunk) {
  touch(chunk.value());
  switch (chunk.type()) {
    case ChunkType::kData:
      if (const auto data = DataView::parse(chunk)) touch(data->payload);
      break;
    case ChunkType::kInit:
    case ChunkType::kInitAck:
      if (const auto init = InitView::parse(chunk)) walk_tlvs(init->parameters);
      break;
    case ChunkType::kSack:
      if (const auto sack = SackView::parse(chunk)) read_sack(*sack);
      break;
    case ChunkType::kShutdown:
      require(parse_shutdown(chunk).has_value() == (chunk.bytes.size() == 8));
      break;
    default:
      walk_tlvs(chunk.value());
  }
}

/// Writes the chunks into a packet of its own and requires to read the same there.
void check_round_trip(Bytes packet) {
  static std::array<std::uint8_t, kBufferStorage> storage;
  Buffer buffer;
  buffer.storage = storage.data();
  buffer.reset();
  std::vector<ChunkView> written;
  PacketWriter writer(buffer, CommonHeader::read(packet), kMtuMax);
  ChunkReader reader(packet);
  while (const auto chunk = reader.next()) {
    if (padded4(chunk->bytes.size()) > writer.room()) break;
    writer.begin_chunk(chunk->type(), chunk->flags());
    writer.append(chunk->value());
    writer.end_chunk();
    written.push_back(*chunk);
  }
  ChunkReader again(buffer.bytes());
  for (const ChunkView& chunk : written) {
    const auto copy = again.next();
    require(copy.has_value() && std::ranges::equal(copy->bytes, chunk.bytes));
  }
  require(!again.next().has_value() && !again.is_malformed());
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace;
  const Bytes packet(data, size);
  const std::string text = render_packet(packet);
  require(text.find('\n') == std::string::npos);
  if (size < kCommonHeaderBytes) return 0;
  ChunkReader reader(packet);
  while (const auto chunk = reader.next()) read_chunk(*chunk);
  check_round_trip(packet);
  return 0;
}
