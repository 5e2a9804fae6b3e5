#include "engine/main/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace millrace {
namespace {

std::string read_pid(int lock) {
  std::array<char, 32> text{};
  const ssize_t length = pread(lock, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

bool is_file(int descriptor, const std::string& path) {
  struct stat ours {};
  struct stat named {};
  return fstat(descriptor, &ours) == 0 && stat(path.c_str(), &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

}  // namespace

std::unique_ptr<RunDirectory> RunDirectory::open(const std::string& path, std::string& error) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) {
    error = path + ": " + code.message();
    return nullptr;
  }
  const std::string file = path + "/lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) {
    error = file + ": " + std::strerror(errno);
    return nullptr;
  }
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    error = path + ": another engine runs there, process " + read_pid(lock);
    close(lock);
    return nullptr;
  }
  // The one before may have removed the file between our opening and locking it.
  if (!is_file(lock, file)) {
    close(lock);
    return open(path, error);
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0) {
    error = file + ": " + std::strerror(errno);
    close(lock);
    return nullptr;
  }
  return std::unique_ptr<RunDirectory>(new RunDirectory(path, lock));
}

RunDirectory::~RunDirectory() {
  // The file goes while it is still locked: whoever opens it later makes a new one.
  unlink(lock_file().c_str());
  close(lock_);
}

}  // namespace millrace
