// DPDK's environment for the tests of one process: no huge pages, a network namespace of its own.
#pragma once

#include "drivers/eal.h"
#include "drivers/mbuf_pool.h"

namespace millrace::drivers {

struct Environment {
  std::unique_ptr<Eal> eal;
  std::unique_ptr<MbufPool> pool;
  bool has_namespace = false;  ///< false: not root; only ports without the kernel can be tested
};

/// What DPDK has said so far.
std::vector<std::string>& environment_lines();

/// Started with the first call, kept until the process ends.
Environment& environment();

}  // namespace millrace::drivers
