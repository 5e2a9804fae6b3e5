// The request whose answer a call waits for.
#pragma once

#include <cstdint>
#include <cstring>

#include "api/millrace.h"

namespace millrace::sockets {

/// There is one at most: who waits holds the process's lock. Other answers that come meanwhile are
/// not taken for its own.
class AwaitedRequest {
 public:
  /// `about` is an association's handle, or a listener's number.
  void begin(mr_request kind, std::uint64_t about) {
    kind_ = kind;
    about_ = about;
    is_answered_ = false;
  }
  bool is(mr_request kind, std::uint64_t about) const {
    return !is_answered_ && kind_ == kind && about_ == about;
  }
  void answer(int status) {
    status_ = status;
    is_answered_ = true;
  }
  void answer(const mr_status& found) {
    found_ = found;
    answer(0);
  }

  bool is_answered() const { return is_answered_; }
  int status() const { return status_; }
  /// What MR_REQUEST_GET_STATUS was answered.
  const mr_status& found() const { return found_; }

 private:
  mr_request kind_ = MR_REQUEST_LISTEN;
  std::uint64_t about_ = 0;
  bool is_answered_ = true;
  int status_ = 0;
  mr_status found_{};
};

}  // namespace millrace::sockets
