// Requests whose answer a call waits for.
#include "api/sockets/process.h"
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

constexpr int kOthers = 40;
constexpr std::int64_t kSoon_us = 5'000'000;  // half of what a call waits for a silent engine

Association& only(Process& process, const Handle& handle) {
  return *process.find(handle.number)->associations.begin()->second;
}

TEST_CASE("the answer to another's status request is not taken for one's own") {
  const Pair first;
  const Pair second;
  Process& process = Process::get();
  const Process::Guard guard(process);
  Association& wanted = only(process, first.client);
  Association& other = only(process, second.client);
  // So many that others' answers come in one batch with, and after, the one that is awaited.
  const int failed = process.ask(MR_REQUEST_GET_STATUS, wanted.handle, [&] {
    const int status = process.request_status(wanted);
    for (int i = 0; i < kOthers; ++i) process.request_status(other);
    pollfd entry{mr_fd(process.context()), POLLIN, 0};
    return ::poll(&entry, 1, 5000) == 1 ? status : -ETIMEDOUT;
  });
  CHECK(failed == 0);
  CHECK(process.await([&other] { return other.statuses == 0; }) == 0);
  mr_status status{};
  CHECK(process.ask_status(wanted, status) == 0);
  CHECK(status.association == wanted.handle);
}

TEST_CASE("a status request whose association is gone is answered at once") {
  for (int round = 0; round < 20; ++round) {
    Pair pair;
    Process& process = Process::get();
    const Process::Guard guard(process);
    const std::shared_ptr<Socket> client = process.find(pair.client.number);
    REQUIRE(mr_abort(process.context(), only(process, pair.server).handle, nullptr, 0) == 0);
    // The library does not know yet what the engine does.
    pollfd entry{mr_fd(process.context()), POLLIN, 0};
    REQUIRE(::poll(&entry, 1, 5000) == 1);
    const std::int64_t start = monotonic_us();
    sctp_status status{};
    socklen_t length = sizeof status;
    const int answer = client->get_option(IPPROTO_SCTP, SCTP_STATUS, &status, length);
    CHECK((answer == 0 || answer == -EINVAL));
    CHECK(monotonic_us() - start < kSoon_us);
  }
}

}  // namespace
}  // namespace millrace::sockets
