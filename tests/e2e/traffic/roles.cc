#include "tests/e2e/traffic/roles.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "tests/e2e/traffic/diameter.h"
#include "tests/e2e/traffic/ledger.h"
#include "tests/e2e/traffic/plan.h"
#include "tests/e2e/traffic/tally.h"

namespace millrace::traffic {

namespace {

using Clock = std::chrono::steady_clock;

/// One association from up to down: a thread that sends, and the caller's, which receives.
class Session {
 public:
  Session(Link& link, const Options& options, std::uint64_t index, Tally& tally)
      : link_(link), options_(options), index_(index), tally_(tally) {}

  void run() {
    tally_.associations += 1;
    std::thread sender([this] { send_all(); });
    Delivery delivery;
    if (options_.expect == 0) on_half_done();
    do {
      link_.receive(delivery);
      on_delivery(delivery);
    } while (delivery.event != Event::shut_down && delivery.event != Event::lost);
    sender.join();
    finish();
  }

 private:
  void on_delivery(Delivery& delivery) {
    switch (delivery.event) {
      case Event::message:
        return on_message(delivery);
      case Event::failed:
        tally_.failed += 1;
        return;
      case Event::restart:
        tally_.restarts += 1;
        return;
      case Event::shut_down:
        return tally_.on_end(Tally::End::orderly);
      case Event::lost:
        tally_.on_end(delivery.reason == "aborted" ? Tally::End::aborted : Tally::End::lost);
        return tally_.complain("association " + std::to_string(index_) + ": " + delivery.reason);
      default:
        return;
    }
  }

  void on_message(Delivery& delivery) {
    tally_.received += 1;
    tally_.received_bytes += delivery.bytes.size();
    ++received_;
    if (options_.role == "diameter-server") {
      answer_diameter(delivery);
    } else if (options_.role == "echo") {
      send(delivery.stream, delivery.is_unordered, delivery.ppid, delivery.bytes);
    } else {
      ledger_.on_message(delivery.stream, delivery.is_unordered, delivery.ppid, delivery.bytes);
      if (received_ == options_.expect) on_half_done();
    }
  }

  void answer_diameter(Delivery& delivery) {
    const auto identifier = make_diameter_answer(delivery.bytes);
    if (!identifier) return tally_.complain("not a Diameter request");
    tally_.requests += 1;
    if (!identifiers_.insert(*identifier).second) tally_.duplicates += 1;
    send(delivery.stream, delivery.is_unordered, delivery.ppid, delivery.bytes);
  }

  bool send(std::uint16_t stream, bool is_unordered, std::uint32_t ppid,
            std::span<const std::uint8_t> bytes) {
    if (!link_.send(stream, is_unordered, ppid, bytes)) {
      tally_.complain("send on stream " + std::to_string(stream) + ": " + std::strerror(errno));
      return false;
    }
    tally_.sent += 1;
    tally_.sent_bytes += bytes.size();
    return true;
  }

  void send_all() {
    const auto plan = make_plan(options_, index_);
    const auto start = Clock::now();
    std::vector<std::uint8_t> bytes;
    for (std::size_t i = 0; i < plan.size(); ++i) {
      if (options_.rate > 0) {
        std::this_thread::sleep_until(
            start + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(i) / options_.rate)));
      }
      bytes.resize(plan[i].header.length);
      write_message(bytes, plan[i].header);
      if (!send(plan[i].header.stream, plan[i].is_unordered, kMagic, bytes)) return;
    }
    on_half_done();
  }

  /// The client begins the shutdown when both halves are done: all is sent, and all has come.
  void on_half_done() {
    const std::lock_guard lock(mutex_);
    if (++halves_done_ == 2 && options_.is_client()) link_.shutdown();
  }

  void finish() {
    if (options_.role != "server" && options_.role != "client") return;
    tally_.short_messages += ledger_.short_messages();
    ledger_.finish();
    for (const std::string& error : ledger_.errors()) tally_.complain(error);
    if (received_ != options_.expect) {
      tally_.complain("association " + std::to_string(index_) + ": received " +
                      std::to_string(received_) + " messages instead of " +
                      std::to_string(options_.expect));
    }
  }

  Link& link_;
  const Options& options_;
  const std::uint64_t index_;
  Tally& tally_;
  Ledger ledger_;
  std::unordered_set<std::uint32_t> identifiers_;
  std::uint64_t received_ = 0;
  std::mutex mutex_;
  int halves_done_ = 0;
};

/// Waits aside for a signal or the end of patience, prints what there is and leaves.
void guard(sigset_t signals, const Options& options, Tally& tally, Clock::time_point start) {
  const timespec patience{
      static_cast<time_t>(options.timeout),
      static_cast<long>(
          (options.timeout - static_cast<double>(static_cast<time_t>(options.timeout))) * 1e9)};
  const bool is_signal = sigtimedwait(&signals, nullptr, &patience) > 0;
  if (!is_signal) tally.complain("timeout");
  const std::chrono::duration<double> seconds = Clock::now() - start;
  const bool is_ok = is_signal && !tally.has_errors();
  tally.print(options.role, is_ok, seconds.count());
  std::_Exit(is_ok ? 0 : is_signal ? 1 : 3);
}

}  // namespace

int run(Transport& transport, const Options& options) {
  Tally tally;
  const auto start = Clock::now();
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(guard, signals, std::cref(options), std::ref(tally), start).detach();

  if (!options.is_client()) {
    transport.listen();
    std::printf("ready\n");
    std::fflush(stdout);
  }
  std::vector<std::thread> sessions;
  for (std::uint64_t i = 0; i < options.associations; ++i) {
    std::shared_ptr<Link> link = options.is_client() ? transport.connect() : transport.accept();
    sessions.emplace_back([link, &options, &tally, i] { Session(*link, options, i, tally).run(); });
  }
  for (std::thread& session : sessions) session.join();
  const std::chrono::duration<double> seconds = Clock::now() - start;
  const bool is_ok = !tally.has_errors();
  tally.print(options.role, is_ok, seconds.count());
  std::this_thread::sleep_for(std::chrono::duration<double>(options.linger));
  return is_ok ? 0 : 1;
}

}  // namespace millrace::traffic
