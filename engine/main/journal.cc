#include "engine/main/journal.h"

#include "engine/main/engine.h"
#include "engine/main/log.h"
#include "engine/main/operator_json.h"

namespace millrace {
namespace {

const char* reason_text(DownReason reason) {
  switch (reason) {
    case DownReason::kNone:
      return "no reason";
    case DownReason::kShutdown:
      return "shut down";
    case DownReason::kAbortedByPeer:
      return "aborted by the peer";
    case DownReason::kAbortedLocally:
      return "aborted here";
    case DownReason::kUnreachable:
      return "the peer does not answer";
    case DownReason::kInitFailed:
      return "no answer to INIT";
    case DownReason::kRefused:
      return "refused by the peer";
    case DownReason::kProtocolError:
      return "the peer broke the protocol";
    case DownReason::kResources:
      return "no memory for it";
  }
  return "";
}

const char* path_text(PathState state) {
  switch (state) {
    case PathState::kActive:
      return "works";
    case PathState::kInactive:
      return "has FAILED";
    case PathState::kConfirmed:
      return "is confirmed";
    case PathState::kUnconfirmed:
      return "is not confirmed";
    case PathState::kPotentiallyFailed:
      return "has potentially failed";
  }
  return "";
}

spdlog::level::level_enum level_of(const Note& note) {
  switch (note.kind) {
    case Note::Kind::kDown:
      return note.reason == DownReason::kShutdown || note.reason == DownReason::kAbortedLocally
                 ? spdlog::level::info
                 : spdlog::level::warn;
    case Note::Kind::kPath:
      if (note.path_state == PathState::kActive) return spdlog::level::info;
      return note.path_state == PathState::kInactive ||
                     note.path_state == PathState::kPotentiallyFailed
                 ? spdlog::level::warn
                 : spdlog::level::debug;
    default:
      return spdlog::level::info;
  }
}

std::string text_of(const Note& note) {
  switch (note.kind) {
    case Note::Kind::kUp:
      return "is up: port " + std::to_string(note.local_port) + " to " + note.peer.to_string() +
             (note.is_begun_here ? ", begun here" : ", begun by the peer");
    case Note::Kind::kDown:
    case Note::Kind::kFailed:
      return (note.kind == Note::Kind::kDown ? "is down: " : "did not come up: ") +
             std::string(reason_text(note.reason)) +
             (note.error == 0 ? "" : ", cause " + std::to_string(note.error));
    case Note::Kind::kRestart:
      return "was restarted by the peer";
    case Note::Kind::kPath:
      return "path to " + note.peer.address.to_string() + " " + path_text(note.path_state);
  }
  return "";
}

}  // namespace

void Journal::take(std::size_t lcore, const Note& note) {
  const spdlog::level::level_enum level = level_of(note);
  if (!spdlog::should_log(level)) return;
  if (lines_ >= kLinesPerSecond) {
    ++left_out_;
    return;
  }
  ++lines_;
  spdlog::log(level, "association {} of {}: {}", association_text(name_of(lcore, note.handle)),
              name_of_(note.owner), text_of(note));
}

bool Journal::look(Time now, const Engine& engine) {
  if (now < next_look_) return false;
  next_look_ = now + seconds(1);
  lines_ = 0;
  look_at_losses(engine);
  return look_at_links(engine);
}

bool Journal::look_at_links(const Engine& engine) {
  if (!engine.resources().port_statuses) return false;
  const std::vector<PortStatus> ports = engine.resources().port_statuses();
  // The report at the start has said how they are.
  for (std::size_t i = are_links_up_.size(); i < ports.size(); ++i)
    are_links_up_.push_back(ports[i].is_up);
  bool has_come_up = false;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (are_links_up_[i] == ports[i].is_up) continue;
    are_links_up_[i] = ports[i].is_up;
    has_come_up |= ports[i].is_up;
    spdlog::log(ports[i].is_up ? spdlog::level::info : spdlog::level::warn, "port {}: link {}",
                ports[i].name, ports[i].is_up ? "up" : "DOWN");
  }
  return has_come_up;
}

void Journal::look_at_losses(const Engine& engine) {
  std::uint64_t conflicts = 0;
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < engine.lcores(); ++i) {
    conflicts += engine.counters(i).get(Counter::drop_address_conflict);
    // pairs: Deliveries::note
    lost += engine.worker(i).control().notes_lost.load(std::memory_order_relaxed);
  }
  if (conflicts > conflicts_) {
    spdlog::warn("another host claims an address of ours: {} ARP or ND packets more, {} in all",
                 conflicts - conflicts_, conflicts);
    conflicts_ = conflicts;
  }
  left_out_ += lost - notes_lost_;
  notes_lost_ = lost;
  if (left_out_ > 0) spdlog::warn("{} lines about associations were left out", left_out_);
  left_out_ = 0;
}

}  // namespace millrace
