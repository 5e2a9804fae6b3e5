#include "drivers/eal_log.h"

#include <dlfcn.h>
#include <rte_log.h>

#include <array>
#include <atomic>
#include <cstdarg>

namespace millrace::drivers {
namespace {

// Whom libraries talk to that know no context. pairs: EalLog -> print_of_library
std::atomic<EalLog*> the_one{nullptr};

LogLevel level_of(int dpdk) {
  if (dpdk <= static_cast<int>(RTE_LOG_ERR)) return LogLevel::kError;
  if (dpdk == static_cast<int>(RTE_LOG_WARNING)) return LogLevel::kWarning;
  return dpdk <= static_cast<int>(RTE_LOG_INFO) ? LogLevel::kInfo : LogLevel::kDebug;
}

ssize_t write_stream(void* log, const char* text, std::size_t size) {
  static_cast<EalLog*>(log)->write(level_of(rte_log_cur_msg_loglevel()), {text, size});
  return static_cast<ssize_t>(size);
}

// As libbpf and libxdp call it; their levels are 0 for a warning, 1 for information, 2 for
// debugging.
int print_of_library(int level, const char* format, va_list arguments) {
  EalLog* log = the_one.load(std::memory_order_acquire);  // pairs: EalLog
  if (log == nullptr || level > 1) return 0;
  std::array<char, 512> text;
  const int length = std::vsnprintf(text.data(), text.size(), format, arguments);
  if (length > 0) log->write(level == 0 ? LogLevel::kWarning : LogLevel::kInfo, text.data());
  return length;
}

}  // namespace

EalLog::EalLog(LogLine line) : line_(std::move(line)) {
  cookie_io_functions_t functions{};
  functions.write = write_stream;
  stream_ = fopencookie(this, "w", functions);
  if (stream_ == nullptr) return;
  std::setvbuf(stream_, nullptr, _IOLBF, BUFSIZ);
  rte_openlog_stream(stream_);
  the_one.store(this, std::memory_order_release);  // pairs: print_of_library
}

EalLog::~EalLog() {
  the_one.store(nullptr, std::memory_order_release);  // pairs: print_of_library
  if (stream_ == nullptr) return;
  rte_openlog_stream(nullptr);
  std::fclose(stream_);
}

void EalLog::take_over_libraries() {
  using Print = int (*)(int, const char*, va_list);
  using SetPrint = Print (*)(Print);
  struct Library {
    const char* file;
    const char* function;
  };
  // Loaded by a driver or not there at all: nothing is loaded here.
  for (const Library& library :
       {Library{"libbpf.so.1", "libbpf_set_print"}, Library{"libbpf.so.0", "libbpf_set_print"},
        Library{"libxdp.so.1", "libxdp_set_print"}}) {
    void* handle = dlopen(library.file, RTLD_NOW | RTLD_NOLOAD);
    if (handle == nullptr) continue;
    if (void* found = dlsym(handle, library.function); found != nullptr)
      reinterpret_cast<SetPrint>(found)(print_of_library);
    dlclose(handle);
  }
}

void EalLog::write(LogLevel level, std::string_view text) {
  flockfile(stream_);
  rest_ += text;
  std::size_t end;
  while ((end = rest_.find('\n')) != std::string::npos) {
    if (end > 0) line_(level, std::string_view(rest_).substr(0, end));
    rest_.erase(0, end + 1);
  }
  funlockfile(stream_);
}

}  // namespace millrace::drivers
