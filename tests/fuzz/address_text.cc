// Addresses and prefixes as text: what is accepted must come back the same from its own rendering.
#include <cstdlib>
#include <string_view>

#include "engine/base/address.h"

namespace millrace {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) {
    const auto again = IpAddress::parse(address->to_string());
    require(again.has_value() && *again == *address);
  }
  if (const auto prefix = Prefix::parse(text)) {
    require(prefix->length <= (prefix->address.is_v4() ? 32 : 128));
    require(prefix->contains(prefix->address));
  }
}

}  // namespace
}  // namespace millrace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  millrace::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
