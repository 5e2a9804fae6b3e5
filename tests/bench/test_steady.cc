// What happens between two messages once everything runs: nothing that the kernel or another thread
// has a say in, and nothing that is allocated, by engine, library or application.
#include <catch2/catch.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <vector>

#include "bench/millrace_pair.h"

namespace {

std::atomic<bool> is_counting{false};
std::atomic<std::uint64_t> locks{0}, allocations{0};

int lock() {
  if (is_counting) ++locks;
  return 0;
}

void* allocated(void* memory) {
  if (is_counting) ++allocations;
  return memory;
}

}  // namespace

// Instead of the C library's, for everything in this program: nothing here has a second thread. (A
// lock that another one holds would be a system call as well.)
extern "C" {
int pthread_mutex_lock(pthread_mutex_t*) {
  return lock();
}
int pthread_mutex_trylock(pthread_mutex_t*) {
  return lock();
}
int pthread_mutex_unlock(pthread_mutex_t*) {
  return 0;
}
int pthread_rwlock_rdlock(pthread_rwlock_t*) {
  return lock();
}
int pthread_rwlock_wrlock(pthread_rwlock_t*) {
  return lock();
}
int pthread_rwlock_unlock(pthread_rwlock_t*) {
  return 0;
}
int pthread_spin_lock(pthread_spinlock_t*) {
  return lock();
}
int pthread_spin_unlock(pthread_spinlock_t*) {
  return 0;
}
int sem_wait(sem_t*) {
  return lock();
}

// operator new asks malloc.
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t size) {
  return allocated(__libc_malloc(size));
}
void* calloc(std::size_t count, std::size_t size) {
  return allocated(__libc_calloc(count, size));
}
void* realloc(void* memory, std::size_t size) {
  return allocated(__libc_realloc(memory, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return allocated(__libc_memalign(alignment, size));
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = allocated(__libc_memalign(alignment, size));
  return *memory == nullptr ? ENOMEM : 0;
}
}

namespace millrace::bench {

void fail(const std::string&) {
  _exit(1);
}

namespace {

constexpr int kLockTaken = 2, kAllocated = 3;

// From here on the process may end itself; any other system call kills it.
void forbid_system_calls() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const sock_fprog program{sizeof rules / sizeof rules[0], rules};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(11);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(12);
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

int counted() {
  return locks > 0 ? kLockTaken : allocations > 0 ? kAllocated : 0;
}

void carry(const Traffic& traffic, std::uint64_t messages) {
  MillracePair pair{Clock(microseconds(2))};
  Flow flow(traffic);
  pair.open(flow);
  pair.carry(flow, messages / 4);
  forbid_system_calls();
  is_counting = true;
  pair.carry(flow, messages);
  _exit(counted());  // before anything is given back
}

TEST_CASE("a million messages make no system call, take no lock and allocate nothing") {
  CHECK(status_of([] { carry({.size = 64}, 1'000'000); }) == 0);
  CHECK(status_of([] { carry({.size = 1400}, 1'000'000); }) == 0);
  CHECK(status_of([] { carry({.size = 1400, .is_in_place = true}, 1'000'000); }) == 0);
}

// Both ends meet full rings, and are told when there is room again.
TEST_CASE("a million messages both ways make no system call, take no lock and allocate nothing") {
  CHECK(status_of([] { carry({.size = 64, .is_both_ways = true}, 1'000'000); }) == 0);
}

TEST_CASE("packets of large messages make no system call, take no lock and allocate nothing") {
  CHECK(status_of([] { carry({.size = 65536}, 22'000); }) == 0);
}

TEST_CASE("a system call, a lock and an allocation would be noticed") {
  const int called = status_of([] {
    forbid_system_calls();
    syscall(SYS_getppid);
  });
  CHECK(WIFSIGNALED(called));
  CHECK(WTERMSIG(called) == SIGSYS);

  const int locked = status_of([] {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    is_counting = true;
    pthread_mutex_lock(&mutex);
    _exit(counted());
  });
  CHECK(WIFEXITED(locked));
  CHECK(WEXITSTATUS(locked) == kLockTaken);

  const auto allocating = [](auto&& allocate) {
    const int status = status_of([&allocate] {
      is_counting = true;
      allocate();
      _exit(counted());
    });
    return WIFEXITED(status) && WEXITSTATUS(status) == kAllocated;
  };
  const auto keep = [](void* memory) { asm volatile("" : : "r"(memory) : "memory"); };
  CHECK(allocating([&keep] { keep(::operator new(4)); }));
  CHECK(allocating([&keep] { keep(std::malloc(1)); }));
  CHECK(allocating([] {
    static std::vector<int> some;
    some.resize(100);
  }));
}

}  // namespace
}  // namespace millrace::bench
