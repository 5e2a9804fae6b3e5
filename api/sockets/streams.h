// The C library's streams over sockets of ours. What a stream does with its descriptor happens
// inside the C library, where nothing of this library is called; a stream of functions takes its
// place.
#pragma once

#include <cstdio>

namespace millrace::sockets {

/// fdopen() for a descriptor of ours.
FILE* open_stream(int descriptor, const char* mode);
/// stdin, stdout and stderr, where they are sockets of ours.
void replace_standard_streams();
/// Before a process ends that has such streams: what is in their buffers is sent.
void flush_streams();

}  // namespace millrace::sockets
