// What goes over a link between processes (remote.h), and how: a call one way, and its answer the
// other.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

namespace millrace::sockets {

/// What one asks the owner for. The parts are a name (of a peer, or an option's value), control
/// data, and a message's bytes.
struct RemoteCall {
  enum class Kind : std::uint32_t {
    bind,
    listen,
    accept,
    connect,
    connect_result,
    shutdown,
    close,
    bytes_readable,
    local_name,
    peer_name,
    get_option,
    set_option,
    send,
    receive,
    adopt,  ///< a descriptor of the socket comes along, which proves that it was come by
    connect_many,
    peel_off,
    watch_edges,
  };
  struct Head {
    Kind kind;
    std::int32_t number[3];
    std::uint64_t socket;
    std::int64_t status;  // of the answer
    std::uint32_t lengths[3];
    std::uint32_t reserved;
  };
  Head head{};
  std::string name, control, data;
  int descriptor = -1;  // that goes along

  /// Whole calls, over a stream. False: the other side is gone. A descriptor that has come is the
  /// caller's to close; none comes with half a call.
  bool send(int channel);
  bool receive(int channel);
  void close_descriptor();
};

/// The owner's end of a link. Nothing here waits: calls come and answers go as far as they can at
/// once, and what has come of one is here when the process forks. So the lock is never held for as
/// long as the other side pleases.
class Channel {
 public:
  enum class Progress : std::uint8_t { none, whole, gone };

  explicit Channel(int of) : descriptor(of) {}
  /// Takes what has come. whole: `call` is to be answered.
  Progress read();
  /// `call` is the answer from now on; write() says when it is gone.
  void begin_answer();
  Progress write();
  bool is_answering() const { return is_answering_; }

  int descriptor;
  RemoteCall call;
  bool is_waiting = false;                 // for the answer to a call that is slept on
  std::unordered_set<std::uint64_t> held;  // sockets that the other side has, by their number

 private:
  bool is_whole(std::size_t& wanted);

  std::string bytes_;  // of the call that comes, or of what is left of its answer
  bool is_answering_ = false;
};

}  // namespace millrace::sockets
