// What a program that is about to be run will be.
#pragma once

#include <string>

namespace millrace::sockets {

/// Whether the dynamic linker will load this library into it: not into programs that are linked
/// statically, nor into those that run with more rights than who runs them.
bool takes_library(const char* path);
/// The file that execvp() would run; empty if there is none.
std::string find_program(const char* name);

}  // namespace millrace::sockets
