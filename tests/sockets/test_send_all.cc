// SCTP_SENDALL while the context's memory for messages is nearly full.
#include <memory>
#include <vector>

#include "api/sockets/process.h"
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

constexpr std::size_t kMessageBytes = 1024;  // of a class of slots whose size it is

/// All of the memory that the process's messages have, but for so many slots of a size.
class Shortage {
 public:
  Shortage(std::size_t slot_bytes, int left) {
    const Process::Guard guard(Process::get());
    std::vector<void*> left_over;
    for (; left > 0; --left) left_over.push_back(mr_buffer_alloc(context(), slot_bytes));
    for (std::size_t bytes = MR_MESSAGE_BYTES_MAX; bytes >= 64; bytes /= 2) take_all(bytes);
    for (void* buffer : left_over) mr_buffer_free(context(), buffer);
  }
  ~Shortage() {
    const Process::Guard guard(Process::get());
    while (!taken_.empty()) free_last();
    Process::get().drain();  // what comes back without the engine, nobody tells of
  }
  Shortage(const Shortage&) = delete;
  Shortage& operator=(const Shortage&) = delete;

 private:
  static mr_context* context() { return Process::get().context(); }
  void take_all(std::size_t bytes) {
    while (void* buffer = mr_buffer_alloc(context(), bytes)) taken_.push_back(buffer);
  }
  void free_last() {
    mr_buffer_free(context(), taken_.back());
    taken_.pop_back();
  }

  std::vector<void*> taken_;
};

/// A socket with an association to each of several.
struct Crowd {
  static constexpr int kPeers = 3;
  Crowd() : socket(SOCK_SEQPACKET) {
    for (int i = 0; i < kPeers; ++i) {
      const Handle listener(SOCK_STREAM);
      REQUIRE(listener.bind("0.0.0.0", 0) == 0);
      REQUIRE(calls::listen(listener.number, 5) == 0);
      REQUIRE(socket.connect("10.0.0.1", listener.port()) == 0);
      const int accepted = calls::accept(listener.number, nullptr, nullptr, 0);
      REQUIRE(accepted >= 0);
      peers.push_back(std::make_unique<Handle>(Handle::Adopt{accepted}));
    }
    socket.set_non_blocking();
  }
  ssize_t send_all(std::string text, int flags = MSG_NOSIGNAL) const {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(sctp_sndinfo))] = {};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = IPPROTO_SCTP;
    head->cmsg_type = SCTP_SNDINFO;
    head->cmsg_len = CMSG_LEN(sizeof(sctp_sndinfo));
    sctp_sndinfo info{};
    info.snd_flags = SCTP_SENDALL;
    std::memcpy(CMSG_DATA(head), &info, sizeof info);
    return calls::sendmsg(socket.number, &message, flags);
  }
  /// Whether each has got this, and nothing before it.
  bool have_got(const std::string& text) const {
    for (const auto& peer : peers) {
      if (receive(*peer).data != text) return false;
    }
    return true;
  }

  Handle socket;
  std::vector<std::unique_ptr<Handle>> peers;
};

TEST_CASE("SCTP_SENDALL goes to all or to none, however little memory for messages is left") {
  const Crowd crowd;
  const std::string text(kMessageBytes, 'a');
  {
    const Shortage shortage(kMessageBytes, Crowd::kPeers - 1);
    CHECK(crowd.send_all("lost" + text.substr(4)) == -1);
    CHECK(errno == EAGAIN);
    CHECK((crowd.socket.ready() & POLLOUT) == 0);
  }
  CHECK(crowd.socket.becomes(POLLOUT));
  CHECK(crowd.send_all(text) == static_cast<ssize_t>(text.size()));
  CHECK(crowd.have_got(text));
  const Shortage shortage(kMessageBytes, Crowd::kPeers);
  CHECK(crowd.send_all(text) == static_cast<ssize_t>(text.size()));
  CHECK(crowd.have_got(text));
}

TEST_CASE("SCTP_SENDALL with explicit EOR wants room for all of a record") {
  const Crowd crowd;
  REQUIRE(crowd.socket.set(IPPROTO_SCTP, SCTP_EXPLICIT_EOR, 1) == 0);
  const std::string piece(kMessageBytes, 'p');
  REQUIRE(crowd.send_all(piece) == static_cast<ssize_t>(piece.size()));
  {
    const Shortage shortage(kMessageBytes, Crowd::kPeers);
    CHECK(crowd.send_all(piece, MSG_NOSIGNAL | MSG_EOR) == -1);
    CHECK(errno == EAGAIN);
  }
  CHECK(crowd.send_all(piece, MSG_NOSIGNAL | MSG_EOR) == static_cast<ssize_t>(piece.size()));
  CHECK(crowd.have_got(piece + piece));
}

}  // namespace
}  // namespace millrace::sockets
