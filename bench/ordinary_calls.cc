// What a call on a descriptor that is no socket of ours costs with the library of millrace-run
// before the C library, and without it: `ordinary-calls LIBRARY`. Both are measured in turns, in
// time of the CPU, and the best round of each counts.
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr int kRounds = 15;
constexpr int kCalls = 50'000;
constexpr int kKinds = 4;
constexpr const char* kNames[kKinds] = {"read", "write", "poll", "epoll_wait"};

double now_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <class Call>
double measure(Call&& call) {
  const double begin = now_ns();
  for (int i = 0; i < kCalls; ++i) call();
  return (now_ns() - begin) / kCalls;
}

/// One round, as four numbers on standard output.
int run_round() {
  const int zero = open("/dev/zero", O_RDONLY);
  const int null = open("/dev/null", O_WRONLY);
  int ends[2];
  if (zero < 0 || null < 0 || pipe(ends) < 0) return 1;
  const int set = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  if (epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) < 0) return 1;
  pollfd entry{ends[0], POLLIN, 0};
  char byte = 0;
  long done = 0;
  const double times[kKinds] = {measure([&] { done += read(zero, &byte, 1); }),
                                measure([&] { done += write(null, &byte, 1); }),
                                measure([&] { done += poll(&entry, 1, 0); }),
                                measure([&] { done += epoll_wait(set, &event, 1, 0); })};
  for (const double time : times) printf("%.2f ", time);
  puts("");
  return done == 2L * kCalls ? 0 : 1;
}

/// Runs a round in a process of its own and keeps what is better.
bool round_with(const char* library, double (&best)[kKinds]) {
  char command[4096];
  snprintf(command, sizeof command, "LD_PRELOAD='%s' /proc/%d/exe --round", library, getpid());
  FILE* output = popen(command, "r");
  if (output == nullptr) return false;
  bool is_good = true;
  for (double& kept : best) {
    double time = 0;
    is_good = is_good && fscanf(output, "%lf", &time) == 1;
    if (kept == 0 || time < kept) kept = time;
  }
  return pclose(output) == 0 && is_good;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "--round") == 0) return run_round();
  if (argc != 2) {
    fputs("usage: ordinary-calls LIBRARY\n", stderr);
    return 2;
  }
  double without[kKinds] = {}, with[kKinds] = {};
  for (int i = 0; i < kRounds; ++i) {
    if (!round_with("", without) || !round_with(argv[1], with)) {
      fputs("ordinary-calls: a round failed\n", stderr);
      return 1;
    }
  }
  printf("%-12s %10s %10s %8s\n", "", "without", "with", "ratio");
  for (int i = 0; i < kKinds; ++i)
    printf("%-12s %7.1f ns %7.1f ns %7.3fx\n", kNames[i], without[i], with[i],
           with[i] / without[i]);
  return 0;
}
