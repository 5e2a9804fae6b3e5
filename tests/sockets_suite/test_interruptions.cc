// Calls that other things happen in the midst of: forks of other threads, and handlers that call
// again or do not come back.
#include <pthread.h>
#include <setjmp.h>
#include <sys/time.h>

#include "tests/sockets_suite/processes.h"

using namespace suite;

static constexpr char kGroup[] = "interruptions";

namespace {

sigjmp_buf back;
Pair inner;
volatile int inner_size;
int within[2];  // a pipe: the handler runs

void leave_by_jump(int) {
  siglongjmp(back, 1);
}

void receive_within(int) {
  char byte = 0;
  (void)!write(within[1], &byte, 1);
  inner_size = static_cast<int>(recv(inner.server, &byte, 1, 0));
}

void on_alarm(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  OK(sigaction(SIGALRM, &action, nullptr));
}

void limit_wait(int fd) {
  const timeval limit{kShort, 0};
  OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
}

/// Whether it ends in time; it is ended in any case.
bool ends(pid_t process) {
  static int left_ms = 1000 * static_cast<int>(kShort);  // for all of them
  do {
    int status = 0;
    if (waitpid(process, &status, WNOHANG) == process) return status == 0;
    sleep_ms(10);
    left_ms -= 10;
  } while (left_ms > 0);
  kill(process, SIGKILL);
  return false;
}

/// Sleeps in a receive call that a handler leaves by siglongjmp().
void be_torn_out(int fd, int flags) {
  on_alarm(leave_by_jump, flags);
  if (sigsetjmp(back, 1) != 0) return;
  const itimerval soon{{0, 0}, {0, 50'000}};
  OK(setitimer(ITIMER_REAL, &soon, nullptr));
  char byte;
  (void)!recv(fd, &byte, 1, 0);
  fail(__FILE__, __LINE__, "the call has come back");
}

/// That this process has.
int descriptors() {
  int count = 0;
  const long most = sysconf(_SC_OPEN_MAX);
  for (int fd = 0; fd < most; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

}  // namespace

CASE("a child of a fork during another thread's first socket ends") {
  constexpr int kChildren = 20;
  pthread_t maker;
  const auto make_one = [](void*) -> void* {
    make();
    return nullptr;
  };
  EQUAL(pthread_create(&maker, nullptr, make_one, nullptr), 0);
  pid_t processes[kChildren];
  for (pid_t& process : processes) process = child([] {});
  pthread_join(maker, nullptr);
  int ended = 0;
  for (const pid_t process : processes) ended += ends(process) ? 1 : 0;
  EQUAL(ended, kChildren);
}

CASE("an association ends at close() though a handler has jumped out of a call that slept in it") {
  const Pair two = pair();
  be_torn_out(two.server, 0);
  limit_wait(two.client);
  OK(close(two.server));
  EQUAL(receive(two.client).size, 0);
}

CASE("an association ends at close() though handlers have jumped out of many calls: none stays") {
  const Pair two = pair();
  be_torn_out(two.server, 0);
  const int before = descriptors();
  for (int i = 0; i < 5; ++i) be_torn_out(two.server, 0);
  EQUAL(descriptors(), before);
  limit_wait(two.client);
  OK(close(two.server));
  EQUAL(receive(two.client).size, 0);
}

CASE("the same when the handler had a stack of its own") {
  static char memory[65536];
  const stack_t stack{memory, 0, sizeof memory};
  OK(sigaltstack(&stack, nullptr));
  const Pair two = pair();
  be_torn_out(two.server, SA_ONSTACK);
  limit_wait(two.client);
  OK(close(two.server));
  EQUAL(receive(two.client).size, 0);
}

CASE("an association ends at close() though a thread has ended that jumped out of a call in it") {
  const Pair two = pair();
  pthread_t jumper;
  const auto jump = [](void* fd) -> void* {
    be_torn_out(*static_cast<const int*>(fd), 0);
    return nullptr;
  };
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  EQUAL(pthread_create(&jumper, nullptr, jump, const_cast<int*>(&two.server)), 0);
  pthread_sigmask(SIG_BLOCK, &alarms, nullptr);
  pthread_join(jumper, nullptr);
  limit_wait(two.client);
  OK(close(two.server));
  EQUAL(receive(two.client).size, 0);
}

namespace {

/// A handler's receive call in one of `inner` interrupts another in one of `outer`: both are told
/// something, in this order, once the handler is in its own.
void receive_in_both(const Pair& outer, const char* first, const char* second) {
  on_alarm(receive_within, SA_RESTART);
  OK(pipe(within));
  const auto tell = [&](const char* text) {
    sleep_ms(100);
    EQUAL(say(*text == 'o' ? outer.client : inner.client, text), 1);
  };
  const pid_t process = child([&] {
    char byte;
    EQUAL(read(within[0], &byte, 1), 1);
    tell(first);
    tell(second);
    sleep_ms(1000 * kShort);
    kill(getppid(), SIGKILL);  // it sleeps for ever
  });
  const itimerval soon{{0, 0}, {0, 50'000}};
  OK(setitimer(ITIMER_REAL, &soon, nullptr));
  CHECK(receive(outer.server).is("o"));
  EQUAL(inner_size, 1);
  OK(kill(process, SIGKILL));
  status_of(process);
}

}  // namespace

CASE("a receive call is woken though a handler slept in another one meanwhile") {
  const Pair outer = pair();
  inner = pair();
  receive_in_both(outer, "o", "i");
}

CASE("the same when the handler receives from the same socket") {
  const Pair two = pair();
  inner = two;
  receive_in_both(two, "i", "o");
}
