// The functions that begin and end processes and programs, as programs see them under millrace-run.
// Without sockets of ours they are the C library's.
#include <alloca.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "api/sockets/calls.h"
#include "api/sockets/image.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/streams.h"
#include "api/sockets/table.h"

using millrace::sockets::is_ours;
using millrace::sockets::kDescriptorsMax;
using millrace::sockets::Process;
using millrace::sockets::real;

#define MR_PRELOAD extern "C" __attribute__((visibility("default")))

namespace {

struct AtStartAndExit {
  AtStartAndExit() {
    Process::adopt_inherited();
    if (Process::exists) millrace::sockets::replace_standard_streams();
    at_quick_exit(&Process::end);
  }
  ~AtStartAndExit() {
    millrace::sockets::flush_streams();  // the C library does it when it is too late
    Process::end();
  }
} at_start_and_exit;

/// An environment in which the new program finds this library.
class Environment {
 public:
  explicit Environment(char* const* given) : given_(given) {
    if (!Process::has_inheritable() || given == nullptr) return;
    Dl_info info{};
    if (dladdr(&at_start_and_exit, &info) == 0 || info.dli_fname == nullptr) return;
    char* path = realpath(info.dli_fname, nullptr);
    const std::string library = path != nullptr ? path : info.dli_fname;
    std::free(path);
    entry_ = "LD_PRELOAD=" + library;
    for (char* const* entry = given; *entry != nullptr; ++entry) {
      if (std::strncmp(*entry, "LD_PRELOAD=", 11) != 0) {
        copy_.push_back(*entry);
      } else if (std::strstr(*entry, "libmillrace-sctp.so") != nullptr) {
        copy_.clear();
        return;
      } else {
        entry_ += std::string(":") + (*entry + 11);
      }
    }
    copy_.push_back(entry_.data());
    copy_.push_back(nullptr);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  char* const* get() const { return copy_.empty() ? given_ : copy_.data(); }

 private:
  char* const* given_;
  std::string entry_;
  std::vector<char*> copy_;
};

/// Before exec: the sockets that the program will find are made ready, or closed to it if it cannot
/// use them. If there is no new program in the end, it is as it was but for who has the sockets.
class Passage {
 public:
  explicit Passage(const std::string& file) {
    // Not for exec itself, which is no cancellation point: what it ends in is of the new program,
    // or of the parent of a vfork().
    const millrace::sockets::calls::Uncancellable uncancellable;
    if (!Process::exists || access(file.c_str(), X_OK) != 0) return;
    if (!takes_library(file)) hide();
    status_ = Process::hand_over();
  }
  ~Passage() {
    const int error = errno;
    for (const int descriptor : hidden_) real().fcntl(descriptor, F_SETFD, 0);
    errno = error;
  }
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

  bool is_open() const {
    if (status_ != 0) errno = -status_;
    return status_ == 0;
  }

 private:
  static bool takes_library(const std::string& file) {
    return !Process::has_inheritable() || millrace::sockets::takes_library(file.c_str());
  }
  void hide() {
    for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
      if (!is_ours(descriptor) || (real().fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0) continue;
      real().fcntl(descriptor, F_SETFD, FD_CLOEXEC);
      hidden_.push_back(descriptor);
    }
  }

  int status_ = 0;
  std::vector<int> hidden_;
};

/// A null pointer is for the kernel to refuse.
std::string text(const char* given) {
  return given != nullptr ? given : "";
}

std::string path_of(int descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor);
}

/// How many arguments execl() and its kin have, the null pointer counted.
std::size_t count_arguments(const char* first, va_list& list) {
  std::size_t count = 1;
  for (const char* last = first; last != nullptr; ++count) last = va_arg(list, const char*);
  return count;
}

void copy_arguments(char** all, std::size_t count, const char* first, va_list& list) {
  all[0] = const_cast<char*>(first);
  for (std::size_t i = 1; i < count; ++i) all[i] = va_arg(list, char*);
}

/// Puts them into `argv`, and leaves `list` behind the last. On the stack: a child of vfork() has
/// the memory of its parent, which would keep what the program that begins does not give back.
#define MR_TAKE_ARGUMENTS(argv, first, list)                               \
  va_list counted_##argv;                                                  \
  va_copy(counted_##argv, list);                                           \
  const std::size_t count_##argv = count_arguments(first, counted_##argv); \
  va_end(counted_##argv);                                                  \
  char** argv = static_cast<char**>(alloca(count_##argv * sizeof(char*))); \
  copy_arguments(argv, count_##argv, first, list)

}  // namespace

// ---- programs ----

MR_PRELOAD int execve(const char* path, char* const* argv, char* const* envp) noexcept {
  if (!Process::exists) return real().execve(path, argv, envp);
  const Passage passage(text(path));
  const Environment environment(envp);
  return passage.is_open() ? real().execve(path, argv, environment.get()) : -1;
}

MR_PRELOAD int execvpe(const char* name, char* const* argv, char* const* envp) noexcept {
  if (!Process::exists) return real().execvpe(name, argv, envp);
  const Passage passage(millrace::sockets::find_program(text(name).c_str()));
  const Environment environment(envp);
  return passage.is_open() ? real().execvpe(name, argv, environment.get()) : -1;
}

MR_PRELOAD int fexecve(int file, char* const* argv, char* const* envp) noexcept {
  if (!Process::exists) return real().fexecve(file, argv, envp);
  const Passage passage(path_of(file));
  const Environment environment(envp);
  return passage.is_open() ? real().fexecve(file, argv, environment.get()) : -1;
}

MR_PRELOAD int execveat(int directory, const char* path, char* const* argv, char* const* envp,
                        int flags) noexcept {
  if (!Process::exists) return real().execveat(directory, path, argv, envp, flags);
  const std::string name = text(path);
  const bool is_relative = directory != AT_FDCWD && (name.empty() || name[0] != '/');
  const Passage passage(is_relative ? path_of(directory) + (name.empty() ? "" : "/" + name) : name);
  const Environment environment(envp);
  return passage.is_open() ? real().execveat(directory, path, argv, environment.get(), flags) : -1;
}

MR_PRELOAD int execv(const char* path, char* const* argv) noexcept {
  return execve(path, argv, environ);
}

MR_PRELOAD int execvp(const char* name, char* const* argv) noexcept {
  return execvpe(name, argv, environ);
}

MR_PRELOAD int execl(const char* path, const char* first, ...) noexcept {
  va_list list;
  va_start(list, first);
  MR_TAKE_ARGUMENTS(argv, first, list);
  va_end(list);
  return execve(path, argv, environ);
}

MR_PRELOAD int execlp(const char* name, const char* first, ...) noexcept {
  va_list list;
  va_start(list, first);
  MR_TAKE_ARGUMENTS(argv, first, list);
  va_end(list);
  return execvpe(name, argv, environ);
}

MR_PRELOAD int execle(const char* path, const char* first, ...) noexcept {
  va_list list;
  va_start(list, first);
  MR_TAKE_ARGUMENTS(argv, first, list);
  char* const* envp = va_arg(list, char* const*);
  va_end(list);
  return execve(path, argv, envp);
}

MR_PRELOAD int posix_spawn(pid_t* child, const char* path,
                           const posix_spawn_file_actions_t* actions,
                           const posix_spawnattr_t* attributes, char* const* argv,
                           char* const* envp) {
  const Environment environment(envp);
  return real().posix_spawn(child, path, actions, attributes, argv, environment.get());
}

MR_PRELOAD int posix_spawnp(pid_t* child, const char* name,
                            const posix_spawn_file_actions_t* actions,
                            const posix_spawnattr_t* attributes, char* const* argv,
                            char* const* envp) {
  const Environment environment(envp);
  return real().posix_spawnp(child, name, actions, attributes, argv, environment.get());
}

// ---- processes ----

// A child of vfork() shares this process's memory, and its tables with it: what it does with its
// descriptors would be done to the parent's. With sockets there it is a child of fork().
extern "C" __attribute__((used, visibility("hidden"))) void* millrace_choose_vfork() {
  return Process::has_sockets() ? reinterpret_cast<void*>(&fork) : real().vfork;
}

#ifdef __x86_64__
// It must not leave a frame on the stack that parent and child share.
asm(R"(
  .pushsection .text
  .globl vfork
  .type vfork, @function
vfork:
  .cfi_startproc
  sub $8, %rsp
  .cfi_adjust_cfa_offset 8
  call millrace_choose_vfork
  add $8, %rsp
  .cfi_adjust_cfa_offset -8
  jmp *%rax
  .cfi_endproc
  .size vfork, .-vfork
  .popsection
)");
#else
MR_PRELOAD pid_t vfork() noexcept {
  return fork();
}
#endif

MR_PRELOAD void _exit(int status) {
  Process::end();
  real().exit_now(status);
  __builtin_unreachable();
}

MR_PRELOAD void _Exit(int status) noexcept {
  _exit(status);
}

// The C library's own would end the parent behind our back.
MR_PRELOAD int daemon(int keeps_directory, int keeps_streams) noexcept {
  const millrace::sockets::calls::Uncancellable uncancellable;
  if (Process::fork_and_hand_over() < 0) return -1;
  if (setsid() < 0) return -1;
  if (keeps_directory == 0 && chdir("/") < 0) return -1;
  if (keeps_streams != 0) return 0;
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return -1;
  for (int stream = 0; stream < 3; ++stream) dup2(null, stream);
  if (null > 2) close(null);
  return 0;
}
