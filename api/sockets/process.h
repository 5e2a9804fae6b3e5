// The process's sockets: one attach to the engine, one thread that fetches its events, one lock.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "api/millrace.h"
#include "api/sockets/socket.h"
#include "api/sockets/table.h"

namespace millrace::sockets {

class Process {
 public:
  /// The only one. Never destroyed: threads of the application may outlive main().
  static Process& get();

  /// Holds the lock, with all signals held back: a handler may call us too, or never return.
  class Guard {
   public:
    explicit Guard(Process& process);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    void unlock();
    void lock();

   private:
    Process& process_;
    sigset_t before_{};
    bool is_locked_ = false;
  };

  // All of these with the lock held.

  /// Attaches if that has not been done. 0 or -errno.
  int start();
  mr_context* context() const { return context_; }
  const mr_engine& engine() const { return engine_; }

  std::shared_ptr<Socket> find(int descriptor) const;
  void enter(int descriptor, const std::shared_ptr<Socket>& socket);
  /// The descriptor no longer means its socket; the last one closes it.
  std::shared_ptr<Socket> leave(int descriptor);

  std::shared_ptr<Association> make_association();
  void name(const std::shared_ptr<Association>& association, mr_association handle);
  void forget(const Association& association);
  // listening.cc
  int start_listening(Socket& socket);
  void stop_listening(Socket& socket);
  /// Whether another socket of this process is bound to what this one is bound to.
  bool has_rival(const Socket& socket) const;
  std::uint64_t next_number() { return ++numbers_; }
  std::uint32_t random();

  /// Takes everything that the engine has to say.
  void drain();
  /// Drains until the predicate holds; -ETIMEDOUT if the engine does not answer.
  int await(const std::function<bool()>& predicate);

  // What the last request of each kind was answered.
  int listen_status = 0;
  std::uint16_t listening_port = 0;
  int request_status = 0;
  bool has_request_answer = false;
  mr_status last_status{};
  bool has_status = false;

  /// Ends what is open as the end of a process would in the kernel: what was sent is still
  /// delivered. Takes the lock itself; does nothing if there never was a socket.
  static void end();

 private:
  friend class Forks;

  struct ListenGroup {
    std::vector<Socket*> sockets;
  };

  Process();
  int listen(std::uint16_t port, const ListenGroup& group);
  int unlisten(std::uint16_t port);
  Socket* listener(std::uint16_t port, const mr_address& peer) const;
  int attach();
  void start_pump();
  static void* pump_thread(void* self);
  void pump();
  void dispatch(const mr_event& event);
  void on_association_event(const mr_event& event);
  void on_passive(const mr_event& event);
  void on_status(const mr_event& event);
  void close_idle();

  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pid_t pid_ = 0;
  mr_context* context_ = nullptr;
  mr_engine engine_{};
  bool has_engine_ = false;
  int poll_descriptor_ = -1;
  std::vector<std::shared_ptr<Socket>> sockets_;  // by descriptor
  std::unordered_map<mr_association, std::shared_ptr<Association>> by_handle_;
  std::unordered_map<sctp_assoc_t, std::shared_ptr<Association>> by_id_;
  std::unordered_map<std::uint16_t, ListenGroup> listening_;  // by port
  std::uint64_t numbers_ = 0;
  sctp_assoc_t next_id_ = SCTP_ALL_ASSOC + 1;
  std::uint64_t random_state_ = 0;
};

/// Wakes the threads that wait in calls.
void wake_all(std::vector<int>& waiters);
/// Waits for news of the socket, with the lock let go, until a time (0: for ever). 0, -EINTR, or
/// -EAGAIN when the time has come.
int sleep_in_call(Process::Guard& guard, Socket& socket, std::int64_t deadline_us);
std::int64_t monotonic_us();

}  // namespace millrace::sockets
