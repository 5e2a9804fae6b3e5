// An engine's side of a context, driven by hand: it takes requests and says what the test wants.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "api/context.h"
#include "api/millrace.h"
#include "engine/ipc/context_memory.h"

namespace millrace::api {

constexpr mr_association handle(std::uint32_t generation, std::uint32_t lcore,
                                std::uint32_t index) {
  return std::uint64_t{generation} << 32 | std::uint64_t{lcore} << 24 | index;
}

/// Plays all lcores over the channels it is given.
class FakeEngine {
 public:
  struct Request {
    std::uint32_t lcore;
    ipc::SubmissionEntry entry;
    std::string payload;
  };

  explicit FakeEngine(std::vector<ipc::Channel*> channels) : channels_(std::move(channels)) {}

  /// Everything that has been asked since the last call. Slots of messages stay with the engine.
  std::vector<Request> take() {
    std::vector<Request> list;
    for (std::uint32_t lcore = 0; lcore < channels_.size(); ++lcore) {
      std::array<ipc::SubmissionEntry, ipc::Channel::kTakeMax> taken;
      while (const std::size_t count = channels_[lcore]->take(taken)) {
        for (std::size_t i = 0; i < count; ++i) {
          const Bytes bytes = channels_[lcore]->payload(taken[i]);
          list.push_back({lcore, taken[i], std::string(bytes.begin(), bytes.end())});
        }
        channels_[lcore]->publish();
      }
    }
    return list;
  }
  /// The only request since the last call.
  Request take_one() {
    std::vector<Request> list = take();
    return list.size() == 1 ? list.front() : Request{99, {}, "not exactly one request"};
  }

  void return_slot(std::uint32_t lcore, std::uint32_t slot) {
    channels_[lcore]->return_slot(slot);
    channels_[lcore]->publish();
  }
  bool post(std::uint32_t lcore, const ipc::CompletionEntry& entry) {
    const bool is_posted = channels_[lcore]->post(entry);
    channels_[lcore]->publish();
    return is_posted;
  }
  bool deliver(mr_association association, const std::string& message, std::uint16_t stream = 0) {
    ipc::Channel& channel = *channels_[lcore_of(association)];
    std::uint8_t* to = channel.reserve(static_cast<std::uint32_t>(message.size()));
    if (to == nullptr) return false;
    std::memcpy(to, message.data(), message.size());
    ipc::CompletionEntry entry{};
    entry.event = ipc::Event::message;
    entry.flags = ipc::kMessageFirst | ipc::kMessageLast;
    entry.association = association;
    entry.context = 77;
    entry.stream = stream;
    entry.ssn = 5;
    entry.tsn = 6;
    entry.ppid = 46;
    entry.length = static_cast<std::uint32_t>(message.size());
    channel.post_message(entry);
    channel.publish();
    return true;
  }
  void answer(const Request& request, ipc::Event event, int status) {
    ipc::CompletionEntry entry{};
    entry.event = event;
    entry.operation = request.entry.operation;
    entry.association = request.entry.association;
    entry.context = request.entry.context;
    entry.local_port = request.entry.local_port;
    entry.status = status;
    post(request.lcore, entry);
  }
  void up(mr_association association, std::uint64_t context = 77, bool is_passive = true) {
    ipc::CompletionEntry entry{};
    entry.event = ipc::Event::association_up;
    entry.flags = is_passive ? ipc::kAssociationPassive : 0;
    entry.association = association;
    entry.context = context;
    entry.streams_out = 10;
    entry.streams_in = 20;
    entry.peer_port = 1234;
    entry.local_port = 3868;
    post(lcore_of(association), entry);
  }
  void down(mr_association association, ipc::Reason reason) {
    ipc::CompletionEntry entry{};
    entry.event = ipc::Event::association_down;
    entry.association = association;
    entry.reason = reason;
    post(lcore_of(association), entry);
  }

  std::vector<ipc::Channel*> channels_;
};

/// A library's context and a fake engine in one process.
struct Bench {
  Bench() : Bench(small(1)) {}
  explicit Bench(ipc::Geometry geometry) {
    std::string error;
    memory = ipc::ContextMemory::create(1, geometry, ipc::HugePages::no, -1, error);
    ipc::ClientMemory client = memory->local_client();
    client.send_buffer = 16384;
    client.receive_window = 4096;
    context = make_local_context(std::move(client));
    engine = std::make_unique<FakeEngine>(memory->channels());
  }
  ~Bench() { mr_detach(context); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  static ipc::Geometry small(std::uint32_t lcores) {
    ipc::Geometry geometry;
    geometry.lcores = lcores;
    geometry.submission_capacity = 16;
    geometry.completion_capacity = 16;
    geometry.returns_capacity = 32;
    geometry.receive_arena_bytes = 65536;
    geometry.transmit_arena_bytes = 1u << 20;
    return geometry;
  }
  /// An association of lcore 0 that is up, its event already received.
  mr_association established(std::uint32_t lcore = 0) {
    const mr_association association = handle(1, lcore, next_index++);
    engine->up(association);
    next();
    return association;
  }
  /// The next event; type 0 if there is none.
  mr_event next() {
    mr_event event{};
    if (mr_receive(context, &event, 1) != 1) event = mr_event{};
    return event;
  }
  int send(mr_association association, const std::string& text, std::uint32_t flags = 0,
           std::uint16_t stream = 0) {
    return mr_send(context, association, text.data(), text.size(), stream, 46, flags, 9);
  }

  std::unique_ptr<ipc::ContextMemory> memory;
  std::unique_ptr<FakeEngine> engine;
  mr_context* context = nullptr;
  std::uint32_t next_index = 0;
};

inline std::string text_of(const mr_event& event) {
  return {static_cast<const char*>(event.data), event.length};
}

}  // namespace millrace::api
