// Any bytes as packets of a peer made by hand, calls and times for a shard with an association:
// nothing but counted drops, and at the end all memory is back.
#include <cstdlib>

#include "tests/support/packet_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  millrace::test::PacketDriver driver({data, size});
  if (!driver.run()) std::abort();
  return 0;
}
