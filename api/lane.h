// The application's side of one channel: a context's way to one lcore of the engine and back.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "api/association_table.h"
#include "engine/ipc/client_memory.h"
#include "engine/ipc/layout.h"
#include "engine/ipc/ring.h"

namespace millrace::api {

struct Lane {
  Lane(const ipc::ClientMemory& memory, std::uint32_t lcore);

  /// Hands the release of everything consumed to the engine.
  void publish_consumed() {
    completions.publish();
    if (freed == freed_published) return;
    freed_published = freed;
    words->application.receive_freed.store(freed,
                                           std::memory_order_release);  // pairs: ReceiveArena
  }
  bool has_slots() const { return slots_in_flight < slots_max; }
  /// Whether there is room for a message: some stays for requests, none of which is overtaken.
  /// `before` it come so many others that are not sent yet.
  bool takes_messages(std::uint32_t before = 0) {
    return slots_in_flight + before < messages_max() && postponed.empty() &&
           submissions.reserve(1 + entries_kept) > entries_kept;
  }
  std::uint32_t messages_max() const { return slots_max - slots_kept; }

  ipc::RingProducer<ipc::SubmissionEntry> submissions;
  ipc::RingConsumer<ipc::CompletionEntry> completions;
  ipc::RingConsumer<std::uint32_t> returns;
  ipc::ChannelHeader* words;
  std::byte* receive_arena;
  std::uint32_t freed = 0;            // up to here the application is done
  std::uint32_t freed_published = 0;  // and so the engine knows
  std::uint32_t slots_in_flight = 0;  // never more than the returns ring holds
  std::uint32_t slots_max;
  std::uint32_t slots_kept;    // of these, for what requests say
  std::uint32_t entries_kept;  // of the submission ring, for requests
  std::uint32_t rung_for = 0;  // the lcore's sleep that was last ended
  int bell;                    // eventfd, or -1: the lcore never sleeps
  std::uint32_t number;
  std::uint32_t connects = 0;  // without a handle yet

  AssociationTable associations;
  std::deque<ipc::SubmissionEntry> postponed;  // requests that found no room, the oldest first
  std::vector<mr_association> dirty;           // with unconsumed > 0
  std::vector<mr_association> due;             // of those, with a quarter of the window or more
};

}  // namespace millrace::api
