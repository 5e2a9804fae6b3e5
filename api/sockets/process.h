// The process's sockets: one attach to the engine, one thread that fetches its events, one lock.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "api/millrace.h"
#include "api/sockets/awaited.h"
#include "api/sockets/own_threads.h"
#include "api/sockets/remote.h"
#include "api/sockets/socket.h"
#include "api/sockets/table.h"

struct epoll_event;

namespace millrace::sockets {

class Process {
 public:
  /// The only one. Never destroyed: threads of the application may outlive main().
  static Process& get();
  static inline std::atomic<bool> exists{false};  // get() has been called

  /// Holds the lock, with all signals and cancellation held back: a handler may call us too, or
  /// never return.
  class Guard {
   public:
    explicit Guard(Process& process);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    void unlock();
    void lock();
    /// Lets others have the lock for a moment. -EINTR: signals came meanwhile, of which one ends a
    /// call as a handler of it says, or any does if the call has a limit.
    int yield(bool has_limit);

   private:
    bool has_signal(int number, const sigset_t& pending) const;

    Process& process_;
    sigset_t before_{};
    int cancel_state_ = 0;
    bool is_locked_ = false;
  };

  // All of these with the lock held.

  /// Attaches if that has not been done. 0 or -errno.
  int start();
  mr_context* context() const { return context_; }
  const mr_engine& engine() const { return engine_; }

  std::shared_ptr<Socket> find(int descriptor) const;
  void enter(int descriptor, const std::shared_ptr<Socket>& socket);
  /// The descriptor no longer means its socket. When it is closed, settle() is to be called.
  std::shared_ptr<Socket> leave(int descriptor);
  /// Whether nobody has a descriptor of a socket of this process, and none is on its way.
  static bool is_left(Socket& socket);
  /// Closes a socket of which no descriptor is left, in any process.
  void settle(const std::shared_ptr<Socket>& socket);

  std::shared_ptr<Association> make_association();
  void name(const std::shared_ptr<Association>& association, mr_association handle);
  void forget(const Association& association);
  /// Begins its end, at once or after what was sent, behind what else is to be told first.
  void end_association(const Association& association, bool at_once);
  // listening.cc
  int start_listening(Socket& socket);
  /// The address of ours that a peer has reached; the wildcard if that is not known.
  mr_address local_of(const mr_event& event) const;
  void stop_listening(Socket& socket);
  void end_listener(std::uint16_t port, std::uint64_t number);
  /// Whether another socket of this process is bound to what this one is bound to,
  /// so that this one may not be, or may not listen.
  bool has_rival(const Socket& socket, bool is_to_listen = false) const;
  std::uint64_t next_number() { return ++numbers_; }
  std::uint32_t random();
  /// How long a call asks the engine again before it sleeps.
  std::int64_t spin_us() const { return spin_us_; }

  /// Whether the pump looks at times at what has been idle for too long: associations of sockets
  /// with SCTP_AUTOCLOSE, strangers. It finds out by itself when there is none any more.
  void look_after_idle(bool on);

  /// Takes everything that the engine has to say.
  void drain();
  /// Drains until the predicate holds; -ETIMEDOUT if the engine does not answer.
  int await(const std::function<bool()>& predicate);

  /// Makes a request by `post` (0 or -errno), and waits for its answer: what that says, or -errno.
  int ask(mr_request kind, std::uint64_t about, const std::function<int()>& post);
  /// What the engine says of an association: 0, -EINVAL if that has ended, meanwhile or before, or
  /// -ENOBUFS if it says nothing for too long.
  int ask_status(Association& association, mr_status& status);
  /// The same without waiting: the association learns of its peer's addresses.
  int request_status(Association& association);

  /// Waits until so many requests find room: none of them is refused then. -ENOBUFS if that takes
  /// too long. Associations may come and end meanwhile: it is asked again how many.
  int make_room(const std::function<std::size_t()>& requests);
  /// Makes a request that is not to be lost and cannot wait: by `post` (0 or -errno), again if
  /// there is no room yet.
  void tell_engine(std::function<int()> post);
  void tell_parameter(mr_association handle, int parameter, std::uint32_t value);

  /// Ends what is open as the end of a process would in the kernel: what was sent is still
  /// delivered. Takes the lock itself; does nothing if there never was a socket.
  static void end();

  // forks.cc
  /// fork() of which the parent ends at once: the child goes on with everything. 0 in it, or -1.
  static int fork_and_hand_over();
  /// Before exec, which leaves nothing of this process but its descriptors: 0 or -errno.
  static int hand_over();
  /// Whether a new program would find sockets among its descriptors.
  static bool has_inheritable();
  static bool has_sockets();

  // inheritance.cc
  /// A descriptor that came from elsewhere: if a socket is behind it, it means that from now on.
  static void adopt(int descriptor);
  /// All that were there when the program began.
  static void adopt_inherited();
  /// Those that a message brought.
  static void adopt_passed(const msghdr& message);
  const std::string& owner_name() const { return owner_name_; }
  void unlock_for_call() { pthread_mutex_unlock(&mutex_); }
  void lock_after_call() { pthread_mutex_lock(&mutex_); }

 private:
  struct EngineListener {
    Socket* socket = nullptr;
    ParameterValues told{};  // that it began with
  };

  // Tags of what is watched; others are sockets' numbers.
  static constexpr std::uint64_t kEngine = 0;
  static constexpr std::uint64_t kStrangers = std::uint64_t{1} << 63;  // and the descriptor
  static constexpr std::uint64_t kRendezvous = UINT64_MAX;
  static constexpr std::uint64_t kIdleClock = UINT64_MAX - 1;

  Process();
  int attach();
  void drop_context();
  void leave_engine();
  int start_pump();
  static void* pump_thread(void* generation);
  void pump(unsigned generation);
  bool watch(int descriptor, std::uint64_t tag);
  void look_at(const epoll_event& event);
  void dispatch(const mr_event& event);
  void on_association_event(const mr_event& event);
  void on_listening(const mr_event& event);
  void on_passive(const mr_event& event);
  void end_unknown(const mr_event& event);
  void on_request_done(const mr_event& event);
  void on_status(const mr_event& event);
  bool has_told_all() const;
  void tell_status(mr_association handle);
  bool is_last_status(const mr_event& event);
  void look_at_idle();
  bool close_idle();

  // forks.cc
  static void install_fork_handlers();
  bool has_own_sockets() const;
  void before_fork();
  void after_fork_in_parent();
  void after_fork_in_child();
  void become_client(const std::shared_ptr<Link>& to_owner);
  void renew_links();
  void serve_again();
  [[noreturn]] void run_errand();
  void ring_keeper() const;
  void leave_keeper(const std::vector<std::shared_ptr<Socket>>& asleep);
  [[noreturn]] void keep();

  // inheritance.cc
  void open_rendezvous();
  void welcome();
  void listen_again();
  void make_room_for(uid_t user);
  void hear(int descriptor);
  bool admit(RemoteCall& call, const std::shared_ptr<Channel>& channel);
  void turn_away(std::size_t stranger);
  void turn_away_late();
  std::shared_ptr<Socket> own_socket(std::uint64_t number) const;
  ssize_t adopt_for(Channel& channel, RemoteCall& call);
  std::shared_ptr<Socket> adopt_remote(int descriptor, const SocketName& name);
  void park(const std::shared_ptr<Socket>& socket);
  void unpark(const std::shared_ptr<Socket>& socket);
  void look_at_parked(std::uint64_t number);
  std::shared_ptr<Link> link_to(const std::string& owner);

  // broker.cc
  void serve(const std::shared_ptr<Channel>& channel);
  static void* service_thread(void* argument);
  bool serve_one(Guard& guard, Channel& channel);
  void leave_given(Channel& channel);
  ssize_t serve_call(Guard& guard, Channel& channel, RemoteCall& call);
  ssize_t hand_out(Channel& channel, int descriptor, const std::shared_ptr<Socket>& socket,
                   RemoteCall& call);
  void hold(Channel& channel, const std::shared_ptr<Socket>& socket);
  void let_go(Channel& channel, std::uint64_t number);
  void drop(const std::shared_ptr<Channel>& channel);

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pid_t pid_ = 0;
  std::int64_t spin_us_ = 0;
  mr_context* context_ = nullptr;
  mr_engine engine_{};
  bool has_engine_ = false;
  int poll_descriptor_ = -1;
  std::vector<std::shared_ptr<Socket>> sockets_;  // by descriptor, as far as there are any
  std::unordered_map<mr_association, std::shared_ptr<Association>> by_handle_;
  std::unordered_map<sctp_assoc_t, std::shared_ptr<Association>> by_id_;
  std::unordered_map<std::uint64_t, EngineListener> listening_;  // by Socket::listener
  AwaitedRequest awaited_;
  std::deque<std::function<int()>> untold_;  // requests that have found no room yet
  std::string owner_name_;
  int rendezvous_ = -1;
  bool is_deaf_ = false;  // it is not watched: there was no room for who came
  int watched_ = -1;      // an epoll set: what the pump waits for
  int idle_clock_ = -1;
  bool looks_after_idle_ = false;  // it ticks
  int keepers_bell_ = -1;          // an eventfd, in a process that is there for others only
  OwnThreads own_threads_;
  unsigned pump_generation_ = 0;
  std::deque<Stranger> strangers_;                                     // the longest there first
  std::unordered_map<std::string, std::shared_ptr<Link>> links_;       // to owners, by their name
  std::vector<std::shared_ptr<Channel>> channels_;                     // of those that we serve
  std::unordered_map<std::uint64_t, std::shared_ptr<Socket>> shared_;  // that they have
  std::vector<std::shared_ptr<Socket>> parked_;  // descriptors of them are on their way somewhere
  std::uint64_t numbers_ = 0;
  sctp_assoc_t next_id_ = SCTP_ALL_ASSOC + 1;
  std::uint64_t random_state_ = 0;
};

/// Wakes the threads that wait in calls.
void wake_all(std::vector<int>& waiters);
/// Waits for news of the socket, with the lock let go, until a time (0: for ever). 0, -EINTR, or
/// -EAGAIN when the time has come.
int sleep_in_call(Process::Guard& guard, Socket& socket, std::int64_t deadline_us);
/// The same for a socket of another process: until poll says so.
int sleep_on_descriptor(Process::Guard& guard, int descriptor, bool to_read,
                        std::int64_t deadline_us);
std::int64_t monotonic_us();

}  // namespace millrace::sockets
