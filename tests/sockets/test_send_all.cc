// SCTP_SENDALL while the context's memory for messages is nearly full.
#include <vector>

#include "api/sockets/process.h"
#include "tests/sockets/crowd.h"

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

TEST_CASE("SCTP_SENDALL without fragments goes to none if it is too large for one of them") {
  const Crowd crowd;
  REQUIRE(crowd.socket.set(IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1) == 0);
  sctp_assoc_t ids[1 + Crowd::kPeers] = {};
  REQUIRE(crowd.socket.get(IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, ids) == 0);
  sctp_paddrparams narrow{};
  narrow.spp_assoc_id = ids[Crowd::kPeers];
  narrow.spp_flags = SPP_PMTUD_DISABLE;
  narrow.spp_pathmtu = 800;
  REQUIRE(crowd.socket.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, narrow) == 0);
  CHECK(crowd.send_all(std::string(1000, 'l')) == -1);
  CHECK(errno == EMSGSIZE);
  CHECK(crowd.send_all(std::string(700, 's')) == 700);
  CHECK(crowd.have_got(std::string(700, 's')));
}

TEST_CASE("SCTP_SENDALL with explicit EOR wants room for all of a record") {
  const Crowd crowd;
  REQUIRE(crowd.socket.set(IPPROTO_SCTP, SCTP_EXPLICIT_EOR, 1) == 0);
  const std::string piece(kMessageBytes, 'p');
  REQUIRE(crowd.send_all(piece) == static_cast<ssize_t>(piece.size()));
  {
    const Shortage shortage(kMessageBytes, Crowd::kPeers);
    CHECK(crowd.send_all(piece, 0, MSG_EOR) == -1);
    CHECK(errno == EAGAIN);
  }
  CHECK(crowd.send_all(piece, 0, MSG_EOR) == static_cast<ssize_t>(piece.size()));
  CHECK(crowd.have_got(piece + piece));
}

}  // namespace
}  // namespace millrace::sockets
