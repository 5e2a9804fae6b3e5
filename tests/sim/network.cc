#include "tests/sim/network.h"

#include <algorithm>

#include "engine/base/crc32c.h"
#include "engine/net/ethernet.h"
#include "engine/wire/chunks.h"
#include "tests/sim/frames.h"
#include "tests/sim/violation.h"

namespace millrace::sim {
namespace {

// A link with a rate drops what would wait longer than this.
constexpr Duration kQueueMax = milliseconds(200);
constexpr std::size_t kQueueFrames = 4096;  // of a port
// What any path carries: less is believed only when ICMP says so (RFC 8899 5.1.2, RFC 8200 5).
constexpr std::uint16_t kMtuUntold = 1200;
constexpr std::uint16_t kMtuMinV6 = 1280;

// The largest IP packet that a link takes.
std::uint16_t mtu_for(const Faults& faults, Bytes frame) {
  if (faults.mtu == 0) return 0xffff;
  const std::uint16_t floor = faults.tells_mtu ? faults.mtu : kMtuUntold;
  return std::max({faults.mtu, floor, is_v6(frame) ? kMtuMinV6 : std::uint16_t{0}});
}

}  // namespace

std::size_t Network::Queue::receive(std::span<Buffer*> frames) {
  return network.receive(*network.ports_[port], *this, frames);
}

std::size_t Network::Queue::send(std::span<Buffer* const> frames) {
  Port& self = *network.ports_[port];
  for (Buffer* frame : frames) {
    if (frame->flags & kChecksumByPort) {
      require(self.traits.sctp_checksum_on_send, "a checksum is left to a port that makes none");
      const SctpPlace sctp = find_sctp(frame->bytes());
      store_sctp_checksum({frame->data + sctp.offset, sctp.length});
    }
    network.put(port, frame->bytes());
    self.pool->release(frame);
  }
  return frames.size();
}

Network::PortId Network::add_port(std::size_t lan, std::size_t host, const PortTraits& traits,
                                  std::size_t queues, BufferPool& pool) {
  const PortId id = ports_.size();
  ports_.push_back(std::unique_ptr<Port>(new Port{lan, host, traits, &pool, dice_.next(), {}, {}}));
  for (std::size_t i = 0; i < queues; ++i) {
    ports_[id]->queues.push_back(std::make_unique<Queue>(*this, id));
  }
  for (auto& port : ports_) port->links.resize(ports_.size());
  return id;
}

PortQueue& Network::queue(PortId port, std::size_t number) {
  return *ports_[port]->queues[number];
}

bool Network::has_arrivals(std::size_t host) const {
  return std::any_of(ports_.begin(), ports_.end(), [host](const auto& port) {
    return port->host == host &&
           std::any_of(port->queues.begin(), port->queues.end(),
                       [](const auto& queue) { return !queue->arrived.empty(); });
  });
}

void Network::on_restart(std::size_t host, BufferPool& pool) {
  for (auto& port : ports_) {
    if (port->host != host) continue;
    port->pool = &pool;
    for (auto& queue : port->queues) {
      free_frames_.insert(free_frames_.end(), queue->arrived.begin(), queue->arrived.end());
      queue->arrived.clear();
    }
  }
}

void Network::advance(Time now) {
  now_ = now;
  while (!under_way_.empty() && under_way_.front().due <= now) {
    std::pop_heap(under_way_.begin(), under_way_.end());
    const Flight flight = under_way_.back();
    under_way_.pop_back();
    Port& port = *ports_[flight.to];
    std::deque<std::size_t>& arrived = port.queues[queue_of(port, frames_[flight.frame])]->arrived;
    // A host that is not there, or does not get to run, has room for so many.
    if (arrived.size() < kQueueFrames) {
      arrived.push_back(flight.frame);
    } else {
      free_frames_.push_back(flight.frame);
    }
  }
}

// As a network card spreads flows: by addresses and ports.
std::size_t Network::queue_of(const Port& port, Bytes frame) const {
  const SctpPlace sctp = find_sctp(frame);
  if (port.queues.size() == 1 || sctp.length < 4) return 0;
  const Bytes flow = frame.subspan(sctp.offset < 54 ? 26 : 22, sctp.offset < 54 ? 12 : 36);
  return (Crc32c{}.add(flow).value() ^ port.hash_salt) % port.queues.size();
}

std::size_t Network::receive(Port& port, Queue& queue, std::span<Buffer*> frames) {
  std::size_t count = 0;
  while (count < frames.size() && !queue.arrived.empty()) {
    const std::size_t index = queue.arrived.front();
    queue.arrived.pop_front();
    const std::vector<std::uint8_t>& bytes = frames_[index];
    free_frames_.push_back(index);
    Buffer* buffer = port.pool->acquire();
    if (buffer == nullptr) continue;  // the card has no memory to receive into
    std::copy(bytes.begin(), bytes.end(), buffer->data);
    buffer->length = static_cast<std::uint32_t>(bytes.size());
    const SctpPlace sctp = find_sctp(bytes);
    if (port.traits.sctp_checksum_on_receive && sctp.length >= 12) {
      const Bytes packet = Bytes(bytes).subspan(sctp.offset, sctp.length);
      buffer->flags = is_sctp_checksum_right(packet) ? kChecksumVerified : kChecksumBad;
    }
    frames[count++] = buffer;
  }
  return count;
}

void Network::put(PortId from, Bytes frame) {
  require(frame.size() >= 14 && frame.size() <= std::size_t{14} + ports_[from]->traits.mtu,
          "a frame of " + std::to_string(frame.size()) + " bytes was sent");
  send(from, frame);
}

void Network::send(PortId from, Bytes frame) {
  const Port& sender = *ports_[from];
  const bool is_for_many = frame[0] & 1;
  for (PortId to = 0; to < ports_.size(); ++to) {
    const Port& port = *ports_[to];
    if (to == from || port.lan != sender.lan) continue;
    if (is_for_many || std::equal(port.traits.mac.begin(), port.traits.mac.end(), frame.begin())) {
      enter(from, to, frame);
    }
  }
}

void Network::refuse(PortId to, Bytes frame, std::uint16_t mtu) {
  // Fragments that are not the first, and what is told of already, are not told of.
  if (find_sctp(frame).length < kCommonHeaderBytes) return;
  send(to, make_packet_too_big(frame, mtu));
}

void Network::enter(PortId from, PortId to, Bytes frame) {
  Link& link = this->link(from, to);
  const Faults& faults = link.faults;
  const auto record = [&](Fate fate) {
    const Port& sender = *ports_[from];
    trace_.record(now_, sender.lan, sender.host, ports_[to]->host, fate, frame);
  };
  if (faults.is_cut) return record(Fate::kCut);
  const std::uint16_t mtu = mtu_for(faults, frame);
  if (frame.size() > net::kEthernetBytes + mtu) {
    record(Fate::kTooBig);
    if (faults.tells_mtu) refuse(to, frame, mtu);
    return;
  }
  if (dice_.chance(faults.loss)) return record(Fate::kLost);
  const Time left = leave_at(link, frame.size());
  if (left == kNever) return record(Fate::kQueueFull);
  Time due = left + faults.delay + dice_.between(Duration{}, faults.jitter);
  if (dice_.chance(faults.duplicate)) {
    record(Fate::kDuplicated);
    launch(to, faults, due + dice_.between(Duration{}, faults.reorder_span), frame);
  }
  if (dice_.chance(faults.reorder)) due = due + dice_.between(Duration{}, faults.reorder_span);
  if (find_sctp(frame).length >= 12 && dice_.chance(faults.corrupt)) {
    record(Fate::kCorrupted);
    return corrupt(frames_[launch(to, faults, due, frame)]);
  }
  record(Fate::kPassed);
  launch(to, faults, due, frame);
  if (faults.forged > 0 && find_sctp(frame).length >= kForgedBytesMin &&
      dice_.chance(faults.forged)) {
    const Time later = due + dice_.between(Duration{}, faults.reorder_span);
    forge(frames_[launch(to, faults, later, frame)], dice_);
  }
}

// When the frame has been put on the wire; kNever if too much waits for it already.
Time Network::leave_at(Link& link, std::size_t bytes) {
  if (link.faults.bytes_per_second == 0) return now_;
  const Time start = std::max(now_, link.free_at);
  if (start - now_ > kQueueMax) return kNever;
  link.free_at =
      start +
      nanoseconds(static_cast<std::int64_t>(bytes * 1'000'000'000 / link.faults.bytes_per_second));
  return link.free_at;
}

// Returns which of frames_ it became.
std::size_t Network::launch(PortId to, const Faults& faults, Time due, Bytes frame) {
  if (free_frames_.empty()) {
    free_frames_.push_back(frames_.size());
    frames_.emplace_back();
  }
  const std::size_t index = free_frames_.back();
  free_frames_.pop_back();
  frames_[index].assign(frame.begin(), frame.end());
  if (faults.window_max > 0) limit_windows(frames_[index], faults.window_max);
  if (tamper_) tamper_(frames_[index]);
  under_way_.push_back({due, entered_++, index, to});
  std::push_heap(under_way_.begin(), under_way_.end());
  return index;
}

// One flipped bit in an IPv4 header, or up to three in the SCTP packet: what the checksums are sure
// to find. (Ethernet's own would find the rest.)
void Network::corrupt(MutableBytes frame) {
  const SctpPlace sctp = find_sctp(frame);
  const auto flip = [&](std::size_t first, std::size_t length) {
    const std::size_t bit = dice_.below(length * 8);
    frame[first + bit / 8] = static_cast<std::uint8_t>(frame[first + bit / 8] ^ 1u << bit % 8);
  };
  if (sctp.offset == 34 && dice_.chance(0.1)) return flip(14, 20);
  for (std::uint64_t flips = dice_.between(1, 3); flips > 0; --flips) {
    flip(sctp.offset, sctp.length);
  }
}

}  // namespace millrace::sim
