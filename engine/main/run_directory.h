// The directory of a running engine: its sockets and the lock that keeps a second one out.
#pragma once

#include <memory>
#include <string>

namespace millrace {

/// Held for as long as the engine runs; releases the lock and removes its file at its end.
class RunDirectory {
 public:
  /// Makes the directory (and those above it) if need be. nullptr, and `error` says why, when
  /// another engine runs there or the directory cannot be used.
  static std::unique_ptr<RunDirectory> open(const std::string& path, std::string& error);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  std::string applications_socket() const { return path_ + "/applications.sock"; }
  std::string operator_socket() const { return path_ + "/operator.sock"; }
  const std::string& path() const { return path_; }

 private:
  RunDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string lock_file() const { return path_ + "/lock"; }

  std::string path_;
  int lock_;  // the descriptor of the lock file
};

}  // namespace millrace
