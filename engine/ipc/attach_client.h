// The application's side of the attach socket.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/ipc/client_memory.h"

namespace millrace::ipc {

struct AttachResult {
  int status = 0;     ///< 0 or a negative errno: -ENOENT, -ECONNREFUSED (no engine), -EACCES,
                      ///< -EPROTO (another version), -EMFILE (too many contexts), -ETIMEDOUT, ...
  std::string error;  ///< for people
  ClientMemory memory;
};

/// Attaches to the engine behind `path`. Waits at most `patience` for its answer.
AttachResult attach(const std::string& path, std::string_view name, Duration patience);

}  // namespace millrace::ipc
