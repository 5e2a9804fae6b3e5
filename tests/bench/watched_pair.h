// Two engines with an application each, all of whose memory for payload is watched: the
// applications' buffer, the transmit arena (both mappings), packets at either end, and the receive
// arena.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "api/millrace.h"
#include "engine/base/buffer.h"
#include "engine/ipc/layout.h"
#include "engine/lcore/host.h"
#include "engine/net/port.h"
#include "tests/bench/touches.h"

namespace millrace::bench {

/// What was counted on the way of some messages, for each byte of payload: by where it lay.
struct Journey {
  Touches buffer;    ///< the sending application's, from which mr_send() takes it
  Touches slot;      ///< of the transmit arena
  Touches sent;      ///< the packet until it goes to the port
  Touches received;  ///< the packet from the port on
  Touches arena;     ///< the receive arena, until the application has its event
};

/// An end of a wire with packet buffers of its own: frames are copied from one end's to the
/// other's, as by a wire. What the engine did to a payload is added up when it is done with the
/// buffer.
class WatchedPort final : public PortQueue {
 public:
  WatchedPort();
  void join(WatchedPort& other) { peer_ = &other; }

  std::size_t receive(std::span<Buffer*> frames) override;
  std::size_t send(std::span<Buffer* const> frames) override;

  /// Adds up what is left.
  void settle_all();

  BufferPool pool;
  Touches sent, received;  ///< of payload

 private:
  using Payload = std::span<const std::uint8_t>;

  static std::vector<Payload> payloads_of(Bytes frame);
  void settle(Buffer& buffer);
  void take_copy(const Buffer& frame);

  BufferSlab slab_;
  std::vector<Buffer*> all_;
  std::unique_ptr<Watched> memory_;
  std::map<const Buffer*, std::vector<Payload>> arrived_;
  std::vector<Buffer*> waiting_;
  WatchedPort* peer_ = nullptr;
};

class WatchedPair {
 public:
  WatchedPair();
  ~WatchedPair();

  /// Sends and receives so many messages, which the application has in its buffer, or has written
  /// where they are to lie.
  Journey carry(std::size_t size, std::size_t messages, bool is_in_place);

 private:
  struct Side {
    WatchedPort port;
    std::unique_ptr<Host> host;
    mr_context* context = nullptr;
    std::byte* channels = nullptr;
    std::byte* transmit = nullptr;
  };

  static ipc::Geometry geometry();
  static void open(Side& side, const char* address, std::size_t index);
  void connect();
  void turn();
  bool send(std::span<const std::uint8_t> bytes);
  bool send_in_place(std::span<const std::uint8_t> bytes);
  std::size_t receive(std::size_t size);

  Side left_, right_;
  mr_association association_ = 0;
  Time now_ = Time{} + seconds(1);
};

}  // namespace millrace::bench
