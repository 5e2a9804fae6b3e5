// What the lcores of an engine pass to each other: packets to the owner of their tag, and notices.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/buffer.h"
#include "engine/ipc/bell.h"
#include "engine/ipc/ring.h"
#include "engine/net/packet.h"

namespace millrace {

/// Something rare that another lcore should know.
struct Notice {
  enum class Kind : std::uint8_t { kNeighbour, kIcmp };
  Kind kind = Kind::kNeighbour;
  net::LearntNeighbour neighbour;
  net::IcmpError icmp;
};

/// The rings between all lcores of an engine, one producer and one consumer each.
class Exchange {
 public:
  static constexpr std::uint32_t kPackets = 1024;  ///< of each ring; a power of two
  static constexpr std::uint32_t kNotices = 128;

  explicit Exchange(std::size_t lcores);

  std::size_t lcores() const { return lcores_; }
  ipc::Ring<Buffer*>& packets(std::size_t from, std::size_t to) { return lane(from, to).packets; }
  ipc::Ring<Notice>& notices(std::size_t from, std::size_t to) { return lane(from, to).notices; }

  /// How `lcore` is woken; nullptr (as it is first): it never sleeps. Before the lcores run.
  void set_bell(std::size_t lcore, ipc::LcoreBell* bell) { bells_[lcore] = bell; }
  ipc::LcoreBell* bell(std::size_t lcore) const { return bells_[lcore]; }

 private:
  struct Lane {
    ipc::Ring<Buffer*> packets{kPackets};
    ipc::Ring<Notice> notices{kNotices};
  };
  Lane& lane(std::size_t from, std::size_t to) { return *lanes_[from * lcores_ + to]; }

  std::size_t lcores_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<ipc::LcoreBell*> bells_;
};

/// One lcore's end of the exchange. Used by its thread alone.
class Handoff {
 public:
  Handoff(Exchange& exchange, std::size_t self)
      : exchange_(exchange), self_(self), touched_(exchange.lcores()) {}

  /// Hands a packet over, with its reference. False if the ring is full: the caller keeps it.
  bool give(std::size_t to, Buffer* packet) {
    return push(exchange_.packets(self_, to), to, packet);
  }
  /// False if the ring is full: the notice is lost.
  bool tell(std::size_t to, const Notice& notice) {
    return push(exchange_.notices(self_, to), to, notice);
  }

  /// Makes what was handed over visible, and wakes who sleeps. Once per poll.
  void publish() {
    if (!has_given_) return;
    has_given_ = false;
    for (std::size_t to = 0; to < touched_.size(); ++to) {
      if (touched_[to] == 0) continue;
      touched_[to] = 0;
      exchange_.packets(self_, to).producer().publish();
      exchange_.notices(self_, to).producer().publish();
      if (ipc::LcoreBell* bell = exchange_.bell(to); bell != nullptr) bell->ring_if_asleep();
    }
  }

  /// Takes up to kReceiveMax packets from each lcore; `on_packet(Buffer*)` owns the reference.
  template <class OnPacket>
  std::size_t take_packets(OnPacket&& on_packet) {
    return take(&Exchange::packets, kReceiveMax, on_packet);
  }
  template <class OnNotice>
  std::size_t take_notices(OnNotice&& on_notice) {
    return take(&Exchange::notices, kBurstMax, on_notice);
  }

  /// Whether something waits for this lcore.
  bool has_work() {
    for (std::size_t from = 0; from < exchange_.lcores(); ++from) {
      if (from == self_) continue;
      if (exchange_.packets(from, self_).consumer().available(1) > 0) return true;
      if (exchange_.notices(from, self_).consumer().available(1) > 0) return true;
    }
    return false;
  }

 private:
  template <class T>
  bool push(ipc::Ring<T>& ring, std::size_t to, const T& value) {
    ipc::RingProducer<T>& producer = ring.producer();
    if (producer.reserve(1) == 0) return false;
    producer.at(0) = value;
    producer.commit(1);
    touched_[to] = 1;
    has_given_ = true;
    return true;
  }

  template <class T, class Each>
  std::size_t take(ipc::Ring<T>& (Exchange::*rings)(std::size_t, std::size_t), std::uint32_t most,
                   Each&& each) {
    std::size_t taken = 0;
    for (std::size_t from = 0; from < exchange_.lcores(); ++from) {
      if (from == self_) continue;
      ipc::RingConsumer<T>& consumer = (exchange_.*rings)(from, self_).consumer();
      const std::uint32_t count = consumer.available(most);
      for (std::uint32_t i = 0; i < count; ++i) each(consumer.at(i));
      consumer.consume(count);
      consumer.publish();
      taken += count;
    }
    return taken;
  }

  Exchange& exchange_;
  std::size_t self_;
  std::vector<std::uint8_t> touched_;  // lcores that something was given to since publish()
  bool has_given_ = false;
};

}  // namespace millrace
