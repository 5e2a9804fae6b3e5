// Calls that write and read at an offset, if the descriptor has one, and others that would reach
// the kernel's descriptor behind a socket: what they moved there would be lost.
#undef _FILE_OFFSET_BITS  // both names of each function are defined here
#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "api/sockets/real_calls.h"
#include "api/sockets/table.h"

using millrace::sockets::is_ours;
using millrace::sockets::real;

#define MR_PRELOAD extern "C" __attribute__((visibility("default")))

// The header has them only for programs that are compiled so.
extern "C" int __vdprintf_chk(int, int, const char*, va_list);

namespace {

int fail(int error) {
  errno = error;
  return -1;
}

/// A socket has no offset, and none of the flags of files.
int error_at(off_t offset, int flags) {
  if (offset != -1) return ESPIPE;
  return flags != 0 ? EOPNOTSUPP : 0;
}

}  // namespace

MR_PRELOAD ssize_t pwritev2(int descriptor, const iovec* parts, int count, off_t offset,
                            int flags) {
  if (!is_ours(descriptor)) return real().pwritev2(descriptor, parts, count, offset, flags);
  const int error = error_at(offset, flags);
  return error != 0 ? fail(error) : writev(descriptor, parts, count);
}

MR_PRELOAD ssize_t pwritev64v2(int descriptor, const iovec* parts, int count, off64_t offset,
                               int flags) {
  return pwritev2(descriptor, parts, count, offset, flags);
}

MR_PRELOAD ssize_t preadv2(int descriptor, const iovec* parts, int count, off_t offset, int flags) {
  if (!is_ours(descriptor)) return real().preadv2(descriptor, parts, count, offset, flags);
  const int error = error_at(offset, flags);
  return error != 0 ? fail(error) : readv(descriptor, parts, count);
}

MR_PRELOAD ssize_t preadv64v2(int descriptor, const iovec* parts, int count, off64_t offset,
                              int flags) {
  return preadv2(descriptor, parts, count, offset, flags);
}

MR_PRELOAD ssize_t splice(int from, off64_t* from_offset, int to, off64_t* to_offset, size_t size,
                          unsigned flags) {
  if (is_ours(from) || is_ours(to)) return fail(EINVAL);
  return real().splice(from, from_offset, to, to_offset, size, flags);
}

// The C library's own would write to the kernel's descriptor, past write().
MR_PRELOAD int vdprintf(int descriptor, const char* format, va_list list) {
  if (!is_ours(descriptor)) return real().vdprintf(descriptor, format, list);
  char* text = nullptr;
  const int length = vasprintf(&text, format, list);
  if (length <= 0) {
    if (length == 0) free(text);
    return length;
  }
  const ssize_t written = write(descriptor, text, static_cast<size_t>(length));
  const int error = errno;
  free(text);
  errno = error;
  return static_cast<int>(written);
}

MR_PRELOAD int dprintf(int descriptor, const char* format, ...) {
  va_list list;
  va_start(list, format);
  const int written = vdprintf(descriptor, format, list);
  va_end(list);
  return written;
}

// What programs that are compiled with _FORTIFY_SOURCE call.
MR_PRELOAD int __vdprintf_chk(int descriptor, int flag, const char* format, va_list list) {
  return is_ours(descriptor) ? vdprintf(descriptor, format, list)
                             : real().vdprintf_chk(descriptor, flag, format, list);
}

MR_PRELOAD int __dprintf_chk(int descriptor, int flag, const char* format, ...) {
  va_list list;
  va_start(list, format);
  const int written = __vdprintf_chk(descriptor, flag, format, list);
  va_end(list);
  return written;
}
