// What happens to sockets at a fork, at exec, and when the process that has the context ends.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
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
  errand,     // it forks a successor and ends; the lock is held by who forks
};

/// Between the handlers of one fork; the lock is held all the while.
int parents_end = -1;
int childs_end = -1;
Child next_child = Child::client;
thread_local bool is_locked_by_caller = false;  // who forks holds the lock already, and keeps it
constexpr unsigned kKeeperLook_us = 100'000;
alignas(Process::Guard) unsigned char guard_memory[sizeof(Process::Guard)];

void lock_for_fork(Process& process) {
  if (!is_locked_by_caller) new (guard_memory) Process::Guard(process);
}

void unlock_after_fork() {
  if (!is_locked_by_caller) reinterpret_cast<Process::Guard*>(guard_memory)->~Guard();
}

}  // namespace

void Process::install_fork_handlers() {
  static bool is_installed = false;
  if (is_installed) return;
  is_installed = true;
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
  lock_for_fork(*this);
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
    const auto channel = std::make_shared<Channel>();
    channel->descriptor = parents_end;
    for (const auto& socket : sockets_) {
      if (socket != nullptr && !socket->is_remote()) hold(*channel, socket);
    }
    serve(channel);
  }
  unlock_after_fork();
}

void Process::after_fork_in_child() {
  pid_ = getpid();
  for (const auto& socket : sockets_) {
    if (socket != nullptr) socket->calls = 0;  // who was in one is not in this process
  }
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
  }
  unlock_after_fork();
}

/// Nothing of the parent's context may be written here; what this process has of it goes.
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
  // A link that was there is the parent's, and perhaps in use: the child makes its own of each.
  for (auto& [owner, link] : links_) {
    forget_internal(std::exchange(link->descriptor, -1));
    static_cast<void>(new std::shared_ptr<Link>(link));  // never destroyed: its lock may be held
    link = std::make_shared<Link>(owner);
  }
  if (!to_owner->owner.empty()) links_[to_owner->owner] = to_owner;
  for (const auto& socket : sockets_) {
    if (socket == nullptr) continue;
    const std::string& owner = socket->is_remote() ? socket->link->owner : to_owner->owner;
    socket->become_remote(links_[owner], socket->number);
  }
}

/// daemon(). The parent ends with the lock held, so that no thread of it touches what is the
/// child's.
int Process::fork_and_hand_over() {
  Process& process = get();
  const Guard guard(process);
  is_locked_by_caller = true;
  next_child = process.context_ != nullptr ? Child::successor : Child::client;
  const pid_t child = fork();
  if (child > 0) real().exit_now(0);
  is_locked_by_caller = false;
  next_child = Child::client;
  return child;
}

// The new program finds descriptors and no more. What is behind them goes to a copy of this
// process, which is nobody's child, and ends with the last of them.
int Process::hand_over() {
  if (!exists) return 0;
  Process& process = get();
  Guard guard(process);
  if (process.context_ == nullptr || getpid() != process.pid_) return 0;
  if (!process.has_own_sockets() && process.shared_.empty() && process.parked_.empty()) return 0;
  is_locked_by_caller = true;
  next_child = Child::errand;
  const pid_t errand = fork();
  if (errand == 0) {
    next_child = Child::successor;
    if (const pid_t keeper = fork(); keeper != 0) real().exit_now(keeper > 0 ? 0 : 1);
    is_locked_by_caller = false;
    next_child = Child::client;
    guard.unlock();
    process.keep();
  }
  is_locked_by_caller = false;
  next_child = Child::client;
  int status = 0;
  while (errand > 0 && waitpid(errand, &status, 0) < 0 && errno == EINTR) {
  }
  if (errand < 0 || status != 0) return -EAGAIN;
  process.become_client(std::make_shared<Link>(process.owner_name_));
  return 0;
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
  if (!process.channels_.empty() || !process.parked_.empty()) process.leave_keeper(guard, asleep);
}

/// Others still use sockets of ours: a copy of this process stays for them, and for nothing else.
/// What is left of this one, which still flushes and destroys what it has, is a client of it.
void Process::leave_keeper(Guard& guard, const std::vector<std::shared_ptr<Socket>>& asleep) {
  is_locked_by_caller = true;
  next_child = Child::successor;
  const pid_t keeper = fork();
  is_locked_by_caller = false;
  next_child = Child::client;
  if (keeper < 0) return;
  if (keeper > 0) {
    const auto link = std::make_shared<Link>(owner_name_);
    become_client(link);
    for (const auto& socket : asleep) socket->become_remote(link, socket->number);
    return;
  }
  for (const auto& socket : asleep) {
    socket->calls = 0;
    settle(socket);
  }
  guard.unlock();
  keep();
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
    const std::vector<std::shared_ptr<Channel>> channels = std::move(channels_);
    channels_.clear();
    for (const auto& channel : channels) {
      RemoteCall unfinished;
      unfinished.head.status = -EINPROGRESS;
      if (std::exchange(channel->is_waiting, false)) unfinished.send(channel->descriptor);
      serve(channel);
    }
  }
  while (true) {
    usleep(kKeeperLook_us);
    const Guard guard(*this);
    if (!channels_.empty() || !parked_.empty()) continue;
    await([this] { return has_told_all(); });
    mr_flush(context_);
    real().exit_now(0);
    __builtin_unreachable();
  }
}

}  // namespace millrace::sockets
