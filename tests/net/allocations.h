// How often memory was allocated in this program.
#pragma once

#include <cstddef>

namespace millrace::net {

std::size_t allocation_count();

}  // namespace millrace::net
