// How applications get their rings: the engine's side of the attach socket.
//
// A Unix socket of type SOCK_SEQPACKET. The application says hello with the version it speaks; the
// engine takes its credentials from the kernel, makes the context's memory, and answers with the
// geometry and the descriptors. After that the socket carries the engine's bell (single bytes) and
// its end of file is how each side learns of the other's death.
//
// The life of a context: attached -> channels given to the lcores -> gone (socket closed, process
// dead, or evict()) -> every lcore ends its associations and drops its channel -> destroy(). Memory
// stays mapped until destroy(), so that nothing an application does takes it away from an lcore.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/time.h"
#include "engine/ipc/bell.h"
#include "engine/ipc/channel.h"
#include "engine/ipc/context_memory.h"
#include "engine/ipc/layout.h"

namespace millrace::ipc {

struct AttachOptions {
  std::string path;                         ///< of the socket; an old one is replaced
  std::uint32_t mode = 0660;                ///< permissions of the socket
  std::uint32_t contexts_max = 64;          ///< attached, or gone and not destroyed yet
  std::uint32_t contexts_per_user_max = 0;  ///< of them; 0: as many as there are
  Geometry geometry;                        ///< lcores, ring sizes, arena sizes of every context
  HugePages huge_pages = HugePages::automatic;
  std::uint32_t receive_window = 1u << 20;  ///< of an association, told to the library
  std::uint32_t send_buffer = 1u << 20;     ///< of an association, told to the library
  std::vector<LcoreBell*> bells;            ///< one per lcore, or empty: the lcores never sleep
};

/// Who is behind a context.
struct ApplicationInfo {
  ContextId context = 0;
  std::string name;  ///< as it says itself, made printable
  std::int32_t pid = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::size_t memory_bytes = 0;
  bool huge_pages = false;
  bool gone = false;  ///< waits for destroy()
};

struct AttachEvent {
  enum class Kind : std::uint8_t { attached, gone } kind;
  ApplicationInfo application;
  std::vector<Channel*> channels;  ///< one per lcore; valid until destroy()
  const char* why = "";            ///< of gone: "detached", "evicted: ...", ...
};

/// Used by one thread, the engine's main thread. Never blocks.
class AttachServer {
 public:
  /// nullptr, and `error` says why, when the socket cannot be made.
  static std::unique_ptr<AttachServer> create(const AttachOptions& options, std::string& error);
  ~AttachServer();
  AttachServer(const AttachServer&) = delete;
  AttachServer& operator=(const AttachServer&) = delete;

  /// Readable when poll() has something to do.
  int descriptor() const;

  /// Accepts, answers hellos, notices hang-ups; appends what happened. `now` bounds how long a
  /// connection may stay without a hello. Call when descriptor() is readable, and now and then.
  void poll(Time now, std::vector<AttachEvent>& events);

  /// Detaches a context because of what it did: its socket is shut down, so the application learns
  /// of it. The next poll() reports it gone.
  void evict(ContextId context, Offence offence);
  /// After `gone`, when no lcore holds a channel of it any more: unmaps and forgets it.
  void destroy(ContextId context);

  std::vector<ApplicationInfo> applications() const;
  /// Hellos that were refused: wrong version, malformed, too many contexts, no memory.
  std::uint64_t refused() const;
  /// Of them: because the user had his share of the contexts.
  std::uint64_t refused_over_share() const;

 private:
  struct State;
  explicit AttachServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace millrace::ipc
