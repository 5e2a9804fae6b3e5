#include "api/sockets/own_threads.h"

#include <semaphore.h>
#include <unistd.h>

#include <utility>

namespace millrace::sockets {
namespace {

struct Start {
  const char* name;
  void* (*main)(void*);
  void* argument;
  sem_t runs;
};

void* run(void* argument) {
  auto& start = *static_cast<Start*>(argument);
  pthread_setname_np(pthread_self(), start.name);
  const auto [main, its] = std::pair(start.main, start.argument);
  sem_post(&start.runs);
  return main(its);
}

}  // namespace

int OwnThreads::begin(const char* name, void* (*main)(void*), void* argument,
                      std::size_t stack_bytes) {
  join_ended();
  Start start{name, main, argument, {}};
  sem_init(&start.runs, 0, 0);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (stack_bytes > 0) pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_t thread;
  const int failed = pthread_create(&thread, &attributes, &run, &start);
  pthread_attr_destroy(&attributes);
  while (failed == 0 && sem_wait(&start.runs) != 0) {
  }
  sem_destroy(&start.runs);
  return failed;
}

void OwnThreads::end_this() {
  join_ended();  // so that one stack is left at most
  const pid_t before = std::exchange(process_, getpid());
  if (before != process_) ended_.clear();
  ended_.push_back(pthread_self());
}

void OwnThreads::join_ended() {
  if (process_ != getpid()) return;
  for (const pthread_t thread : std::exchange(ended_, {})) pthread_join(thread, nullptr);
}

}  // namespace millrace::sockets
