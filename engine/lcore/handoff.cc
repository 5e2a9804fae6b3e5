#include "engine/lcore/handoff.h"

namespace millrace {

Exchange::Exchange(std::size_t lcores) : lcores_(lcores), bells_(lcores, nullptr) {
  for (std::size_t i = 0; i < lcores * lcores; ++i) {
    // An lcore hands nothing to itself.
    lanes_.push_back(i % (lcores + 1) == 0 ? nullptr : std::make_unique<Lane>());
  }
}

}  // namespace millrace
