// What a run comes to: counted by all its sessions, printed once.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace millrace::traffic {

/// Counters that any thread adds to, and the errors that make a run fail.
class Tally {
 public:
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> sent_bytes{0};
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> received_bytes{0};
  std::atomic<std::uint64_t> failed{0};  // messages reported not delivered
  std::atomic<std::uint64_t> short_messages{0};
  std::atomic<std::uint64_t> associations{0};
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<std::uint64_t> requests{0};    // Diameter requests answered
  std::atomic<std::uint64_t> duplicates{0};  // of those, the ones that came before

  void complain(const std::string& text);

  /// How an association ended. The worst of all associations is the run's.
  enum class End : std::uint8_t { none, orderly, aborted, lost };
  void on_end(End end);

  bool has_errors();

  /// Prints the one line of JSON. Only the first call prints.
  void print(const std::string& role, bool is_ok, double seconds);

 private:
  std::mutex mutex_;
  std::vector<std::string> errors_;
  End end_ = End::none;
  bool is_printed_ = false;
};

}  // namespace millrace::traffic
