// The wires between the engines of a simulation: LANs with a link from each port to each other one,
// and what goes wrong on it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/net/port.h"
#include "tests/sim/dice.h"
#include "tests/sim/trace.h"

namespace millrace::sim {

/// What happens to frames in one direction between two ports. Probabilities are from 0 to 1.
struct Faults {
  double loss = 0;
  double duplicate = 0;
  double corrupt = 0;  ///< bits of an SCTP packet flip; its checksum is no longer right
  double reorder = 0;  ///< held back for up to `reorder_span`
  Duration reorder_span = milliseconds(2);
  Duration delay = microseconds(100);
  Duration jitter{};                   ///< up to this is added to the delay
  std::uint64_t bytes_per_second = 0;  ///< 0: as fast as you like
  std::uint16_t mtu = 0;               ///< of IP packets, 0: the ports'; larger ones are lost
  bool tells_mtu = true;               ///< with an ICMP error to their sender
  double forged = 0;                   ///< a stranger who knows the ends follows it with a packet
  std::uint32_t window_max = 0;        ///< SACKs announce no larger window; 0: what they say
  bool is_cut = false;
};

class Network {
 public:
  using PortId = std::size_t;
  /// Changes a frame between two hosts, for tests of the simulator itself.
  using Tamper = std::function<void(MutableBytes frame)>;

  Network(Dice dice, Trace& trace) : dice_(dice), trace_(trace) {}

  /// A port of `host` on a LAN. It has a queue for each lcore; a frame's addresses and ports decide
  /// which it is received on. Buffers come from `pool` and go back there.
  PortId add_port(std::size_t lan, std::size_t host, const PortTraits& traits, std::size_t queues,
                  BufferPool& pool);
  PortQueue& queue(PortId port, std::size_t number);

  /// From one port to another of the same LAN. All ports have been added.
  Faults& faults(PortId from, PortId to) { return link(from, to).faults; }
  PortId ports() const { return ports_.size(); }
  std::size_t lan_of(PortId port) const { return ports_[port]->lan; }
  std::size_t host_of(PortId port) const { return ports_[port]->host; }
  void set_tamper(Tamper tamper) { tamper_ = std::move(tamper); }
  /// A host has started anew: what lies in its ports' queues is gone, buffers come from `pool`.
  void on_restart(std::size_t host, BufferPool& pool);

  /// It is `now`: frames whose time has come lie in the queues of their ports.
  void advance(Time now);
  /// When the next frame arrives; kNever if none is under way.
  Time next_arrival() const { return under_way_.empty() ? kNever : under_way_.front().due; }
  /// Whether frames wait to be received by this host.
  bool has_arrivals(std::size_t host) const;

 private:
  struct Link {
    Faults faults;
    Time free_at{};  // when the last frame has left, on a link with a rate
  };
  /// One lcore's end of a port.
  struct Queue final : PortQueue {
    Queue(Network& of, PortId at) : network(of), port(at) {}
    std::size_t receive(std::span<Buffer*> frames) override;
    std::size_t send(std::span<Buffer* const> frames) override;

    Network& network;
    PortId port;
    std::deque<std::size_t> arrived;  // frames
  };
  struct Port {
    std::size_t lan, host;
    PortTraits traits;
    BufferPool* pool;
    std::uint64_t hash_salt;
    std::vector<std::unique_ptr<Queue>> queues;
    std::vector<Link> links;  // by destination port
  };
  struct Flight {
    Time due;
    std::uint64_t order;  // frames that are due at the same time keep their order
    std::size_t frame;
    PortId to;
    bool operator<(const Flight& other) const {  // a heap has the greatest on top
      return due != other.due ? due > other.due : order > other.order;
    }
  };

  Link& link(PortId from, PortId to) { return ports_[from]->links[to]; }
  void send(PortId from, Bytes frame);
  void put(PortId from, Bytes frame);
  void refuse(PortId to, Bytes frame, std::uint16_t mtu);
  void enter(PortId from, PortId to, Bytes frame);
  Time leave_at(Link& link, std::size_t bytes);
  std::size_t launch(PortId to, const Faults& faults, Time due, Bytes frame);
  void corrupt(MutableBytes frame);
  std::size_t queue_of(const Port& port, Bytes frame) const;
  std::size_t receive(Port& port, Queue& queue, std::span<Buffer*> frames);

  Dice dice_;
  Trace& trace_;
  Tamper tamper_;
  Time now_{};
  std::uint64_t entered_ = 0;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<std::vector<std::uint8_t>> frames_;
  std::vector<std::size_t> free_frames_;
  std::vector<Flight> under_way_;
};

}  // namespace millrace::sim
