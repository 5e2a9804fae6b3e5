#include "tests/sockets/engine.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include "tests/support/threaded_engine.h"

namespace millrace::sockets {
namespace {

constexpr std::size_t kBuffers = 8192;

/// One lcore, and a thread that does the main thread's part; MILLRACE_SOCKET names it to the
/// library.
class LoopedEngine {
 public:
  LoopedEngine() : engine_(1, kBuffers) {
    setenv("MILLRACE_SOCKET", engine_.applications_socket().c_str(), 1);
    main_ = std::thread([this] { run_main(); });
  }
  std::unique_lock<std::shared_mutex> pause() { return engine_.pause(); }
  ~LoopedEngine() {
    is_ending_ = true;
    main_.join();
  }

 private:
  void run_main() {
    while (!is_ending_) {
      pollfd entry{engine_.engine().descriptor(), POLLIN, 0};
      ::poll(&entry, 1, 20);
      engine_.engine().poll_main(test::clock_now());
    }
  }

  test::ThreadedEngine engine_;
  std::atomic<bool> is_ending_{false};
  std::thread main_;
};

LoopedEngine& engine() {
  // What is made first is destroyed last: the engine may log until its threads are gone.
  spdlog::set_level(spdlog::level::off);
  static LoopedEngine engine;
  return engine;
}

}  // namespace

void start_engine() {
  engine();
}

std::unique_lock<std::shared_mutex> pause_engine() {
  return engine().pause();
}

}  // namespace millrace::sockets

// The last thread of the library's that ended is joined when it begins or forks the next time, and
// never if there is none.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name
extern "C" const char* __tsan_default_suppressions();
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_suppressions() {
  return "thread:millrace::sockets::OwnThreads::begin\n";
}
