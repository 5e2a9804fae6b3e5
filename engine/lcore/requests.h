// What applications ask for: entries of submission rings become calls of the shard.
#pragma once

#include <cstdint>

#include "engine/base/counters.h"
#include "engine/base/time.h"
#include "engine/ipc/layout.h"
#include "engine/lcore/association_marks.h"
#include "engine/lcore/context_table.h"
#include "engine/net/stack.h"
#include "engine/shard/shard.h"

namespace millrace {

/// Decides: which call an entry is, and what is answered. Channel has checked the entry; whether a
/// handle is alive and the caller's, and whether values are in range, the shard says.
///
/// A request is answered when it asks something (listen, connect, parameters, status) or when it is
/// refused. A refused message goes back as send_failed, with its slot.
class Requests {
 public:
  Requests(std::size_t lcore, const Parameters& defaults, AssociationMarks& marks, Shard& shard,
           const net::Stack& stack, Counters& counters)
      : lcore_(lcore),
        defaults_(defaults),
        marks_(marks),
        shard_(shard),
        stack_(stack),
        counters_(counters) {}

  /// Posts answers that found no room before, then takes one batch of requests if none is left.
  /// Returns how many requests it took.
  std::size_t serve(Time now, Context& context);

 private:
  void foresee(std::span<const ipc::SubmissionEntry> requests) const;
  void handle(Time now, Context& context, const ipc::SubmissionEntry& request);
  std::size_t send_run(Context& context, std::span<const ipc::SubmissionEntry> requests);
  void refuse_send(Context& context, const ipc::SubmissionEntry& request, Status status);
  void listen(Context& context, const ipc::SubmissionEntry& request);
  void connect(Time now, Context& context, const ipc::SubmissionEntry& request);
  bool has_route(const ConnectRequest& wanted) const;
  Status set_parameter(Time now, Context& context, const ipc::SubmissionEntry& request);
  Status set_parameter_at(Time now, Context& context, const ipc::SubmissionEntry& request,
                          const IpAddress& peer);
  void preset(Context& context, const ipc::SubmissionEntry& request);
  Status take_preset(Context& context, const ipc::SubmissionEntry& request, Parameters& parameters);

  /// The handle, or one that means nothing if it is another lcore's.
  AssociationHandle handle_here(std::uint64_t name) const;
  void done(Context& context, const ipc::SubmissionEntry& request, Status status);
  void refuse_if_bad(Context& context, const ipc::SubmissionEntry& request, Status status);
  void answer(Context& context, const ipc::CompletionEntry& entry);
  bool post(Context& context, const ipc::CompletionEntry& entry);
  bool post_status(Context& context, const ipc::CompletionEntry& entry);
  template <class Payload>
  bool post_with(Context& context, const ipc::CompletionEntry& entry, const Payload& payload);
  bool post_engine(Context& context, const ipc::CompletionEntry& entry);
  bool post_waiting(Context& context);

  std::size_t lcore_;
  Parameters defaults_;
  AssociationMarks& marks_;
  Shard& shard_;
  const net::Stack& stack_;
  Counters& counters_;
};

}  // namespace millrace
