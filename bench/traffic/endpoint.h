// One end of SCTP as the generator and the sink see it: whatever stack is behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/time.h"

namespace millrace::bench {

/// Where an endpoint is and whom it speaks with.
struct EndpointOptions {
  std::string socket;               ///< of millraced, for the native endpoint; empty: the default
  std::vector<std::string> locals;  ///< empty: all
  std::vector<std::string> peers;   ///< of a client
  std::uint16_t port = 5001;        ///< that the server listens on
  std::uint16_t streams = 1;        ///< in each direction
  int buffer_bytes = 1 << 20;       ///< of sockets; the engine's are configured there
  bool nodelay = true;              ///< of sockets
  bool spins = false;               ///< wait() never sleeps
};

struct Arrival {
  enum class Kind : std::uint8_t {
    kUp,
    kFailed,  ///< an association that was asked for did not come
    kDown,
    kMessage,
    kWritable,
  };
  Kind kind = Kind::kMessage;
  bool is_orderly = false;  ///< kDown: by shutdown
  bool is_unordered = false;
  std::uint16_t stream = 0;
  std::uint16_t streams = 0;  ///< kUp of a client: those that it may send on
  std::uint32_t link = 0;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
};

/// Associations are links 0, 1, 2, ... in the order in which they were asked for or accepted. Used
/// by one thread. Nothing blocks but wait().
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  virtual void listen() = 0;
  /// Asks for one more association: kUp or kFailed follows. False: not now, ask again later.
  virtual bool connect() = 0;
  /// False: no room; kWritable follows. What is sent may wait for flush(). A link that is down
  /// takes everything and drops it.
  virtual bool send(std::uint32_t link, std::span<const std::uint8_t> message, std::uint16_t stream,
                    bool is_unordered) = 0;
  virtual void flush() = 0;
  /// What has happened; valid until the next poll() or wait().
  virtual std::span<const Arrival> poll() = 0;
  /// While a link is paused its peer is slowed down; what is under way already still arrives.
  virtual void pause(std::uint32_t link, bool is_paused) = 0;
  /// kDown follows.
  virtual void shut_down(std::uint32_t link) = 0;
  /// Sleeps until poll() may have something, `most` at most.
  virtual void wait(Duration most) = 0;
};

/// Applications of millraced, by millrace.h.
std::unique_ptr<Endpoint> make_native_endpoint(const EndpointOptions& options);
/// SCTP sockets of the kernel, or of millrace-run.
std::unique_ptr<Endpoint> make_socket_endpoint(const EndpointOptions& options);
/// usrsctp on raw sockets, which want root. One in a process.
std::unique_ptr<Endpoint> make_usrsctp_endpoint(const EndpointOptions& options);

}  // namespace millrace::bench
