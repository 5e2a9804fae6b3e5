#include "engine/base/hash.h"

#include <bit>

namespace millrace {
namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word, int rounds) {
    v3 ^= word;
    for (int i = 0; i < rounds; ++i) round();
    v0 ^= word;
  }
};

// SipHash with so many rounds for each word, and at the end.
template <int kWordRounds, int kEndRounds>
std::uint64_t sip_hash(const HashKey& key, Bytes bytes) {
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  std::size_t done = 0;
  for (; done + 8 <= bytes.size(); done += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + done, sizeof word);
    state.absorb(word, kWordRounds);
  }
  std::uint64_t last = static_cast<std::uint64_t>(bytes.size()) << 56;
  int shift = 0;
  if (bytes.size() - done >= 4) {
    std::uint32_t half;
    std::memcpy(&half, bytes.data() + done, sizeof half);
    last |= half;
    done += 4;
    shift = 32;
  }
  for (; done < bytes.size(); ++done, shift += 8) {
    last |= static_cast<std::uint64_t>(bytes[done]) << shift;
  }
  state.absorb(last, kWordRounds);
  state.v2 ^= 0xff;
  for (int i = 0; i < kEndRounds; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace

std::uint64_t keyed_hash(const HashKey& key, Bytes bytes) {
  return sip_hash<2, 4>(key, bytes);
}

std::uint64_t table_hash(const HashKey& key, Bytes bytes) {
  return sip_hash<1, 3>(key, bytes);
}

std::uint64_t Random::next_u64() {
  std::array<std::uint8_t, 8> counter;
  store_be64(counter.data(), counter_++);
  return keyed_hash(seed_, counter);
}

std::uint32_t Random::below(std::uint32_t bound) {
  return static_cast<std::uint32_t>((std::uint64_t{next_u32()} * bound) >> 32);
}

}  // namespace millrace
