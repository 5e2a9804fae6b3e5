// One sender with its memory and two paths, for tests of what it sends and what SACKs do to it.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/assoc/tx/outbound.h"
#include "engine/wire/chunk.h"

namespace millrace::test {

struct OutboundFixture {
  using Gaps = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

  explicit OutboundFixture(std::uint32_t peer_rwnd = 1 << 20, std::uint32_t initial = 1000) {
    for (const char* address : {"10.0.0.2", "10.0.1.2"}) {
      paths.push_back(std::make_unique<Path>(*IpAddress::parse(address), parameters));
      paths.back()->flight_limit = UINT32_MAX;
      by_index[paths.size() - 1] = paths.back().get();
    }
    outbound.start(Tsn{initial}, peer_rwnd, 16);
  }
  ~OutboundFixture() {
    Fifo<TxMessage> failed;
    outbound.fail_all(memory, by_index, failed);
    while (TxMessage* message = failed.pop_front()) messages.destroy(message);
    while (TxMessage* message = returned.pop_front()) messages.destroy(message);
    CHECK(messages.used() == 0);
    CHECK(chunks.used() == 0);
    CHECK(path(0).flight == 0);
    CHECK(path(1).flight == 0);
  }

  Path& path(std::size_t index) { return *paths[index]; }

  /// A message of `length` bytes; its token counts up from 1.
  void accept(std::uint32_t length, std::uint16_t stream = 0, std::uint8_t flags = 0) {
    REQUIRE(outbound.accept(memory, [&] {
      return TxMessage{.payload = payload.data(),
                       .token = ++tokens,
                       .length = length,
                       .stream = stream,
                       .flags = flags};
    }));
  }
  void accept_many(std::size_t count, std::uint32_t length) {
    for (std::size_t i = 0; i < count; ++i) accept(length);
  }

  /// The TSNs of one packet of new data.
  std::vector<std::uint32_t> send_new(std::uint8_t to = 0) {
    return write([&](PacketWriter& writer) {
      outbound.fill_new(memory, writer, by_index, to, now, 1452, false);
    });
  }
  /// As many packets as may go; all of their TSNs.
  std::vector<std::uint32_t> send_all(std::uint8_t to = 0) {
    std::vector<std::uint32_t> all;
    for (auto tsns = send_new(to); !tsns.empty(); tsns = send_new(to)) {
      all.insert(all.end(), tsns.begin(), tsns.end());
    }
    return all;
  }
  std::vector<std::uint32_t> send_again(std::uint8_t to = 0) {
    return write(
        [&](PacketWriter& writer) { outbound.fill_retransmissions(writer, by_index, to, now); });
  }

  SackOutcome sack(std::uint32_t cumulative, const Gaps& gaps = {}, std::uint32_t rwnd = 1 << 20) {
    std::vector<std::uint8_t> bytes(16 + 4 * gaps.size());
    bytes[0] = static_cast<std::uint8_t>(ChunkType::kSack);
    store_be16(&bytes[2], static_cast<std::uint16_t>(bytes.size()));
    store_be32(&bytes[4], cumulative);
    store_be32(&bytes[8], rwnd);
    store_be16(&bytes[12], static_cast<std::uint16_t>(gaps.size()));
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      store_be16(&bytes[16 + 4 * i], gaps[i].first);
      store_be16(&bytes[18 + 4 * i], gaps[i].second);
    }
    return outbound.on_sack(memory, by_index, *SackView::parse({bytes}), now, parameters);
  }

  /// Tokens of payloads that are free again.
  std::vector<std::uint64_t> take_returned() {
    std::vector<std::uint64_t> got;
    while (TxMessage* message = returned.pop_front()) {
      got.push_back(message->token);
      messages.destroy(message);
    }
    return got;
  }

  template <class Fill>
  std::vector<std::uint32_t> write(Fill&& fill) {
    std::vector<std::uint8_t> storage(kBufferStorage);
    Buffer buffer;
    buffer.storage = storage.data();
    buffer.reset();
    PacketWriter writer(buffer, CommonHeader{}, 1480);
    fill(writer);
    std::vector<std::uint32_t> tsns;
    last_payloads.clear();
    last_ssns.clear();
    ChunkReader reader(buffer.bytes());
    while (const auto chunk = reader.next()) {
      const auto data = DataView::parse(*chunk);
      REQUIRE(data.has_value());
      tsns.push_back(data->tsn.value);
      last_payloads.push_back(data->payload.size());
      last_ssns.push_back(data->ssn.value);
    }
    return tsns;
  }

  Parameters parameters;
  Time now = Time{} + seconds(10);
  std::vector<std::uint8_t> payload = std::vector<std::uint8_t>(1 << 16);
  Slab<TxMessage> messages{1 << 14};
  Slab<TxChunk> chunks{1 << 14};
  StreamTable<OutboundStream>::Slabs streams{4};
  Fifo<TxMessage> returned;
  OutboundMemory memory{messages, chunks, streams, returned};
  std::vector<std::unique_ptr<Path>> paths;
  Paths by_index{};
  Outbound outbound;
  std::uint64_t tokens = 0;
  std::vector<std::size_t> last_payloads;
  std::vector<std::uint16_t> last_ssns;
};

}  // namespace millrace::test
