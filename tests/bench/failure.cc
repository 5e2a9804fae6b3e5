// Where the program would end, tests go on.
#include <stdexcept>

#include "bench/contestant.h"

namespace millrace::bench {

void fail(const std::string& what) {
  throw std::runtime_error(what);
}

}  // namespace millrace::bench
