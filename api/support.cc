// Small things that need no context: addresses as text, the last error, the bell towards an lcore.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "api/context.h"
#include "engine/base/address.h"

namespace millrace::api {
namespace {

thread_local std::string last_error_text;          // when it had to be put together
thread_local const char* last_error = "no error";  // what mr_last_error() gives

}  // namespace

int failed(int status, const char* text) {
  last_error = text;
  return status;
}

int failed(int status, const std::string& text) {
  last_error_text = text;
  last_error = last_error_text.c_str();
  return status;
}

const char* last_error_of_thread() {
  return last_error;
}

void ring(int bell) {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the lcore has been rung often enough.
  [[maybe_unused]] const ssize_t written = write(bell, &one, sizeof one);
}

void close_socket(ipc::ClientMemory& memory) {
  if (memory.socket >= 0) memory.close_descriptor(memory.socket);
  memory.socket = -1;
}

}  // namespace millrace::api

extern "C" int mr_address_parse(const char* text, mr_address* address) {
  const auto parsed = text != nullptr ? millrace::IpAddress::parse(text) : std::nullopt;
  if (!parsed) return millrace::api::failed(-22, "not an IP address");
  std::memcpy(address->bytes, parsed->bytes.data(), sizeof address->bytes);
  return 0;
}

extern "C" const char* mr_address_format(const mr_address* address, char* text, size_t size) {
  millrace::IpAddress ip;
  std::memcpy(ip.bytes.data(), address->bytes, sizeof address->bytes);
  if (size > 0) std::snprintf(text, size, "%s", ip.to_string().c_str());
  return text;
}

extern "C" const char* mr_last_error(void) {
  return millrace::api::last_error_of_thread();
}
