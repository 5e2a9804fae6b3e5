#include "api/sockets/rendezvous.h"

#include <sys/random.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "api/sockets/real_calls.h"

namespace millrace::sockets {
namespace {

constexpr char kSocketPrefix[] = "millrace-socket/";
constexpr char kProcessPrefix[] = "millrace-process/";
constexpr std::size_t kOwnerDigits = 32;
constexpr int kWaiting = 128;  // connections that nobody has looked at yet

socklen_t abstract(const std::string& name, sockaddr_un& address) {
  address = {};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::min(name.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path + 1, name.data(), size);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size);
}

int bind_to(int descriptor, const std::string& name) {
  sockaddr_un address;
  const socklen_t length = abstract(name, address);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return real().bind(descriptor, generic, length) == 0 ? 0 : -errno;
}

int open_stream() {
  const int descriptor = real().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return descriptor >= 0 ? descriptor : -errno;
}

int fail(int descriptor, int status) {
  real().close(descriptor);
  return status;
}

}  // namespace

std::string new_owner_name() {
  std::uint64_t bits[2] = {};
  if (getrandom(bits, sizeof bits, 0) != sizeof bits) {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    bits[0] = static_cast<std::uint64_t>(now.tv_nsec);  // a name that is taken is an error later
  }
  char digits[kOwnerDigits + 1];
  std::snprintf(digits, sizeof digits, "%016lx%016lx", bits[0], bits[1]);
  return digits;
}

int give_name(int descriptor, const SocketName& name) {
  return bind_to(descriptor, kSocketPrefix + name.owner + "/" + std::to_string(name.number));
}

bool read_name(int descriptor, SocketName& name) {
  sockaddr_un address{};
  socklen_t length = sizeof address;
  if (real().getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return false;
  constexpr std::size_t kStart = offsetof(sockaddr_un, sun_path) + 1;
  constexpr std::size_t kPrefix = sizeof kSocketPrefix - 1;
  if (address.sun_family != AF_UNIX || length > sizeof address || address.sun_path[0] != 0 ||
      length < kStart + kPrefix + kOwnerDigits + 2)
    return false;
  const std::string text(address.sun_path + 1, length - kStart);
  if (text.compare(0, kPrefix, kSocketPrefix) != 0 || text[kPrefix + kOwnerDigits] != '/')
    return false;
  name.owner = text.substr(kPrefix, kOwnerDigits);
  name.number = std::strtoull(text.c_str() + kPrefix + kOwnerDigits + 1, nullptr, 10);
  return name.number != 0;
}

int open_rendezvous(const std::string& owner) {
  const int descriptor = open_stream();
  if (descriptor < 0) return descriptor;
  if (const int bad = bind_to(descriptor, kProcessPrefix + owner); bad != 0)
    return fail(descriptor, bad);
  return real().listen(descriptor, kWaiting) == 0 ? descriptor : fail(descriptor, -errno);
}

int reach(const std::string& owner) {
  const int descriptor = open_stream();
  if (descriptor < 0) return descriptor;
  sockaddr_un address;
  const socklen_t length = abstract(kProcessPrefix + owner, address);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return real().connect(descriptor, generic, length) == 0 ? descriptor : fail(descriptor, -errno);
}

}  // namespace millrace::sockets
