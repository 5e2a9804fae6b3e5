// What happens to sockets at a fork, and when the process that has the context ends.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "api/context.h"
#include "api/sockets/descriptor.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/remote.h"

namespace millrace::sockets {
namespace {

/// Between the handlers of one fork; the lock is held all the while.
int parents_end = -1;
int childs_end = -1;
bool child_takes_over = false;
alignas(Process::Guard) unsigned char guard_memory[sizeof(Process::Guard)];

}  // namespace

void Process::install_fork_handlers() {
  static bool is_installed = false;
  if (is_installed) return;
  is_installed = true;
  pthread_atfork([] { get().before_fork(); }, [] { get().after_fork_in_parent(); },
                 [] { get().after_fork_in_child(); });
}

bool Process::has_sockets() const {
  for (const auto& socket : sockets_) {
    if (socket != nullptr) return true;
  }
  return false;
}

void Process::before_fork() {
  new (guard_memory) Guard(*this);
  parents_end = childs_end = -1;
  int pair[2];
  if (child_takes_over || !has_sockets()) return;
  if (real().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return;
  parents_end = move_up(pair[0]);
  childs_end = move_up(pair[1]);
  for (const auto& socket : sockets_) {
    if (socket != nullptr && !socket->is_remote()) socket->keep_descriptor();
  }
}

void Process::after_fork_in_parent() {
  forget_internal(childs_end);
  if (parents_end >= 0) {
    const auto channel = std::make_shared<Channel>();
    channel->descriptor = parents_end;
    bool has_own = false;
    for (const auto& socket : sockets_) {
      if (socket == nullptr || socket->is_remote()) continue;
      hold(*channel, socket);
      has_own = true;
    }
    if (has_own) {
      serve(channel);
    } else {
      // Everything is another's: it shall serve the child as well.
      RemoteCall call;
      call.head.kind = RemoteCall::Kind::join;
      call.descriptor = parents_end;
      if (owner_channel_ >= 0) call.send(owner_channel_);
      forget_internal(parents_end);
    }
  }
  reinterpret_cast<Guard*>(guard_memory)->~Guard();
}

void Process::after_fork_in_child() {
  pid_ = getpid();
  if (child_takes_over) {
    start_pump();
  } else {
    become_client();
  }
  reinterpret_cast<Guard*>(guard_memory)->~Guard();
}

/// Nothing of the parent's context may be written here; what this process has of it goes.
void Process::become_client() {
  if (context_ != nullptr) drop_context();
  has_engine_ = false;
  forget_internal(parents_end);
  forget_internal(owner_channel_);
  owner_channel_ = childs_end;
  for (const auto& channel : channels_) forget_internal(channel->descriptor);
  channels_.clear();
  shared_.clear();
  by_handle_.clear();
  by_id_.clear();
  listening_.clear();
  for (const auto& socket : sockets_) {
    if (socket != nullptr && !socket->is_remote()) socket->become_remote(socket->number);
  }
}

/// daemon(): the parent ends at once, so the child goes on with everything.
int Process::fork_and_hand_over() {
  {
    const Guard guard(get());
    child_takes_over = get().context_ != nullptr;
  }
  const pid_t child = fork();
  if (child <= 0) child_takes_over = false;  // the parent has nothing left to say
  return child;
}

void Process::end() {
  if (!exists) return;
  Process& process = get();
  {
    const Guard guard(process);
    if (process.context_ == nullptr || getpid() != process.pid_ || child_takes_over) return;
    for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
      if (process.sockets_[descriptor] != nullptr) process.leave(descriptor);
    }
    mr_flush(process.context_);
    if (process.channels_.empty()) return;
  }
  process.leave_keeper();
}

/// Children still use sockets of ours: a copy of this process stays for them, and for nothing else.
void Process::leave_keeper() {
  child_takes_over = true;
  const pid_t keeper = fork();
  if (keeper != 0) return;
  child_takes_over = false;
  setsid();
  {
    const Guard guard(*this);
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
      if (is_internal(descriptor) || descriptor == null) continue;
      if (descriptor < 3 && null >= 0) {
        real().dup2(null, descriptor);
      } else {
        real().close(descriptor);
      }
    }
    const std::vector<std::shared_ptr<Channel>> channels = std::move(channels_);
    channels_.clear();
    for (const auto& channel : channels) serve(channel);
  }
  while (true) {
    usleep(100'000);
    const Guard guard(*this);
    if (!channels_.empty()) continue;
    mr_flush(context_);
    real().exit_now(0);
  }
}

}  // namespace millrace::sockets
