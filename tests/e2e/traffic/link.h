// An SCTP socket as the traffic programs see one, whichever stack is under it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/e2e/traffic/options.h"

namespace millrace::traffic {

/// `failed`: a message that was accepted is reported not to have been delivered.
enum class Event : std::uint8_t {
  message,
  up,
  restart,
  peer_shutdown,
  failed,
  shut_down,
  lost,
  other
};

struct Delivery {
  Event event = Event::other;
  std::uint16_t stream = 0;
  bool is_unordered = false;
  std::uint32_t ppid = 0;
  std::vector<std::uint8_t> bytes;
  std::string reason;  // of `lost`
};

/// One association. One thread sends while another receives; every call blocks.
class Link {
 public:
  virtual ~Link() = default;
  /// False when the association is gone; errno says why.
  virtual bool send(std::uint16_t stream, bool is_unordered, std::uint32_t ppid,
                    std::span<const std::uint8_t> message) = 0;
  virtual void receive(Delivery& delivery) = 0;  // after shut_down or lost there is nothing more
  virtual void shutdown() = 0;
};

/// The stack. Failures to set up end the program with a message.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void listen() = 0;
  virtual std::unique_ptr<Link> accept() = 0;
  virtual std::unique_ptr<Link> connect() = 0;
};

std::unique_ptr<Transport> make_transport(const Options& options);

/// Prints what failed with errno and leaves with status 1.
[[noreturn]] void die(const std::string& what);

}  // namespace millrace::traffic
