// Checks, of which the first that does not hold ends the case; and the list of cases.
#pragma once

#include <stddef.h>

namespace suite {

struct Case {
  const char* group;
  const char* name;
  void (*run)();
};

struct Registration {
  Registration(const char* group, const char* name, void (*run)());
};

[[noreturn]] void fail(const char* file, int line, const char* format, ...)
    __attribute__((format(printf, 3, 4)));
void check_equal(long long actual, long long expected, const char* text, const char* file,
                 int line);
int check_ok(long long result, const char* text, const char* file, int line);
void check_fails(long long result, int wanted, const char* text, const char* file, int line);

}  // namespace suite

#define SUITE_JOIN_(a, b) a##b
#define SUITE_JOIN(a, b) SUITE_JOIN_(a, b)
/// A case of the group that the file names as kGroup.
#define CASE(name) SUITE_CASE(name, __COUNTER__)
#define SUITE_CASE(name, number)                                                            \
  static void SUITE_JOIN(case_, number)();                                                  \
  static const ::suite::Registration SUITE_JOIN(entry_, number){kGroup, name,               \
                                                                SUITE_JOIN(case_, number)}; \
  static void SUITE_JOIN(case_, number)()

#define CHECK(condition) \
  ((condition) ? void() : ::suite::fail(__FILE__, __LINE__, "%s does not hold", #condition))
#define EQUAL(actual, expected)                                                                   \
  ::suite::check_equal(static_cast<long long>(actual), static_cast<long long>(expected), #actual, \
                       __FILE__, __LINE__)
/// A call that works; gives what it gave.
#define OK(call) ::suite::check_ok(static_cast<long long>(call), #call, __FILE__, __LINE__)
/// A call that gives -1 and this errno.
#define FAILS(call, number) \
  ::suite::check_fails(static_cast<long long>(call), number, #call, __FILE__, __LINE__)
