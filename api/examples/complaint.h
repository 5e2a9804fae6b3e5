// What to tell the user when something ended that should not have.
#pragma once

#include <cstdio>
#include <cstring>

#include "millrace.h"

/// Says on standard error why an association, or the wish for one, came to nothing. False if the
/// event is of an orderly end, which is no reason to complain.
inline bool complain_of_end(const mr_event& event) {
  static constexpr const char* kReasons[] = {
      "no reason",        "shut down",         "aborted by the peer", "aborted",
      "peer unreachable", "no answer to INIT", "refused by the peer", "protocol error",
      "out of resources", "shutting down",     "the engine is gone"};
  if (event.reason == MR_REASON_SHUTDOWN) return false;
  const bool is_known = event.reason < sizeof kReasons / sizeof *kReasons;
  std::fprintf(stderr, "%s: %s%s%s",
               event.type == MR_EVENT_ASSOCIATION_FAILED ? "cannot connect" : "association lost",
               is_known ? kReasons[event.reason] : "unknown reason", event.status != 0 ? ", " : "",
               event.status != 0 ? std::strerror(-event.status) : "");
  if (event.cause != 0) std::fprintf(stderr, " (cause %u)", event.cause);
  std::fputc('\n', stderr);
  return true;
}

/// Says on standard error why nobody can listen; false if the event says that we do.
inline bool complain_of_listening(const mr_event& event) {
  if (event.status == 0) return false;
  std::fprintf(stderr, "cannot listen on port %u: %s\n", event.local_port,
               std::strerror(-event.status));
  return true;
}
