#include "engine/ipc/context_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include "engine/base/assert.h"

namespace millrace::ipc {

std::unique_ptr<ContextMemory> ContextMemory::create(ContextId id, const Geometry& geometry,
                                                     HugePages huge_pages, int bell,
                                                     std::string& error) {
  if (const char* problem = geometry.problem()) {
    error = problem;
    return nullptr;
  }
  std::unique_ptr<ContextMemory> context(new ContextMemory);
  context->geometry_ = geometry;
  context->channels_ =
      Region::create("millrace-channels", geometry.channels_bytes(), huge_pages, true, error);
  if (!context->channels_.is_valid()) return nullptr;
  context->transmit_ =
      Region::create("millrace-transmit", geometry.transmit_arena_bytes, huge_pages, false, error);
  if (!context->transmit_.is_valid()) return nullptr;
  for (std::uint32_t lcore = 0; lcore < geometry.lcores; ++lcore) {
    const Channel::Memory memory{geometry,
                                 context->channels_.memory() + lcore * geometry.channel_bytes(),
                                 context->transmit_.memory()};
    context->channel_.push_back(
        std::make_unique<Channel>(id, static_cast<std::uint16_t>(lcore), memory, bell));
    context->channel_pointers_.push_back(context->channel_.back().get());
  }
  return context;
}

ClientMemory ContextMemory::local_client() {
  MR_ASSERT(!transmit_writable_.is_valid());
  std::string error;
  transmit_writable_ = Region::open(fcntl(transmit_.descriptor(), F_DUPFD_CLOEXEC, 0),
                                    geometry_.transmit_arena_bytes, true, error);
  MR_ASSERT(transmit_writable_.is_valid());
  ClientMemory client;
  client.geometry = geometry_;
  client.context = channel_.front()->context();
  client.receive_window = 1u << 20;
  client.send_buffer = 1u << 20;
  client.message_bytes_max = kMessageBytesMax;
  client.channels = channels_.memory();
  client.transmit = transmit_writable_.memory();
  return client;
}

}  // namespace millrace::ipc
