#include "tests/e2e/traffic/tally.h"

#include <algorithm>
#include <cstdio>

namespace millrace::traffic {

namespace {

constexpr std::size_t kErrorsMax = 32;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

std::string pair(const char* key, std::uint64_t value) {
  return quoted(key) + ": " + std::to_string(value) + ", ";
}

}  // namespace

void Tally::complain(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (errors_.size() < kErrorsMax) errors_.push_back(text);
}

void Tally::on_end(End end) {
  const std::lock_guard lock(mutex_);
  end_ = std::max(end_, end);
}

bool Tally::has_errors() {
  const std::lock_guard lock(mutex_);
  return !errors_.empty();
}

void Tally::print(const std::string& role, bool is_ok, double seconds) {
  const std::lock_guard lock(mutex_);
  if (is_printed_) return;
  is_printed_ = true;
  constexpr const char* kEnds[] = {"none", "orderly", "aborted", "lost"};
  std::string line = "{\"role\": " + quoted(role) + ", \"ok\": " + (is_ok ? "true" : "false") +
                     ", " + pair("sent", sent) + pair("sent_bytes", sent_bytes) +
                     pair("received", received) + pair("received_bytes", received_bytes) +
                     pair("failed", failed) + pair("short", short_messages) +
                     pair("associations", associations) + pair("restarts", restarts) +
                     pair("requests", requests) + pair("duplicates", duplicates) +
                     "\"shutdown\": " + quoted(kEnds[static_cast<std::size_t>(end_)]) +
                     ", \"seconds\": " + std::to_string(seconds) + ", \"errors\": [";
  for (std::size_t i = 0; i < errors_.size(); ++i) {
    line += (i == 0 ? "" : ", ") + quoted(errors_[i]);
  }
  std::printf("%s]}\n", line.c_str());
  std::fflush(stdout);
}

}  // namespace millrace::traffic
