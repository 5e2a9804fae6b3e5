#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <string>

#include "engine/base/buffer.h"
#include "engine/base/hash.h"
#include "engine/base/list.h"
#include "engine/base/serial.h"
#include "engine/base/slab.h"

namespace millrace {
namespace {

struct Item : ListNode<Item> {
  explicit Item(int n) : number(n) {}
  int number;
};

TEST_CASE("a queue gives its elements in the order they came") {
  struct Element {
    Element* next = nullptr;
  };
  Element one, two, three;
  Fifo<Element> queue;
  CHECK(queue.empty());
  CHECK(queue.pop_front() == nullptr);
  for (int round = 0; round < 2; ++round) {
    queue.push_back(&one);
    queue.push_back(&two);
    CHECK(queue.front() == &one);
    CHECK(queue.pop_front() == &one);
    queue.push_back(&three);
    CHECK(queue.size() == 2);
    CHECK(queue.pop_front() == &two);
    CHECK(queue.pop_front() == &three);
    CHECK(queue.pop_front() == nullptr);
    CHECK(queue.empty());
  }
  queue.push_back(&one);
  queue.push_back(&two);
  Fifo<Element> all = queue.take_all();
  CHECK(queue.empty());
  queue.push_back(&three);
  CHECK(all.pop_front() == &one);
  CHECK(all.pop_front() == &two);
  CHECK(all.pop_front() == nullptr);
  CHECK(queue.pop_front() == &three);
}

//= rfc9260 1.6#1,2,4,5 type=test
//= rfc9260 6.5#5 type=test
TEST_CASE("serial numbers compare by distance across the wrap") {
  CHECK(Tsn{0xffffffff} < Tsn{0});
  CHECK(Tsn{0} - Tsn{0xffffffff} == 1);
  CHECK(Tsn{5} > Tsn{0xfffffff0});
  CHECK(Ssn{65535}.next() == Ssn{0});
  CHECK(Tsn{7} <= Tsn{7});
}

TEST_CASE("a list keeps its order while elements come and go") {
  List<Item> list;
  Item one(1), two(2), three(3);
  list.push_back(&one);
  list.push_back(&two);
  list.push_back(&three);
  CHECK(list.size() == 3);
  CHECK(list.front()->number == 1);
  CHECK(List<Item>::next(&one) == &two);
  list.remove(&two);
  CHECK(List<Item>::next(&one) == &three);
  CHECK(list.pop_front() == &one);
  CHECK(list.pop_front() == &three);
  CHECK(list.pop_front() == nullptr);
  CHECK(list.empty());
}

TEST_CASE("a slab gives no more than its capacity and reuses what it got back") {
  Slab<Item> slab(2);
  Item* one = slab.create(1);
  Item* two = slab.create(2);
  CHECK(slab.create(3) == nullptr);
  slab.destroy(one);
  Item* three = slab.create(3);
  CHECK(three == one);
  CHECK(slab.used() == 2);
  CHECK(slab.at(slab.index_of(two))->number == 2);
}

// The flags that the kernel has for the mapping which begins at `address`; empty if it does not
// say.
std::string mapping_flags(const std::byte* address) {
  std::array<char, 32> start;
  std::snprintf(start.data(), start.size(), "%lx-", reinterpret_cast<unsigned long>(address));
  std::ifstream maps("/proc/self/smaps");
  bool is_ours = false;
  for (std::string line; std::getline(maps, line);) {
    is_ours |= line.rfind(start.data(), 0) == 0;
    if (is_ours && line.rfind("VmFlags:", 0) == 0) return line;
  }
  return {};
}

TEST_CASE("large reservations take memory in huge pages, where the kernel has them") {
  if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0) return;
  constexpr std::size_t kLarge = std::size_t{64} << 20, kSmall = std::size_t{1} << 20;
  std::byte* large = reserve_memory(kLarge);
  std::byte* small = reserve_memory(kSmall);
  CHECK(mapping_flags(large).find(" hg") != std::string::npos);
  CHECK(mapping_flags(small).find(" hg") == std::string::npos);
  release_memory(large, kLarge);
  release_memory(small, kSmall);
}

TEST_CASE("a buffer returns to its pool with its last reference") {
  BufferPool pool(2);
  BufferSlab slab(pool, 2);
  Buffer* buffer = pool.acquire();
  REQUIRE(buffer != nullptr);
  CHECK(buffer->headroom() == kBufferHeadroom);
  BufferPool::add_reference(*buffer);
  pool.release(buffer);
  CHECK(pool.free_count() == 1);
  pool.release(buffer);
  CHECK(pool.free_count() == 2);
}

TEST_CASE("SipHash-2-4 gives the authors' test vector") {
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::array<std::uint8_t, 15> input{};
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(i);
  CHECK(keyed_hash(key, input) == 0xa129ca6149be45e5);
}

TEST_CASE("SipHash-1-3 gives the published values") {
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::array<std::uint8_t, 15> input{};
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(i);
  CHECK(table_hash(key, {}) == 0xabac0158050fc4dc);
  CHECK(table_hash(key, input) == 0xd320d86d2a519956);
}

}  // namespace
}  // namespace millrace
