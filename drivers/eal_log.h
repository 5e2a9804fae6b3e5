// What DPDK and the libraries under its drivers say, line by line.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

namespace millrace::drivers {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Takes a line without its end; from any thread.
using LogLine = std::function<void(LogLevel level, std::string_view line)>;

/// While it lives, DPDK's lines go to `line` and not to standard error. One in a process.
class EalLog {
 public:
  explicit EalLog(LogLine line);
  ~EalLog();
  EalLog(const EalLog&) = delete;
  EalLog& operator=(const EalLog&) = delete;

  /// libbpf and libxdp print by themselves: once the drivers that bring them are loaded.
  void take_over_libraries();

  void write(LogLevel level, std::string_view text);

 private:
  LogLine line_;
  std::string rest_;  // begun and without an end; under the lock of stream_
  FILE* stream_;
};

}  // namespace millrace::drivers
