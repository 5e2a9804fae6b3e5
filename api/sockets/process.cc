#include "api/sockets/process.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "api/context.h"
#include "api/sockets/descriptor.h"
#include "api/sockets/in_call.h"
#include "api/sockets/real_calls.h"

namespace millrace::sockets {
namespace {

constexpr std::int64_t kPatience_us = 10'000'000;  // for an answer of the engine
constexpr int kIdleLook_ms = 500;  // how often SCTP_AUTOCLOSE and strangers are looked after
constexpr std::size_t kBatch = 64;
constexpr std::int64_t kSpinMost_us = 1'000'000;

const char* engine_socket() {
  const char* path = getenv("MILLRACE_SOCKET");
  return path != nullptr && path[0] != '\0' ? path : MR_DEFAULT_SOCKET;
}

// What is no number is 0.
std::int64_t wanted_spin_us() {
  const char* text = getenv("MILLRACE_SPIN_US");
  return text == nullptr ? 0
                         : std::clamp<std::int64_t>(strtoll(text, nullptr, 10), 0, kSpinMost_us);
}

}  // namespace

std::atomic<std::uint8_t> ours[kDescriptorsMax];

std::int64_t monotonic_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

Process& Process::get() {
  static Process* process = [] {
    install_fork_handlers();  // who forks finds the lock free, whoever has it
    auto* only = new Process;
    exists = true;
    return only;
  }();
  return *process;
}

Process::Process() : pid_(getpid()), spin_us_(wanted_spin_us()) {
  if (getrandom(&random_state_, sizeof random_state_, GRND_NONBLOCK) < 0)
    random_state_ = static_cast<std::uint64_t>(monotonic_us());
}

Process::Guard::Guard(Process& process) : process_(process) {
  lock();
  InCall::end_dead();
}

Process::Guard::~Guard() {
  if (is_locked_) unlock();
}

void Process::Guard::lock() {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before_);
  pthread_mutex_lock(&process_.mutex_);
  is_locked_ = true;
}

void Process::Guard::unlock() {
  is_locked_ = false;
  pthread_mutex_unlock(&process_.mutex_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  pthread_setcancelstate(cancel_state_, nullptr);
}

// Signals stay blocked while the lock goes round: a handler that ran unseen would end no call.
int Process::Guard::yield(bool has_limit) {
  pthread_mutex_unlock(&process_.mutex_);
  pthread_mutex_lock(&process_.mutex_);
  sigset_t pending;
  sigpending(&pending);
  bool is_any = false, ends_call = false;
  for (int number = 1; number < NSIG; ++number) {
    if (!has_signal(number, pending)) continue;
    is_any = true;
    struct sigaction action {};
    sigaction(number, nullptr, &action);
    const bool has_handler = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
    ends_call |= has_handler && (has_limit || (action.sa_flags & SA_RESTART) == 0);
  }
  if (is_any) {
    unlock();
    lock();
  }
  return ends_call ? -EINTR : 0;
}

bool Process::Guard::has_signal(int number, const sigset_t& pending) const {
  return sigismember(&pending, number) == 1 && sigismember(&before_, number) == 0;
}

// ---- the engine ----

int Process::start() {
  if (context_ != nullptr) return 0;
  pid_ = getpid();  // a child of _Fork() has not been told
  const int status = attach();
  if (status != 0) return status;
  const int failed = start_pump();
  if (failed != 0) leave_engine();
  return failed;
}

int Process::attach() {
  mr_attach_options wanted{};
  wanted.socket = engine_socket();
  wanted.flags = MR_ATTACH_CREDITS;
  int status = mr_attach(&wanted, &context_);
  if (status != 0) return status;
  poll_descriptor_ = mr_fd(context_);
  if (poll_descriptor_ >= 0) {
    // Programs count on small numbers being free: they give them to descriptors by dup2().
    context_->context.move_descriptors(move_up, forget_internal);
    poll_descriptor_ = mr_fd(context_);
  }
  has_engine_ = false;
  status = poll_descriptor_ < 0 ? poll_descriptor_ : mr_get_engine(context_);
  if (status == 0) status = await([this] { return has_engine_; });
  if (status == 0) {
    open_rendezvous();
  } else {
    drop_context();
  }
  return status;
}

/// Closes and unmaps what this process has of it.
void Process::drop_context() {
  mr_detach(context_);
  context_ = nullptr;
}

/// Nothing of the context may be written here: it may have become another process's.
void Process::leave_engine() {
  if (context_ != nullptr) drop_context();
  has_engine_ = false;
  untold_.clear();
  forget_internal(std::exchange(rendezvous_, -1));
  forget_internal(std::exchange(watched_, -1));
  forget_internal(std::exchange(idle_clock_, -1));
}

bool Process::watch(int descriptor, std::uint64_t tag) {
  epoll_event wanted{};
  // Of a socket that is parked nothing but the end is of interest.
  wanted.events = tag == kEngine || tag >= kStrangers ? EPOLLIN : EPOLLET;
  wanted.data.u64 = tag;
  return descriptor >= 0 && real().epoll_ctl(watched_, EPOLL_CTL_ADD, descriptor, &wanted) == 0;
}

// The pump thread has all signals blocked, as it inherits the mask of who starts it. The set is
// made anew in a child that takes over, as the parent's would be the same one. -ENOBUFS: there is
// no set, or no thread.
int Process::start_pump() {
  forget_internal(watched_);
  watched_ = move_up(epoll_create1(EPOLL_CLOEXEC));
  watch(poll_descriptor_, kEngine);
  is_deaf_ = !watch(rendezvous_, kRendezvous) && rendezvous_ >= 0;
  forget_internal(idle_clock_);
  idle_clock_ = move_up(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  watch(idle_clock_, kIdleClock);
  looks_after_idle_ = false;
  look_after_idle(true);
  for (const auto& socket : parked_) watch(socket->descriptor().ours(), socket->number);
  for (const Stranger& stranger : strangers_)
    watch(stranger.descriptor, kStrangers | static_cast<unsigned>(stranger.descriptor));
  ++pump_generation_;
  auto* generation = reinterpret_cast<void*>(std::uintptr_t{pump_generation_});
  const int failed = own_threads_.begin("millrace", &Process::pump_thread, generation);
  return failed == 0 && watched_ >= 0 ? 0 : -ENOBUFS;
}

void* Process::pump_thread(void* generation) {
  get().pump(static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(generation)));
  return nullptr;
}

void Process::pump(unsigned generation) {
  while (true) {
    epoll_event events[kBatch];
    // Without the clock it looks after what is idle all the time; without the set, which a child
    // has no room for, it does nothing else.
    const int count = epoll_wait(watched_, events, kBatch, idle_clock_ < 0 ? kIdleLook_ms : -1);
    if (count < 0 && errno != EINTR) usleep(kIdleLook_ms * 1000);
    const Guard guard(*this);
    if (context_ == nullptr || generation != pump_generation_) {
      own_threads_.end_this();
      return;
    }
    drain();
    if (count <= 0) look_at_idle();
    for (int i = 0; i < count; ++i) look_at(events[i]);
  }
}

void Process::look_at(const epoll_event& event) {
  const std::uint64_t tag = event.data.u64;
  if (tag == kRendezvous) {
    welcome();
  } else if (tag == kIdleClock) {
    std::uint64_t rings;
    [[maybe_unused]] const ssize_t taken = real().read(idle_clock_, &rings, sizeof rings);
    look_at_idle();
  } else if (tag >= kStrangers) {
    hear(static_cast<int>(tag - kStrangers));
  } else if (tag != kEngine) {
    look_at_parked(tag);
  }
}

/// What the clock is for; it stops when there is nothing of that any more.
void Process::look_at_idle() {
  listen_again();
  turn_away_late();
  const bool closes_any = close_idle();
  look_after_idle(closes_any || is_deaf_ || !strangers_.empty());
}

void Process::look_after_idle(bool on) {
  if (on == looks_after_idle_ || idle_clock_ < 0) return;
  looks_after_idle_ = on;
  const timespec interval{0, on ? kIdleLook_ms * 1'000'000L : 0};
  const itimerspec wanted{interval, interval};
  timerfd_settime(idle_clock_, 0, &wanted, nullptr);
}

void Process::drain() {
  mr_event events[kBatch];
  int count = 1;
  while (context_ != nullptr && count > 0) {
    count = mr_receive(context_, events, kBatch);
    for (int i = 0; i < count; ++i) dispatch(events[i]);
  }
  while (context_ != nullptr && !untold_.empty() && untold_.front()() != -EAGAIN)
    untold_.pop_front();
}

void Process::tell_engine(std::function<int()> post) {
  if (!untold_.empty() || post() == -EAGAIN) untold_.push_back(std::move(post));
}

int Process::make_room(const std::function<std::size_t()>& requests) {
  const auto is_there = [&] {
    return untold_.empty() && context_->context.takes_requests(requests());
  };
  return is_there() || await(is_there) == 0 ? 0 : -ENOBUFS;
}

bool Process::has_told_all() const {
  return untold_.empty() && !context_->context.has_postponed();
}

int Process::await(const std::function<bool()>& predicate) {
  const std::int64_t deadline = monotonic_us() + kPatience_us;
  while (true) {
    drain();
    if (predicate()) return 0;
    const std::int64_t left = deadline - monotonic_us();
    if (left <= 0) return -ETIMEDOUT;
    pollfd entry{poll_descriptor_, POLLIN, 0};
    poll(&entry, 1, static_cast<int>(left / 1000 + 1));
  }
}

int Process::ask(mr_request kind, std::uint64_t about, const std::function<int()>& post) {
  awaited_.begin(kind, about);
  int status = post();
  if (status == 0) status = await([this] { return awaited_.is_answered(); });
  if (status == 0) return awaited_.status();
  if (status == -EIO) status = -ENETDOWN;
  awaited_.answer(status);  // nobody waits for it any more
  return status;
}

int Process::ask_status(Association& association, mr_status& status) {
  const auto keeper = association.shared_from_this();
  int failed = make_room([] { return 1; });
  if (failed == 0) {
    failed =
        ask(MR_REQUEST_GET_STATUS, association.handle, [&] { return request_status(association); });
  }
  if (failed == 0) status = awaited_.found();
  const bool has_ended = association.state == Association::State::ended;
  const bool is_silent = failed == -ETIMEDOUT || failed == -EAGAIN || failed == -ENOBUFS;
  if (has_ended || (failed != 0 && !is_silent)) return -EINVAL;
  return failed != 0 ? -ENOBUFS : 0;
}

int Process::request_status(Association& association) {
  const int status = mr_get_status(context_, association.handle);
  if (status == 0) ++association.statuses;
  return status;
}

// SCTP_AUTOCLOSE: what has been silent for so long ends. False: no socket has it.
bool Process::close_idle() {
  const std::int64_t now = monotonic_us();
  bool has_any = false;
  for (const auto& [id, association] : by_id_) {
    Socket* socket = association->socket;
    if (socket == nullptr || socket->autoclose_s == 0) continue;
    has_any = true;
    if (socket->is_one_to_one()) continue;
    if (association->state != Association::State::up || association->is_shut_down) continue;
    if (now - association->last_used_us < std::int64_t{socket->autoclose_s} * 1'000'000) continue;
    association->is_shut_down = mr_shutdown(context_, association->handle) == 0;
  }
  return has_any;
}

// ---- descriptors ----

std::shared_ptr<Socket> Process::find(int descriptor) const {
  return static_cast<unsigned>(descriptor) < sockets_.size() ? sockets_[descriptor] : nullptr;
}

void Process::enter(int descriptor, const std::shared_ptr<Socket>& socket) {
  const auto at = static_cast<std::size_t>(descriptor);
  if (sockets_.size() <= at) sockets_.resize(at + 1);
  // One that was closed without the C library.
  const std::shared_ptr<Socket> stale = leave(descriptor);
  sockets_[at] = socket;
  socket->descriptors.push_back(descriptor);
  count_up_to(descriptor);
  ours[descriptor].store(1, std::memory_order_release);
  if (stale != nullptr) settle(stale);
}

std::shared_ptr<Socket> Process::leave(int descriptor) {
  if (static_cast<unsigned>(descriptor) >= static_cast<unsigned>(kDescriptorsMax)) return nullptr;
  const std::shared_ptr<Socket> socket = find(descriptor);
  if (socket != nullptr) sockets_[descriptor] = nullptr;
  ours[descriptor].store(0, std::memory_order_release);
  if (socket == nullptr) return nullptr;
  std::erase(socket->descriptors, descriptor);
  return socket;
}

std::uint32_t Process::random() {
  // SplitMix64: ports need to differ, not to be secret.
  std::uint64_t mixed = random_state_ += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(mixed >> 32);
}

// ---- associations ----

std::shared_ptr<Association> Process::make_association() {
  auto association = std::make_shared<Association>();
  do {
    association->id = next_id_;
    next_id_ = next_id_ == INT32_MAX ? SCTP_ALL_ASSOC + 1 : next_id_ + 1;
  } while (by_id_.contains(association->id));
  association->last_used_us = monotonic_us();
  by_id_[association->id] = association;
  return association;
}

void Process::name(const std::shared_ptr<Association>& association, mr_association handle) {
  association->handle = handle;
  by_handle_[handle] = association;
}

void Process::forget(const Association& association) {
  by_handle_.erase(association.handle);
  by_id_.erase(association.id);
}

void Process::end_association(const Association& association, bool at_once) {
  tell_engine([this, at_once, handle = association.handle] {
    return at_once ? mr_abort(context_, handle, nullptr, 0) : mr_shutdown(context_, handle);
  });
}

// ---- waiting in calls ----

void wake_all(std::vector<int>& waiters) {
  const std::uint64_t one = 1;
  for (const int waiter : waiters) real().write(waiter, &one, sizeof one);
  waiters.clear();
}

}  // namespace millrace::sockets
