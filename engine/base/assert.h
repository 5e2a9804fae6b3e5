// Assertions that stay on in every build: a programmer's fault stops the process where it happened.
// A peer's or an application's fault is never an assertion: it is a counted drop or a status.
#pragma once

namespace millrace {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace millrace

#define MR_ASSERT(expression)          \
  (__builtin_expect(!!(expression), 1) \
       ? (void)0                       \
       : ::millrace::assertion_failed(#expression, __FILE__, __LINE__))
