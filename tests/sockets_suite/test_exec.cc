// exec. A case that gets so far runs this program again (run_helper in main.cc).
#include "tests/sockets_suite/processes.h"

#include <pthread.h>
#include <sys/stat.h>

using namespace suite;

static constexpr char kGroup[] = "exec";

namespace {

/// Runs this program anew as a helper, in a child whose descriptors 0 and 1 are `fd`.
pid_t exec_with(int fd, const char* helper) {
  return child([&] {
    if (fd > 1) {
      dup2(fd, 0);
      dup2(fd, 1);
    }
    char program[4096] = {};  // its own name, for a tool that runs it has one too
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) _exit(1);
    execl(program, program, "--helper", helper, static_cast<char*>(nullptr));
  });
}

}  // namespace

CASE("a program that inetd starts has its connection as 0 and 1") {
  alarm(kShort);
  const Pair two = pair();
  const pid_t process = exec_with(two.server, "echo");
  OK(close(two.server));
  EQUAL(say(two.client, "through exec"), 12);
  CHECK(receive(two.client).is("through exec"));
  OK(shutdown(two.client, SHUT_WR));
  EQUAL(status_of(process), 0);
}

CASE("a listener is inherited") {
  alarm(kShort);
  const int listener = listening();
  const pid_t process = exec_with(listener, "serve");
  const int fd = make();
  OK(connect_to(fd, name_of(listener)));
  CHECK(receive(fd).is("served"));
  EQUAL(status_of(process), 0);
}

CASE("options and names are there afterwards") {
  alarm(kShort);
  const Pair two = pair();
  const pid_t process = exec_with(two.server, "names");
  EQUAL(status_of(process), 0);
}

namespace {

/// In a child that has our memory until it execs, or ends with 9.
__attribute__((noinline)) int exec_after_vfork(const char* program) {
  const pid_t process = vfork();
  if (process == 0) {
    execl(program, program, "--helper", "nothing", static_cast<char*>(nullptr));
    _exit(9);
  }
  return status_of(process);
}

}  // namespace

CASE(
    "after vfork the parent is as it was, with sockets and without, if there is a program or "
    "none") {
  alarm(kShort);
  char program[4096] = {};
  CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
  for (const bool has_sockets : {false, true}) {  // a pair leaves its listener behind
    const int fd = make();
    if (!has_sockets) OK(close(fd));
    EQUAL(exec_after_vfork(program), 0);
    EQUAL(exec_after_vfork("/nowhere"), 9);
    int state = -1;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    EQUAL(state, PTHREAD_CANCEL_ENABLE);
    const Pair two = pair();
    EQUAL(say(two.client, "as before"), 9);
    CHECK(receive(two.server).is("as before"));
    close(two.client);
    close(two.server);
    if (has_sockets) OK(close(fd));
  }
}

namespace {

void* ask_for_name(void* fd) {
  const uint16_t port = name_of(*static_cast<const int*>(fd)).port();
  return reinterpret_cast<void*>(uintptr_t{port});
}

void* wait_for_message(void* fd) {
  CHECK(receive(*static_cast<const int*>(fd)).is("late"));
  return nullptr;
}

/// A file that exec tries to run, and cannot.
void make_no_program(char* file) {
  const int text = OK(mkstemp(file));
  EQUAL(write(text, "no program", 10), 10);
  OK(fchmod(text, 0755));
  OK(close(text));
}

}  // namespace

CASE("a thread is in a call of another process's socket, and there is no program after all") {
  alarm(2 * kShort);
  char file[] = "/tmp/no-program-XXXXXX";
  make_no_program(file);
  int listener = listening();
  const uint16_t port = name_of(listener).port();
  const pid_t process = child([&] {
    alarm(kShort);
    const int own = make();
    EQUAL(name_of(listener).port(), port);
    OK(kill(getppid(), SIGSTOP));
    pthread_t asking;
    EQUAL(pthread_create(&asking, nullptr, ask_for_name, &listener), 0);
    sleep_ms(100);
    execl(file, file, static_cast<char*>(nullptr));
    OK(kill(getppid(), SIGCONT));
    void* answer = nullptr;
    pthread_join(asking, &answer);
    EQUAL(reinterpret_cast<uintptr_t>(answer), port);
    EQUAL(name_of(listener).port(), port);
    OK(close(own));
  });
  const int status = status_of(process);
  OK(unlink(file));
  EQUAL(status, 0);
}

CASE("a thread waits for a message, and there is no program after all") {
  alarm(2 * kShort);
  char file[] = "/tmp/no-program-XXXXXX";
  make_no_program(file);
  Pair two = pair();
  pthread_t waiting;
  EQUAL(pthread_create(&waiting, nullptr, wait_for_message, &two.server), 0);
  sleep_ms(100);
  execl(file, file, static_cast<char*>(nullptr));
  OK(unlink(file));
  EQUAL(say(two.client, "late"), 4);
  pthread_join(waiting, nullptr);
}

CASE("FD_CLOEXEC closes it") {
  const Pair two = pair();
  OK(fcntl(two.server, F_SETFD, FD_CLOEXEC));
  const pid_t process = exec_with(-1, "nothing");
  OK(close(two.server));
  EQUAL(receive(two.client).size, 0);
  EQUAL(status_of(process), 0);
}
