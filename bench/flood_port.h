// A port that a flood comes in by, and that answers to it leave by.
#pragma once

#include <vector>

#include "engine/base/buffer.h"
#include "engine/net/ethernet.h"
#include "engine/net/port.h"

namespace millrace::bench {

enum class Flood { kInit, kCookieEcho, kOutOfTheBlue };

/// Makes packets of one kind, each from another address, to an engine's address. It also plays the
/// gateway that the answers go to: it answers ARP, and counts and drops the rest.
class FloodPort final : public PortQueue {
 public:
  static constexpr const char* kTarget = "10.9.0.1";
  static constexpr const char* kGateway = "10.9.0.2";

  explicit FloodPort(BufferPool& pool) : pool_(pool) {}

  static PortTraits traits();

  /// From now on packets of this kind, to this port of the target's.
  void prepare(Flood flood, std::uint16_t port);
  /// So many more are to come, beside those that have not been taken yet.
  void pour(std::uint64_t packets) { to_come_ += packets; }

  std::uint64_t poured() const { return poured_; }
  std::uint64_t waiting() const { return to_come_; }
  std::uint64_t answers() const { return answers_; }

  std::size_t receive(std::span<Buffer*> frames) override;
  std::size_t send(std::span<Buffer* const> frames) override;

 private:
  static constexpr std::size_t kFrames = 1024;

  void answer_arp(Bytes frame);

  BufferPool& pool_;
  std::vector<std::vector<std::uint8_t>> frames_;
  std::vector<std::uint8_t> arp_reply_;
  std::uint64_t to_come_ = 0;
  std::uint64_t poured_ = 0;
  std::uint64_t answers_ = 0;
};

}  // namespace millrace::bench
