// Runs the cases: sockets-suite [--list] [TEXT...] runs all, or those whose name has one of these.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sockets_suite/suite.h"

namespace suite {
namespace {

constexpr size_t kCasesMax = 1024;
constexpr unsigned kSecondsMax = 60;

Case cases[kCasesMax];
size_t count = 0;

bool is_wanted(const Case& one, int arguments, char** texts) {
  char name[256];
  snprintf(name, sizeof name, "%s: %s", one.group, one.name);
  for (int i = 0; i < arguments; ++i) {
    if (strstr(name, texts[i]) != nullptr) return true;
  }
  return arguments == 0;
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// In a process of its own, which says on standard output why it fails.
bool run(const Case& one) {
  fflush(stdout);
  const double begin = now();
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSecondsMax);
    one.run();
    fflush(stdout);
    exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("  ended by signal %d\n", WTERMSIG(status));
  const bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  printf("%s %s: %s (%.0f ms)\n", is_good ? "ok" : "FAILED", one.group, one.name,
         (now() - begin) * 1e3);
  return is_good;
}

}  // namespace

Registration::Registration(const char* group, const char* name, void (*run)()) {
  if (count < kCasesMax) cases[count++] = {group, name, run};
}

void fail(const char* file, int line, const char* format, ...) {
  const int error = errno;
  const char* slash = strrchr(file, '/');
  printf("  %s:%d: ", slash != nullptr ? slash + 1 : file, line);
  va_list list;
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  printf(" (errno %s)\n", strerrorname_np(error));
  fflush(stdout);
  exit(1);
}

void check_equal(long long actual, long long expected, const char* text, const char* file,
                 int line) {
  if (actual == expected) return;
  fail(file, line, "%s is %lld instead of %lld", text, actual, expected);
}

int check_ok(long long result, const char* text, const char* file, int line) {
  if (result < 0) fail(file, line, "%s failed", text);
  return static_cast<int>(result);
}

void check_fails(long long result, int wanted, const char* text, const char* file, int line) {
  if (result == -1 && errno == wanted) return;
  fail(file, line, "%s gave %lld, and not %s", text, result, strerrorname_np(wanted));
}

int run_all(int arguments, char** texts) {
  int passed = 0;
  int failed = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!is_wanted(cases[i], arguments, texts)) continue;
    ++(run(cases[i]) ? passed : failed);
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

/// What a case has run by execve().
int run_helper(const char* name) {
  if (strcmp(name, "echo") == 0) {
    char bytes[512];
    ssize_t size;
    while ((size = read(0, bytes, sizeof bytes)) > 0) {
      if (write(1, bytes, static_cast<size_t>(size)) != size) return 2;
    }
    return size == 0 ? 0 : 3;
  }
  if (strcmp(name, "serve") == 0) {
    const int fd = accept(0, nullptr, nullptr);
    return fd >= 0 && say(fd, "served") == 6 ? 0 : 2;
  }
  if (strcmp(name, "names") == 0) {
    CHECK(peer_of(0).is(kLoopback));
    EQUAL(option<int>(0, SOL_SOCKET, SO_PROTOCOL), IPPROTO_SCTP);
  }
  return 0;
}

void list_all() {
  for (size_t i = 0; i < count; ++i) printf("%s: %s\n", cases[i].group, cases[i].name);
}

}  // namespace suite

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "--list") == 0) {
    suite::list_all();
    return 0;
  }
  if (argc > 2 && strcmp(argv[1], "--helper") == 0) return suite::run_helper(argv[2]);
  return suite::run_all(argc - 1, argv + 1);
}
