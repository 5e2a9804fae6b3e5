#include "tests/bench/watched_pair.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "api/context.h"
#include "bench/contestant.h"
#include "drivers/memory_port.h"

namespace millrace::bench {
namespace {

constexpr std::size_t kBuffers = 512;
constexpr std::size_t kPage = 4096;
constexpr std::uint16_t kPort = 3868;
constexpr const char* kLeft = "10.0.0.1";
constexpr const char* kRight = "10.0.0.2";
constexpr Duration kTurn = milliseconds(20);  // long: nothing waits for a delayed SACK for many

/// Where the engines read what applications wrote: their own mappings.
std::vector<const void*> read_only_mappings(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  std::vector<const void*> found;
  for (std::string line; std::getline(maps, line);) {
    const std::string access = line.substr(line.find(' ') + 1, 4);
    if (line.find(name) == std::string::npos || access != "r--s") continue;
    found.push_back(reinterpret_cast<const void*>(std::stoull(line, nullptr, 16)));
  }
  return found;
}

}  // namespace

// ---- the wire ----

WatchedPort::WatchedPort() : pool(kBuffers), slab_(pool, kBuffers) {
  while (Buffer* buffer = pool.take()) all_.push_back(buffer);
  for (Buffer* buffer : all_) pool.give(buffer);
  const auto [first, last] = std::minmax_element(
      all_.begin(), all_.end(), [](Buffer* a, Buffer* b) { return a->storage < b->storage; });
  const auto apart = static_cast<std::size_t>((*last)->storage - (*first)->storage);
  memory_ =
      std::make_unique<Watched>((*first)->storage, apart + kBufferStorage, PROT_READ | PROT_WRITE);
}

std::vector<WatchedPort::Payload> WatchedPort::payloads_of(Bytes frame) {
  constexpr std::size_t kFirstChunk = 14 + 20 + 12, kDataHeader = 16;  // Ethernet, IPv4, SCTP
  std::vector<Payload> found;
  for (std::size_t at = kFirstChunk; at + kDataHeader <= frame.size();) {
    const std::size_t length = frame[at + 2] * std::size_t{256} + frame[at + 3];
    if (frame[at] == 0) found.push_back(frame.subspan(at + kDataHeader, length - kDataHeader));
    at += (length + 3) & ~std::size_t{3};
  }
  return found;
}

std::size_t WatchedPort::receive(std::span<Buffer*> frames) {
  const std::size_t count = std::min(frames.size(), waiting_.size());
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  std::copy(waiting_.begin(), end, frames.begin());
  waiting_.erase(waiting_.begin(), end);
  return count;
}

std::size_t WatchedPort::send(std::span<Buffer* const> frames) {
  const Unwatched unwatched;
  for (Buffer* frame : frames) {
    for (const Payload payload : payloads_of(frame->bytes())) sent.add(memory_->of(payload));
    settle(
        *frame);  // a SACK is shorter than what stands before the payload that came in its buffer
    peer_->take_copy(*frame);
    pool.release(frame);
  }
  return frames.size();
}

void WatchedPort::take_copy(const Buffer& frame) {
  Buffer* copy = pool.acquire();
  if (copy == nullptr) fail("no buffer left");
  settle(*copy);
  copy->data = copy->storage + frame.headroom();
  copy->length = frame.length;
  std::memcpy(copy->data, frame.data, frame.length);
  arrived_[copy] = payloads_of(copy->bytes());
  waiting_.push_back(copy);
}

void WatchedPort::settle(Buffer& buffer) {
  for (const Payload payload : arrived_[&buffer]) received.add(memory_->of(payload));
  arrived_[&buffer].clear();
  memory_->forget({buffer.storage, kBufferStorage});
}

void WatchedPort::settle_all() {
  for (Buffer* buffer : all_) settle(*buffer);
}

// ---- the engines ----

WatchedPair::WatchedPair() {
  left_.port.join(right_.port);
  right_.port.join(left_.port);
  open(left_, kLeft, 0);
  open(right_, kRight, 1);
  connect();
}

WatchedPair::~WatchedPair() {
  mr_detach(left_.context);
  mr_detach(right_.context);
}

ipc::Geometry WatchedPair::geometry() {
  ipc::Geometry geometry;
  geometry.receive_arena_bytes = 2u << 20;
  geometry.transmit_arena_bytes = 4u << 20;
  return geometry;
}

void WatchedPair::open(Side& side, const char* address, std::size_t index) {
  HostConfig config;
  net::InterfaceConfig interface;
  interface.name = "wire";
  interface.traits = drivers::MemoryWire::traits(index);
  interface.addresses = {*Prefix::parse(std::string(address) + "/24")};
  config.interfaces.push_back(interface);
  config.geometry = geometry();
  config.seed = {index + 1, index + 2};
  side.host = std::make_unique<Host>(config, side.port.pool, std::vector<PortQueue*>{&side.port});
  ipc::ClientMemory memory = side.host->attach();
  side.channels = memory.channels;
  side.transmit = memory.transmit;
  side.context = api::make_local_context(std::move(memory));
}

void WatchedPair::connect() {
  mr_listen_options listen{};
  listen.port = kPort;
  if (mr_listen(right_.context, &listen) != 0) fail("mr_listen");
  mr_address peer;
  mr_address_parse(kRight, &peer);
  mr_connect_options options{};
  options.peer_port = kPort;
  options.peer_count = 1;
  options.peers = &peer;
  if (mr_connect(left_.context, &options) != 0) fail("mr_connect");
  for (int turns = 0; association_ == 0; ++turns) {
    if (turns == 1000) fail("no association came up");
    turn();
    mr_event event;
    while (mr_receive(left_.context, &event, 1) > 0) {
      if (event.type == MR_EVENT_ASSOCIATION_UP) association_ = event.association;
    }
    while (mr_receive(right_.context, &event, 1) > 0) {
    }
  }
}

void WatchedPair::turn() {
  now_ = now_ + kTurn;
  left_.host->poll(now_);
  right_.host->poll(now_);
}

bool WatchedPair::send(std::span<const std::uint8_t> bytes) {
  int status = 0;
  watch([&] {
    status = mr_send(left_.context, association_, bytes.data(), bytes.size(), 0, 46, MR_MORE, 0);
  });
  return status == 0;
}

bool WatchedPair::send_in_place(std::span<const std::uint8_t> bytes) {
  void* slot = nullptr;
  watch([&] { slot = mr_buffer_alloc(left_.context, bytes.size()); });
  if (slot == nullptr) return false;
  std::memcpy(slot, bytes.data(), bytes.size());
  int status = 0;
  watch([&] {
    status = mr_send_buffer(left_.context, association_, slot, bytes.size(), 0, 46, MR_MORE, 0);
  });
  if (status != 0) mr_buffer_free(left_.context, slot);
  return status == 0;
}

std::size_t WatchedPair::receive(std::size_t size) {
  std::size_t messages = 0;
  mr_event event;
  int count = 1;
  while (count > 0) {
    watch([&] { count = mr_receive(right_.context, &event, 1); });
    if (count > 0 && event.length != size) fail("something else than the message arrived");
    messages += count > 0 ? 1 : 0;
  }
  watch([&] { mr_receive(left_.context, &event, 1); });
  return messages;
}

Journey WatchedPair::carry(std::size_t size, std::size_t messages, bool is_in_place) {
  const std::unique_ptr<void, decltype(&std::free)> pages(
      std::aligned_alloc(kPage, ipc::Geometry::rounded(size)), &std::free);
  const std::span bytes(static_cast<std::uint8_t*>(pages.get()), size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 131 + i / 251);

  const ipc::Geometry sizes = geometry();
  constexpr int kBoth = PROT_READ | PROT_WRITE;
  std::vector<std::unique_ptr<Watched>> slots;
  slots.push_back(std::make_unique<Watched>(left_.transmit, sizes.transmit_arena_bytes, kBoth));
  for (const void* mapping : read_only_mappings("millrace-transmit"))
    slots.push_back(std::make_unique<Watched>(mapping, sizes.transmit_arena_bytes, PROT_READ));
  const Watched buffer(bytes.data(), size, kBoth);
  const Watched arena(right_.channels + sizes.receive_offset(), sizes.receive_arena_bytes, kBoth);
  left_.port.sent = right_.port.received = {};

  std::size_t received = 0;
  for (std::size_t sent = 0; received < messages;) {
    while (sent < messages && (is_in_place ? send_in_place(bytes) : send(bytes))) ++sent;
    watch([&] {
      mr_flush(left_.context);
      turn();
    });
    received += receive(size);
  }
  right_.port.settle_all();

  Journey journey{buffer.of_all(), {}, left_.port.sent, right_.port.received, arena.of_all()};
  for (const auto& mapping : slots) journey.slot.add(mapping->of_all());
  journey.buffer.bytes = journey.slot.bytes = journey.arena.bytes = size * messages;
  return journey;
}

}  // namespace millrace::bench
