// What stands behind mr_context: one attach and everything that one thread does with it.
//
// The file that implements a member is named after what it does: send.cc, receive.cc, requests.cc,
// listeners.cc, wait.cc, recovery.cc, context.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/lane.h"
#include "api/local_events.h"
#include "api/millrace.h"
#include "api/transmit_arena.h"
#include "engine/ipc/client_memory.h"

namespace millrace::api {

/// A parameter for associations that are yet to come.
struct Preset {
  ipc::Parameter parameter;
  std::uint32_t value;
};

/// A port that the application listens on, kept so that it can be repeated to another engine.
struct Listener {
  std::uint16_t port = 0;
  std::uint16_t streams_out = 0;
  std::uint16_t streams_in = 0;
  std::uint64_t context = 0;  // names it among those of the port
  std::uint8_t flags = 0;     // of its requests
  std::vector<mr_address> addresses;
  std::vector<Preset> presets;
  enum class State : std::uint8_t { starting, listening, stopping } state = State::starting;
  std::uint32_t answers_left = 0;   // lanes that have not said yes or no
  std::uint64_t lanes_willing = 0;  // bit per lane that said yes
  int status = 0;                   // of the first lane that said no
};

class Context {
 public:
  struct Options {
    std::string socket;
    std::string name;
    std::uint32_t flags = 0;
    std::uint32_t spin_us = 0;
    std::uint32_t patience_ms = 2000;
  };

  Context(Options options, ipc::ClientMemory memory);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // requests.cc, listeners.cc
  int listen(const mr_listen_options& options);
  int unlisten(std::uint16_t port, std::uint64_t listen_context);
  int connect(const mr_connect_options& options);
  int shutdown(mr_association association);
  int abort(mr_association association, const void* reason, std::size_t length);
  int set_primary(mr_association association, const mr_address& address);
  int set_parameter(mr_association association, int parameter, std::uint32_t value,
                    const mr_address* address = nullptr);
  int heartbeat(mr_association association, const mr_address& address);
  int get_status(mr_association association);
  int get_engine();
  int preset(int parameter, std::uint32_t value);
  /// Whether so many requests may be made at once, of which none is refused: those that there are
  /// too many of to wait beside others wait alone.
  bool takes_requests(std::size_t count);
  /// Whether requests still wait for room: they are lost with the context.
  bool has_postponed() const { return postponed_ > 0; }

  // send.cc
  int send(const mr_message& message, bool more);
  int send_to(const mr_message& message, const mr_address& address, bool more);
  int set_send_buffer(mr_association association, std::uint32_t bytes);
  /// A message that is to be sent to an association.
  struct Intent {
    mr_association association;
    std::uint32_t length;

    mr_message message() const {
      mr_message message{};
      message.association = association;
      message.length = length;
      return message;
    }
  };
  /// Whether there is room for all of these at once: 0, or -EAGAIN, which promises as much as that
  /// of send() to the association that it names in `full`, or -ENOBUFS: there never is. Entries of
  /// the rings are not kept: the engine takes them, whatever peers do.
  int check_room(std::span<const Intent> intents, mr_association& full);
  int send_batch(const mr_message* messages, std::size_t count);
  int send_buffer(mr_message message, void* buffer, bool more);
  void* buffer_alloc(std::size_t length);
  void buffer_free(void* buffer);
  void flush();

  // receive.cc
  int receive(mr_event* events, std::size_t max);
  void release();
  void consumed(mr_association association, std::uint32_t bytes);

  // wait.cc
  int wait(std::int64_t timeout_us);
  int descriptor();
  /// Gives each descriptor that it has, and that it gets when it attaches again, another number:
  /// the one that `move` answers, which has closed the old one. They are closed by `close` then.
  void move_descriptors(int (*move)(int), ipc::ClientMemory::Close close);

 private:
  /// The arena of an engine that is gone, kept while the application holds buffers in it.
  struct RetiredArena {
    ipc::ClientMemory memory;
    std::uint32_t loans = 0;
  };
  /// Who is promised an MR_EVENT_WRITABLE, and all that was to go out with his message, if
  /// anything.
  struct Waiting {
    mr_association association;
    std::vector<Intent> together;
  };
  static constexpr std::size_t kPostponedMax = 65536;
  static constexpr std::uint32_t kNobody = 0xffffffff;  // owner of a slot that no message fills

  // context.cc
  void open(ipc::ClientMemory memory);
  Lane* lane_of(mr_association association) {
    const std::uint32_t lcore = lcore_of(association);
    return lcore < lanes_.size() ? lanes_[lcore].get() : nullptr;
  }
  AssociationRecord* find(mr_association association, Lane*& lane) {
    lane = lane_of(association);
    return lane != nullptr ? lane->associations.find(association) : nullptr;
  }

  // send.cc
  int admit(const mr_message& message, Lane*& lane, AssociationRecord*& record);
  int try_send(const mr_message& message);
  int send_slot(const mr_message& message, std::uint32_t slot);
  void submit(Lane& lane, AssociationRecord& record, const mr_message& message, std::uint32_t slot,
              std::uint32_t size);
  int send_again(const mr_message& message);
  int hold_back(const mr_message& message, int status, std::span<const Intent> together = {});
  bool reserve(const Intent& intent);
  const Intent* find_unreserved(std::span<const Intent> intents);
  const Intent* find_unfit(std::span<const Intent> intents);
  bool could_hold(std::span<const Intent> intents);
  void hand_over(bool more);
  std::uint32_t allocate(std::uint32_t length);
  std::uint32_t reclaim_and_allocate(std::uint8_t size_class);
  void reclaim();
  void reclaim(Lane& lane);
  bool has_room(Lane& lane, const AssociationRecord& record);
  bool takes_refused(Lane& lane, const AssociationRecord& record, const Waiting& waiting);
  void report_writable();

  // requests.cc
  int request(mr_association association, ipc::SubmissionEntry entry);
  int post(Lane& lane, ipc::SubmissionEntry entry, const void* payload, std::size_t length,
           const std::vector<Preset>& presets = {});
  void submit(Lane& lane, const ipc::SubmissionEntry& entry);
  void submit_postponed();

  // listeners.cc
  Listener* listener(std::uint16_t port, std::uint64_t listen_context);
  int start(Listener& listener);
  void stop(const Listener& listener, std::uint64_t lanes);
  bool on_listening(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event);
  bool on_unlistened(const ipc::CompletionEntry& entry, mr_event& event);
  mr_event forget(const Listener& gone);
  static mr_event answer_of(const Listener& listener);

  // receive.cc, events.cc
  std::size_t drain(Lane& lane, mr_event* events, std::size_t max);
  bool translate(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event);
  static void describe_message(const Lane& lane, const ipc::CompletionEntry& entry,
                               mr_event& event);
  void on_send_failed(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event);
  void on_association(Lane& lane, const ipc::CompletionEntry& entry, mr_event& event);
  void owe(Lane& lane, mr_association association, std::uint32_t bytes);
  void credit(Lane& lane, bool all);
  void on_dry();

  // wait.cc
  bool has_something();
  bool wants_space() const { return !waiting_.empty() || postponed_ > 0; }
  void await_space();
  void arm();
  void disarm();
  void drain_bell();
  void sleep(std::int64_t timeout_us);
  void watch_socket();
  void move_attached();
  void set_timer(std::int64_t in_us);

  // recovery.cc
  void lose_engine();
  void recover();
  std::int64_t retry_in_us() const;
  /// The engine is gone and nobody will attach again.
  bool is_final() const { return is_lost_ && (options_.flags & MR_ATTACH_ONCE) != 0; }

  TransmitArena arena_;
  std::unique_ptr<std::uint32_t[]> owners_;  // by slot: AssociationTable::owner_of, or kNobody
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::uint32_t send_buffer_ = 0;
  const mr_address* destination_ = nullptr;  // of the message at hand
  std::uint32_t message_bytes_max_ = 0;
  std::uint32_t credit_step_ = 0;
  std::uint32_t kept_back_ = 0;  // messages since the last hand-over
  std::uint32_t next_lane_ = 0;
  std::uint32_t dry_turns_ = 0;
  bool is_lost_ = false;
  bool can_sleep_ = false;  // some lcore has a bell

  std::uint32_t postponed_ = 0;                // requests, of all lanes
  std::size_t postponed_max_ = kPostponedMax;  // of a lane
  std::vector<Waiting> waiting_;
  // While find_unreserved() looks:
  std::vector<std::uint32_t> reserved_messages_;  // by lane
  std::vector<std::uint32_t> reserved_slots_;
  std::vector<std::uint32_t> given_back_;  // slots that events of the last receive() point to
  LocalEvents local_;
  std::vector<Listener> listeners_;
  std::vector<Preset> presets_;            // for the next connect or listen
  std::vector<std::uint64_t> connecting_;  // contexts of connects without a handle yet

  Options options_;
  ipc::ClientMemory memory_;
  std::uint32_t loans_ = 0;  // buffers of this arena that the application holds
  std::vector<RetiredArena> retired_;
  std::int64_t next_retry_us_ = 0;

  std::uint32_t sleep_ = 0;  // number of the last sleep
  bool is_armed_ = false;
  int epoll_ = -1;  // what mr_fd() gives; holds the socket, and the timer while the engine is lost
  int timer_ = -1;
  bool is_timer_set_ = false;
  int (*move_)(int) = nullptr;
  ipc::ClientMemory::Close close_ = ipc::ClientMemory::close_by_default;
};

/// A context on memory that this process has already: for the simulator, the benchmark and tests.
/// It never sleeps and never attaches again.
mr_context* make_local_context(ipc::ClientMemory memory);

/// Remembers the text for mr_last_error() and returns `status`.
int failed(int status, const char* text);
int failed(int status, const std::string& text);
/// Wakes an lcore by its eventfd.
void ring(int bell);
void close_socket(ipc::ClientMemory& memory);
/// Microseconds of the monotonic clock.
std::int64_t now_us();

}  // namespace millrace::api

struct mr_context {
  millrace::api::Context context;
};
