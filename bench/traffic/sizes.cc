#include "bench/traffic/sizes.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace millrace::bench {
namespace {

constexpr std::uint32_t kWeightMax = 1'000'000;
constexpr std::size_t kPartsMax = 64;

// What the Internet's routers and a core network's signalling links see, roughly.
constexpr std::pair<std::string_view, const char*> kNamed[] = {
    {"imix", "64:7,576:4,1400:1"},
    {"signalling", "60-120:5,120-400:10,400-1000:4,1000-1500:1"},
};

bool read(std::string_view text, std::uint32_t least, std::uint32_t most, std::uint32_t& number) {
  const char* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, number);
  return fault == std::errc() && stop == end && number >= least && number <= most;
}

bool read_part(std::string_view text, SizeMix::Part& part) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    if (!read(text.substr(colon + 1), 1, kWeightMax, part.weight)) return false;
    text = text.substr(0, colon);
  }
  const std::size_t dash = text.find('-');
  if (!read(text.substr(0, dash), SizeMix::kLeast, SizeMix::kMost, part.least)) return false;
  part.most = part.least;
  return dash == std::string_view::npos ||
         (read(text.substr(dash + 1), SizeMix::kLeast, SizeMix::kMost, part.most) &&
          part.most >= part.least);
}

}  // namespace

std::optional<SizeMix> SizeMix::parse(const std::string& text, std::string& error) {
  std::string_view rest = text;
  for (const auto& [name, meaning] : kNamed) {
    if (text == name) rest = meaning;
  }
  SizeMix mix;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view word = rest.substr(0, comma);
    Part part;
    if (!read_part(word, part) || mix.parts_.size() == kPartsMax) {
      error = "'" + std::string(word) + "' is no message size: SIZE, LEAST-MOST or either with " +
              ":WEIGHT, from " + std::to_string(kLeast) + " to " + std::to_string(kMost) +
              " bytes, or imix or signalling";
      return std::nullopt;
    }
    mix.parts_.push_back(part);
    mix.weights_ += part.weight;
    if (comma == std::string_view::npos) return mix;
    rest.remove_prefix(comma + 1);
  }
}

std::uint32_t SizeMix::draw(Dice& dice) const {
  std::size_t i = 0;
  if (parts_.size() > 1) {
    for (std::uint64_t at = dice.below(weights_); at >= parts_[i].weight; ++i)
      at -= parts_[i].weight;
  }
  const Part& part = parts_[i];
  if (part.least == part.most) return part.least;
  return part.least + static_cast<std::uint32_t>(dice.below(part.most - part.least + 1));
}

std::uint32_t SizeMix::greatest() const {
  std::uint32_t greatest = 0;
  for (const Part& part : parts_) greatest = std::max(greatest, part.most);
  return greatest;
}

double SizeMix::mean() const {
  double sum = 0;
  for (const Part& part : parts_) sum += part.weight * (0.5 * part.least + 0.5 * part.most);
  return sum / static_cast<double>(weights_);
}

}  // namespace millrace::bench
