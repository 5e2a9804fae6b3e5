// What mr-diameter-client sends and how it judges what comes back: requests that can be verified,
// and the times that their answers took.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "diameter.h"

/// Microseconds of the monotonic clock.
inline std::int64_t now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

/// Requests numbered from 0; a request's number is its hop-by-hop identifier, too.
class DiameterLoad {
 public:
  static constexpr std::size_t kBytesMin = 100;
  static constexpr std::size_t kBytesMax = 1500;

  /// The next request. It counts when sent() says that it went.
  const std::string& next(std::uint32_t command) {
    const auto number = static_cast<std::uint32_t>(sent_at_.size());
    const bool is_routed = command == diameter::kCreditControl;
    const std::uint8_t flags = diameter::kRequest | (is_routed ? diameter::kProxiable : 0);
    writer_.begin(
        {flags, command, is_routed ? diameter::kCreditControlApplication : 0, number, number});
    if (is_routed) writer_.text(diameter::kSessionId, "client.millrace.example;1;1");
    writer_.text(diameter::kOriginHost, "client.millrace.example");
    writer_.text(diameter::kOriginRealm, "millrace.example");
    if (command == diameter::kCapabilitiesExchange) {
      writer_.text(diameter::kHostIpAddress, std::string_view("\0\1\177\0\0\1", 6));
      writer_.number(diameter::kVendorId, 0);
      writer_.text(diameter::kProductName, "Millrace");
    }
    if (command != diameter::kDeviceWatchdog)
      writer_.number(diameter::kAuthApplicationId, diameter::kCreditControlApplication);
    if (is_routed) {
      writer_.text(diameter::kDestinationRealm, "millrace.example");
      writer_.number(diameter::kCcRequestType, 4);
      writer_.number(diameter::kCcRequestNumber, number);
      writer_.text(diameter::kClass, filler(number));
    }
    return writer_.finish();
  }
  void sent() { sent_at_.push_back(now_us()); }

  /// Takes an answer in; says what is wrong with it, or nothing.
  const char* on_answer(std::string_view message) {
    const auto header = diameter::Header::read(message);
    if (!header || header->is_request()) return "not an answer";
    const std::uint32_t number = header->hop_by_hop;
    if (number >= sent_at_.size() || header->end_to_end != number) return "answers no request";
    const bool is_routed = header->command == diameter::kCreditControl;
    bool is_filled = !is_routed;
    bool is_success = true;
    const bool is_good = diameter::each_avp(
        message, [&](std::uint32_t code, std::string_view, std::string_view value) {
          if (code == diameter::kClass) is_filled = value == filler(number);
          if (code == diameter::kResultCode && value.size() == 4)
            is_success = diameter::number_at(value, 0) == diameter::kSuccess;
        });
    if (!is_good || !is_filled) return "bytes are not those that were sent";
    if (!is_success) return "the server refuses";
    record(number);
    return nullptr;
  }

  std::uint64_t sent_count() const { return sent_at_.size(); }
  std::uint64_t outstanding() const { return sent_at_.size() - answered_; }

  /// One line of JSON: of the time since the last one, or with `lost` of everything.
  void report(bool is_last, double seconds) {
    std::vector<std::uint32_t>& times = is_last ? all_ : recent_;
    std::sort(times.begin(), times.end());
    const auto within = [&times](double share) {
      return times.empty() ? 0u : times[static_cast<std::size_t>(share * double(times.size() - 1))];
    };
    std::printf("{\"sent\": %zu, \"answered\": %lu, ", sent_at_.size(),
                static_cast<unsigned long>(answered_));
    if (is_last)
      std::printf("\"lost\": %lu, \"duplicates\": %lu, \"longest_gap_ms\": %.1f, ",
                  static_cast<unsigned long>(outstanding()),
                  static_cast<unsigned long>(duplicates_), double(longest_gap_us_) / 1000);
    std::printf(
        "\"rate\": %.1f, \"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u}\n",
        seconds > 0 ? double(times.size()) / seconds : 0, within(0.5), within(0.99), within(0.999),
        times.empty() ? 0u : times.back());
    std::fflush(stdout);
    recent_.clear();
  }

 private:
  static constexpr std::int64_t kAnswered = -1;

  /// Bytes that depend on the request, in a size that spreads the messages over the range.
  std::string_view filler(std::uint32_t number) {
    constexpr std::size_t kRest = 180;  // of a routed request, about
    const std::size_t wanted = kBytesMin + number * 2654435761u % (kBytesMax - kBytesMin);
    filler_.resize(wanted > kRest ? wanted - kRest : 4);
    for (std::size_t i = 0; i < filler_.size(); ++i)
      filler_[i] = static_cast<char>(number * 7 + i * 31);
    return filler_;
  }
  void record(std::uint32_t number) {
    if (sent_at_[number] == kAnswered) {
      ++duplicates_;
      return;
    }
    const std::int64_t now = now_us();
    const auto time = static_cast<std::uint32_t>(now - sent_at_[number]);
    if (last_answer_us_ != 0) longest_gap_us_ = std::max(longest_gap_us_, now - last_answer_us_);
    last_answer_us_ = now;
    sent_at_[number] = kAnswered;
    ++answered_;
    all_.push_back(time);
    recent_.push_back(time);
  }

  diameter::Writer writer_;
  std::string filler_;
  std::vector<std::int64_t> sent_at_;
  std::vector<std::uint32_t> all_, recent_;  // microseconds
  std::uint64_t answered_ = 0;
  std::uint64_t duplicates_ = 0;
  std::int64_t last_answer_us_ = 0;
  std::int64_t longest_gap_us_ = 0;
};
