// What happens between two messages once everything runs: nothing that the kernel or another thread
// has a say in. (That nothing is allocated either is in tests/sim/test_allocations.cc.)
#include <catch2/catch.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <functional>

#include "bench/millrace_pair.h"

namespace {

std::atomic<bool> locks_are_counted{false};
std::atomic<std::uint64_t> locks{0};

}  // namespace

// Instead of the C library's, for everything in this program: nothing here has a second thread.
extern "C" int pthread_mutex_lock(pthread_mutex_t*) {
  if (locks_are_counted) ++locks;
  return 0;
}
extern "C" int pthread_mutex_unlock(pthread_mutex_t*) {
  return 0;
}

namespace millrace::bench {

void fail(const std::string&) {
  _exit(1);
}

namespace {

constexpr int kLockTaken = 2;

// From here on the process may end itself; any other system call kills it.
void forbid_system_calls() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const sock_fprog program{sizeof rules / sizeof rules[0], rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(3);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(4);
}

int status_of(const std::function<void()>& run) {
  const pid_t child = fork();
  if (child == 0) {
    run();
    _exit(0);
  }
  int status = 0;
  REQUIRE(child > 0);
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

void carry(std::size_t size, std::uint64_t messages) {
  MillracePair pair{Clock(microseconds(2))};
  Writer writer(size);
  Reader reader(writer);
  pair.carry(writer, reader, messages / 4);
  forbid_system_calls();
  locks_are_counted = true;
  pair.carry(writer, reader, messages);
  _exit(locks > 0 ? kLockTaken : 0);  // before anything is given back
}

TEST_CASE("messages make no system call and take no lock") {
  CHECK(status_of([] { carry(64, 1'000'000); }) == 0);
  CHECK(status_of([] { carry(1400, 100'000); }) == 0);
  CHECK(status_of([] { carry(65536, 2'000); }) == 0);
}

TEST_CASE("a system call and a lock would be noticed") {
  const int called = status_of([] {
    forbid_system_calls();
    syscall(SYS_getppid);
  });
  CHECK(WIFSIGNALED(called));
  CHECK(WTERMSIG(called) == SIGSYS);

  const int locked = status_of([] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    locks_are_counted = true;
    pthread_mutex_lock(&mutex);
    _exit(locks > 0 ? kLockTaken : 0);
  });
  CHECK(WIFEXITED(locked));
  CHECK(WEXITSTATUS(locked) == kLockTaken);
}

}  // namespace
}  // namespace millrace::bench
