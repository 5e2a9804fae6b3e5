#include "api/sockets/in_call.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "api/sockets/descriptor.h"
#include "api/sockets/process.h"

namespace millrace::sockets {
namespace {

/// Of a call. A read of it is begun again by the kernel after a signal whose handler asks for that
/// (SA_RESTART), as a read of a kernel's socket would be.
struct Bed {
  int descriptor = -1;
  pid_t process = 0;  // before a fork, the other process's thread sleeps on it too
};

/// What is known of a call when nothing is left of its stack.
struct Entry {
  const void* frame;
  std::shared_ptr<Socket> socket;
};

struct Calls {
  std::vector<Entry> entries;  // the innermost last
  std::vector<Bed> beds;       // by the number of calls that are further out

  int bed_of(std::size_t entry) const { return entry < beds.size() ? beds[entry].descriptor : -1; }
  /// The last so many.
  void end(std::size_t count) {
    for (; count > 0; --count) {
      const std::shared_ptr<Socket> socket = std::move(entries.back().socket);
      entries.pop_back();
      std::erase(socket->waiters, bed_of(entries.size()));
      if (socket->calls > 0) --socket->calls;  // 0 in a fork's child
      Process::get().settle(socket);
    }
  }
};

// A pointer, as who calls after the thread's destructors have run is to find something.
thread_local Calls* mine = nullptr;

/// Runs at the end of the thread.
struct Reaper {
  bool has_work = false;
  ~Reaper() {
    if (!has_work) return;
    // A thread that ends by itself may be cancelled at this very moment.
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    if (!mine->entries.empty()) {
      const Process::Guard guard(Process::get());
      mine->end(mine->entries.size());
    }
    for (const Bed& bed : mine->beds) forget_internal(bed.descriptor);
    delete std::exchange(mine, nullptr);
  }
};
thread_local Reaper reaper;

/// Whether a frame is none of those in which the thread is, `here` being the innermost, or, if that
/// is new, `begins`. A stack grows downwards. Nobody comes back to a handler's own one while the
/// thread is on another.
bool is_dead(const void* frame, const void* here, bool begins) {
  stack_t other{};
  if (sigaltstack(nullptr, &other) != 0) return false;
  const auto is_there = [&other](const void* at) {
    const auto* begin = static_cast<const char*>(other.ss_sp);
    return (other.ss_flags & SS_DISABLE) == 0 && at >= begin && at < begin + other.ss_size;
  };
  if (is_there(frame) != is_there(here)) return is_there(frame);
  return frame < here || (begins && frame == here);
}

void end_dead_below(const void* here, bool begins) {
  if (mine == nullptr || mine->entries.empty()) return;
  std::size_t count = 0;
  const auto& entries = mine->entries;
  while (count < entries.size() && is_dead(entries[entries.size() - 1 - count].frame, here, begins))
    ++count;
  mine->end(count);
}

}  // namespace

void InCall::begin(Socket& socket, Kind kind) {
  if (mine == nullptr) {
    mine = new Calls;
    reaper.has_work = true;
  }
  ++socket.calls;  // before what ends, which may be its last
  end_dead_below(frame_, kind == Kind::call);
  mine->entries.push_back({frame_, socket.shared_from_this()});
}

InCall::~InCall() {
  // Of one frame there may be two: a call, and its sleep.
  const auto& entries = mine->entries;
  const auto found = std::find_if(entries.rbegin(), entries.rend(),
                                  [this](const Entry& one) { return one.frame == frame_; });
  if (found != entries.rend()) mine->end(static_cast<std::size_t>(found - entries.rbegin()) + 1);
}

int InCall::bed() const {
  const std::size_t entry = mine->entries.size() - 1;
  if (mine->beds.size() <= entry) mine->beds.resize(entry + 1);
  Bed& bed = mine->beds[entry];
  if (bed.process != getpid()) {
    forget_internal(bed.descriptor);
    bed = {move_up(eventfd(0, EFD_CLOEXEC)), getpid()};
  }
  return bed.descriptor;
}

[[gnu::noinline]] void InCall::end_dead() {
  end_dead_below(__builtin_frame_address(0), false);
}

}  // namespace millrace::sockets
