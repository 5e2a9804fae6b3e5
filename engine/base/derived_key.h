// Keys for different uses, made from one secret: none of them tells anything of another.
#pragma once

#include "engine/base/hash.h"

namespace millrace {

inline HashKey derived_key(const HashKey& secret, std::uint64_t use) {
  std::array<std::uint8_t, 16> text;
  store_be64(text.data(), use);
  HashKey key;
  for (std::uint64_t half = 0; half < key.size(); ++half) {
    store_be64(text.data() + 8, half);
    key[half] = keyed_hash(secret, text);
  }
  return key;
}

}  // namespace millrace
