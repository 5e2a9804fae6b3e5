// What happens to sockets at a fork, at exec, and when the process that has the context ends.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <utility>

#include "api/context.h"
#include "api/sockets/calls.h"
#include "api/sockets/descriptor.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/remote.h"

namespace millrace::sockets {
namespace {

/// What a fork's child is to be.
enum class Child {
  client,     // of the parent, which keeps the context
  successor,  // that has the context from now on
  errand,     // it forks a successor and ends
};

/// Between the handlers of one fork; the lock is held all the while.
int parents_end = -1;
int childs_end = -1;
constexpr int kKeeperLook_ms = 500;

// Of who forks. Another thread may wait for the lock meanwhile, with a guard of its own.
thread_local Child next_child = Child::client;
thread_local bool keeps_lock = false;
thread_local std::optional<Process::Guard> lock;

void let_go_of_lock() {
  lock.reset();
}

/// fork() after which parent and child have the lock until they let go of it. It is taken by the
/// handlers of fork() and not before: those of other libraries, which may run first, take locks
/// that another thread may hold which forks and waits for ours.
pid_t fork_with_lock(Child child) {
  next_child = child;
  keeps_lock = true;
  const pid_t process = fork();
  next_child = Child::client;
  keeps_lock = false;
  return process;
}

}  // namespace

// Not before there is a socket: the memory's owner may have handlers too, which are to run last
// before a fork, and first after it, as ours allocate.
void Process::install_fork_handlers() {
  pthread_atfork([] { get().before_fork(); }, [] { get().after_fork_in_parent(); },
                 [] { get().after_fork_in_child(); });
}

bool Process::has_own_sockets() const {
  for (const auto& socket : sockets_) {
    if (socket != nullptr && !socket->is_remote()) return true;
  }
  return false;
}

bool Process::has_sockets() {
  if (!exists) return false;
  Process& process = get();
  const Guard guard(process);
  for (const auto& socket : process.sockets_) {
    if (socket != nullptr) return true;
  }
  return false;
}

bool Process::has_inheritable() {
  for (int descriptor = 0; exists && descriptor < kDescriptorsMax; ++descriptor) {
    if (is_ours(descriptor) && (real().fcntl(descriptor, F_GETFD) & FD_CLOEXEC) == 0) return true;
  }
  return false;
}

void Process::before_fork() {
  if (!lock) lock.emplace(*this);
  own_threads_.join_ended();
  if (context_ == nullptr && next_child == Child::successor) next_child = Child::client;
  parents_end = childs_end = -1;
  int pair[2];
  if (next_child != Child::client || !has_own_sockets()) return;
  if (real().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return;
  parents_end = move_up(pair[0]);
  childs_end = move_up(pair[1]);
}

void Process::after_fork_in_parent() {
  forget_internal(childs_end);
  if (parents_end >= 0) {
    const auto channel = std::make_shared<Channel>(parents_end);
    for (const auto& socket : sockets_) {
      if (socket != nullptr && !socket->is_remote()) hold(*channel, socket);
    }
    serve(channel);
  }
  if (!keeps_lock) let_go_of_lock();
}

void Process::after_fork_in_child() {
  pid_ = getpid();
  for (const auto& socket : sockets_) {
    if (socket != nullptr) socket->calls = 0;  // who was in one is not in this process
  }
  if (next_child != Child::errand) renew_links();
  if (next_child == Child::client) {
    forget_internal(parents_end);
    const auto link = std::make_shared<Link>(owner_name_);
    link->descriptor = childs_end;
    for (const auto& socket : sockets_) {
      if (childs_end >= 0 && socket != nullptr && !socket->is_remote())
        link->held.insert(socket->number);
    }
    become_client(link);
  } else if (next_child == Child::successor) {
    static_cast<void>(start_pump());  // it does without what there is no room for
    serve_again();
  }
  if (!keeps_lock) let_go_of_lock();
}

/// In a fork's child: a link that was there is the parent's, and perhaps in use. The child makes
/// its own of each.
void Process::renew_links() {
  for (auto& [owner, link] : links_) {
    forget_internal(std::exchange(link->descriptor, -1));
    static_cast<void>(new std::shared_ptr<Link>(link));  // never destroyed: its lock may be held
    link = std::make_shared<Link>(owner);
  }
  for (const auto& socket : sockets_) {
    if (socket != nullptr && socket->is_remote())
      socket->become_remote(links_[socket->link->owner], socket->number);
  }
}

/// Those that the process served before it was forked: no thread of this one does.
void Process::serve_again() {
  const std::vector<std::shared_ptr<Channel>> channels = std::exchange(channels_, {});
  for (const auto& channel : channels) {
    if (std::exchange(channel->is_waiting, false)) {
      channel->call = {};
      channel->call.head.status = -EINPROGRESS;
      channel->begin_answer();
    }
    serve(channel);
  }
}

/// The context is another process's, and nothing of it may be written here; what this process has
/// of it goes. Links to others stay: a thread may be in a call.
void Process::become_client(const std::shared_ptr<Link>& to_owner) {
  leave_engine();
  for (const auto& channel : channels_) {
    forget_internal(std::exchange(channel->descriptor, -1));
    channel->held.clear();  // a thread may still be in a call of it
  }
  channels_.clear();
  for (const Stranger& stranger : strangers_) forget_internal(stranger.descriptor);
  strangers_.clear();
  shared_.clear();
  parked_.clear();
  by_handle_.clear();
  by_id_.clear();
  listening_.clear();
  if (!to_owner->owner.empty()) links_[to_owner->owner] = to_owner;
  for (const auto& socket : sockets_) {
    if (socket != nullptr && !socket->is_remote()) socket->become_remote(to_owner, socket->number);
  }
}

/// daemon(). The parent ends with the lock held, so that no thread of it touches what is the
/// child's.
int Process::fork_and_hand_over() {
  const pid_t child = fork_with_lock(Child::successor);
  if (child > 0) real().exit_now(0);
  let_go_of_lock();
  return child;
}

// The new program finds descriptors and no more. What is behind them goes to a copy of this
// process, which is nobody's child, and ends with the last of them.
int Process::hand_over() {
  if (!exists) return 0;
  Process& process = get();
  {
    const Guard guard(process);
    if (process.context_ == nullptr || getpid() != process.pid_) return 0;
    if (!process.has_own_sockets() && process.shared_.empty() && process.parked_.empty()) return 0;
  }
  const pid_t errand = fork_with_lock(Child::errand);
  if (errand == 0) process.run_errand();
  int status = 0;
  while (errand > 0 && waitpid(errand, &status, 0) < 0 && errno == EINTR) {
  }
  const bool has_gone = process.context_ == nullptr;  // another thread has handed it over
  const bool is_kept = errand > 0 && status == 0;
  if (is_kept && !has_gone) process.become_client(std::make_shared<Link>(process.owner_name_));
  let_go_of_lock();
  return is_kept || has_gone ? 0 : -EAGAIN;
}

void Process::run_errand() {
  if (context_ == nullptr) real().exit_now(1);
  const pid_t keeper = fork_with_lock(Child::successor);
  if (keeper != 0) real().exit_now(keeper > 0 ? 0 : 1);
  let_go_of_lock();
  keep();
}

void Process::end() {
  if (!exists) return;
  Process& process = get();
  Guard guard(process);
  if (process.context_ == nullptr || getpid() != process.pid_) return;
  std::vector<std::shared_ptr<Socket>> asleep;  // a thread of this process still waits in a call
  for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
    const std::shared_ptr<Socket> socket = process.leave(descriptor);
    if (socket == nullptr) continue;
    real().close(descriptor);
    process.settle(socket);
    if (socket->calls > 0 && !socket->is_remote()) asleep.push_back(socket);
  }
  mr_flush(process.context_);
  process.await([&process] { return process.has_told_all(); });
  if (process.channels_.empty() && process.parked_.empty()) return;
  // Others may come and go until the fork, which takes the lock anew: the keeper has who is there
  // then, and ends at once if nobody is.
  guard.unlock();
  process.leave_keeper(asleep);
}

/// Others still use sockets of ours: a copy of this process stays for them, and for nothing else.
/// What is left of this one, which still flushes and destroys what it has, is a client of it.
void Process::leave_keeper(const std::vector<std::shared_ptr<Socket>>& asleep) {
  const pid_t keeper = fork_with_lock(Child::successor);
  const bool has_gone = context_ == nullptr;  // another thread has left one
  if (keeper == 0) {
    if (has_gone) real().exit_now(0);
    for (const auto& socket : asleep) {
      socket->calls = 0;
      settle(socket);
    }
    let_go_of_lock();
    keep();
  }
  if (keeper > 0 && !has_gone) {
    const auto link = std::make_shared<Link>(owner_name_);
    become_client(link);
    for (const auto& socket : asleep) socket->become_remote(link, socket->number);
  }
  let_go_of_lock();
}

void Process::keep() {
  const calls::Uncancellable uncancellable;  // of the thread that it is a copy of
  setsid();
  {
    const Guard guard(*this);
    std::vector<std::shared_ptr<Socket>> left;
    for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
      if (const std::shared_ptr<Socket> socket = leave(descriptor)) left.push_back(socket);
    }
    keepers_bell_ = move_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
      if (is_internal(descriptor) || descriptor == null) continue;
      if (descriptor < 3 && null >= 0) {
        real().dup2(null, descriptor);
      } else {
        real().close(descriptor);
      }
    }
    for (const auto& socket : left) settle(socket);
  }
  while (true) {
    {
      const Guard guard(*this);
      if (channels_.empty() && parked_.empty()) break;
    }
    // Without a descriptor for the bell it looks at times.
    pollfd entry{keepers_bell_, POLLIN, 0};
    std::uint64_t rings;
    if (poll(&entry, 1, keepers_bell_ < 0 ? kKeeperLook_ms : -1) > 0)
      real().read(keepers_bell_, &rings, sizeof rings);
  }
  const Guard guard(*this);
  await([this] { return has_told_all(); });
  mr_flush(context_);
  real().exit_now(0);
  __builtin_unreachable();
}

/// One who had a socket has gone, and perhaps it was the last.
void Process::ring_keeper() const {
  const std::uint64_t one = 1;
  if (keepers_bell_ >= 0) real().write(keepers_bell_, &one, sizeof one);
}

}  // namespace millrace::sockets
