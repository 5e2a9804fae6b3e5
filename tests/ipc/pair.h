// Both sides of one channel in one process, the application's side bare: what a program can do that
// follows no rules.
#pragma once

#include <cstring>
#include <memory>
#include <string>

#include "engine/ipc/context_memory.h"

namespace millrace::ipc {

struct Pair {
  explicit Pair(Geometry geometry_wanted = small()) : geometry(geometry_wanted) {
    std::string error;
    memory = ContextMemory::create(7, geometry, HugePages::no, -1, error);
    client = memory->local_client();
    ChannelHeader& header = client.header(0);
    std::byte* block = client.channels;
    submissions = {reinterpret_cast<SubmissionEntry*>(block + geometry.submission_offset()),
                   geometry.submission_capacity, &header.application.submission_producer,
                   &header.engine.submission_consumer};
    completions = {reinterpret_cast<CompletionEntry*>(block + geometry.completion_offset()),
                   geometry.completion_capacity, &header.application.completion_consumer,
                   &header.engine.completion_producer};
    returns = {reinterpret_cast<std::uint32_t*>(block + geometry.returns_offset()),
               geometry.returns_capacity, &header.application.returns_consumer,
               &header.engine.returns_producer};
  }

  static Geometry small() {
    Geometry geometry;
    geometry.submission_capacity = 16;
    geometry.completion_capacity = 16;
    geometry.returns_capacity = 16;
    geometry.receive_arena_bytes = 65536;
    geometry.transmit_arena_bytes = 65536;
    return geometry;
  }

  static SubmissionEntry message(std::uint32_t slot, std::uint32_t length) {
    SubmissionEntry entry{};
    entry.operation = Operation::send;
    entry.association = 1;
    entry.slot = slot;
    entry.length = length;
    return entry;
  }

  Channel& channel() { return *memory->channels().front(); }
  ApplicationWords& words() { return client.header(0).application; }

  Geometry geometry;
  std::unique_ptr<ContextMemory> memory;
  ClientMemory client;
  RingProducer<SubmissionEntry> submissions;
  RingConsumer<CompletionEntry> completions;
  RingConsumer<std::uint32_t> returns;
};

}  // namespace millrace::ipc
