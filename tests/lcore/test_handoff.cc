#include <catch2/catch.hpp>
#include <thread>

#include "engine/lcore/handoff.h"

using namespace millrace;

TEST_CASE("A packet is seen by its new lcore after publish, and by no other", "[handoff]") {
  Exchange exchange(3);
  Handoff first(exchange, 0), second(exchange, 1), third(exchange, 2);
  Buffer packet;
  REQUIRE(first.give(2, &packet));
  CHECK_FALSE(third.has_work());
  first.publish();
  CHECK(third.has_work());
  CHECK_FALSE(second.has_work());
  Buffer* taken = nullptr;
  CHECK(third.take_packets([&](Buffer* buffer) { taken = buffer; }) == 1);
  CHECK(taken == &packet);
  CHECK_FALSE(third.has_work());
}

TEST_CASE("A full ring refuses, and takes again when it has been emptied", "[handoff]") {
  Exchange exchange(2);
  Handoff from(exchange, 0), to(exchange, 1);
  Buffer packet;
  for (std::uint32_t i = 0; i < Exchange::kPackets; ++i) REQUIRE(from.give(1, &packet));
  CHECK_FALSE(from.give(1, &packet));
  from.publish();
  std::size_t taken = 0;
  while (to.has_work()) taken += to.take_packets([](Buffer*) {});
  CHECK(taken == Exchange::kPackets);
  CHECK(from.give(1, &packet));
}

TEST_CASE("A notice reaches every lcore that it is told", "[handoff]") {
  Exchange exchange(2);
  Handoff from(exchange, 0), to(exchange, 1);
  Notice notice;
  notice.neighbour.address = *IpAddress::parse("10.0.0.9");
  REQUIRE(from.tell(1, notice));
  from.publish();
  IpAddress heard;
  CHECK(to.take_notices([&](const Notice& told) { heard = told.neighbour.address; }) == 1);
  CHECK(heard == notice.neighbour.address);
}

TEST_CASE("Two threads hand over all packets in order", "[handoff]") {
  constexpr std::size_t kCount = 20'000;
  Exchange exchange(2);
  std::vector<Buffer> packets(kCount);
  std::thread giver([&] {
    Handoff from(exchange, 0);
    for (std::size_t i = 0; i < kCount;) {
      for (int burst = 0; burst < 32 && i < kCount; ++burst) {
        packets[i].length = static_cast<std::uint32_t>(i);  // before it is another's
        if (!from.give(1, &packets[i])) break;
        ++i;
      }
      from.publish();
    }
  });
  Handoff to(exchange, 1);
  std::size_t next = 0;
  bool in_order = true;
  while (next < kCount) {
    to.take_packets([&](Buffer* buffer) {
      in_order = in_order && buffer == &packets[next] && buffer->length == next;
      ++next;
    });
  }
  giver.join();
  CHECK(in_order);
}
