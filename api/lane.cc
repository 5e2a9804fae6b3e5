#include "api/lane.h"

namespace millrace::api {
namespace {

constexpr std::uint32_t kKeptPart = 16;  // one in so many is for requests, and not for messages

}  // namespace

Lane::Lane(const ipc::ClientMemory& memory, std::uint32_t lcore)
    : words(&memory.header(lcore)),
      slots_max(memory.geometry.returns_capacity),
      slots_kept(memory.geometry.returns_capacity / kKeptPart),
      entries_kept(memory.geometry.submission_capacity / kKeptPart),
      bell(memory.lcore_bells.empty() ? -1 : memory.lcore_bells[lcore]),
      number(lcore) {
  const ipc::Geometry& geometry = memory.geometry;
  std::byte* block = reinterpret_cast<std::byte*>(words);
  ipc::ApplicationWords& ours = words->application;
  const ipc::EngineWords& theirs = words->engine;
  submissions = {reinterpret_cast<ipc::SubmissionEntry*>(block + geometry.submission_offset()),
                 geometry.submission_capacity, &ours.submission_producer,
                 &theirs.submission_consumer};
  completions = {reinterpret_cast<ipc::CompletionEntry*>(block + geometry.completion_offset()),
                 geometry.completion_capacity, &ours.completion_consumer,
                 &theirs.completion_producer};
  returns = {reinterpret_cast<std::uint32_t*>(block + geometry.returns_offset()),
             geometry.returns_capacity, &ours.returns_consumer, &theirs.returns_producer};
  receive_arena = block + geometry.receive_offset();
}

}  // namespace millrace::api
