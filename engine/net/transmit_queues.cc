#include "engine/net/transmit_queues.h"

namespace millrace::net {

TransmitQueues::TransmitQueues(std::span<PortQueue* const> ports, BufferPool& pool,
                               Counters& counters)
    : pool_(pool), counters_(counters), queues_(ports.size()) {
  for (std::size_t i = 0; i < ports.size(); ++i) queues_[i].port = ports[i];
}

TransmitQueues::~TransmitQueues() {
  for (Queue& queue : queues_) {
    for (std::size_t i = 0; i < queue.count; ++i) pool_.release(queue.frames[i]);
  }
}

void TransmitQueues::flush(Queue& queue) {
  constexpr int kTries = 2;
  const std::span<Buffer* const> frames(queue.frames.data(), queue.count);
  std::size_t sent = 0;
  for (int i = 0; i < kTries && queue.port != nullptr && sent < frames.size(); ++i) {
    sent += queue.port->send(frames.subspan(sent));
  }
  counters_.add(Counter::packets_sent, sent);
  if (sent < frames.size()) {
    counters_.add(Counter::drop_port_full, frames.size() - sent);
    for (Buffer* frame : frames.subspan(sent)) pool_.release(frame);
  }
  queue.count = 0;
}

}  // namespace millrace::net
