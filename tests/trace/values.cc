#include "tests/trace/values.h"

#include <cstdlib>

namespace millrace::trace {
namespace {

std::uint32_t plain_number(const std::string& text) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 0);
  if (text.empty() || *end != '\0') throw Failure("`" + text + "` is no number");
  return static_cast<std::uint32_t>(value);
}

Octets from_hex(const std::string& text) {
  if (text.size() % 2 != 0) throw Failure("`" + text + "` has half a byte");
  Octets bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    char* end = nullptr;
    const std::string pair = text.substr(i, 2);
    bytes.push_back(static_cast<std::uint8_t>(std::strtoul(pair.c_str(), &end, 16)));
    if (*end != '\0') throw Failure("`" + text + "` is not hexadecimal");
  }
  return bytes;
}

// Splits at dots outside of quotes.
std::vector<std::string> pieces_of(const std::string& text) {
  std::vector<std::string> pieces(1);
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == '.' && !quoted) {
      pieces.emplace_back();
    } else {
      pieces.back() += c;
    }
  }
  return pieces;
}

}  // namespace

const Value& Symbols::get(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Failure("nothing was named $" + name);
  return found->second;
}

void Symbols::restore(const std::string& name) {
  const auto found = saved_.find(name);
  if (found == saved_.end()) throw Failure("nothing was saved as " + name);
  for (const auto& [key, value] : found->second) values_[key] = value;
}

std::uint32_t Symbols::number(const std::string& text) const {
  if (text.empty() || text[0] != '$') return plain_number(text);
  const std::size_t at = text.find_first_of("+-", 1);
  const std::uint32_t base = get(text.substr(1, at - 1)).number;
  return at == std::string::npos ? base : base + plain_number(text.substr(at));
}

Octets Symbols::piece(const std::string& text) const {
  if (text.empty()) return {};
  if (text[0] == '"') {
    const std::string inner = text.substr(1, text.size() - 2);
    return {inner.begin(), inner.end()};
  }
  if (text[0] != '$') return from_hex(text);
  const std::size_t at = text.find_first_of("^/");
  Octets bytes = get(text.substr(1, at - 1)).bytes;
  if (at == std::string::npos) return bytes;
  const std::size_t index = plain_number(text.substr(at + 1));
  if (index > bytes.size()) throw Failure("`" + text + "` is longer than it");
  if (text[at] == '/') {
    bytes.resize(index);
  } else {
    bytes.at(index) ^= 1;
  }
  return bytes;
}

Octets Symbols::bytes(const std::string& text) const {
  Octets all;
  for (const std::string& part : pieces_of(text)) {
    const std::size_t star = part.rfind('*');
    const bool repeats = star != std::string::npos && part.back() != '"';
    const Octets once = piece(repeats ? part.substr(0, star) : part);
    const std::uint32_t count = repeats ? plain_number(part.substr(star + 1)) : 1;
    for (std::uint32_t i = 0; i < count; ++i) all.insert(all.end(), once.begin(), once.end());
  }
  return all;
}

std::string to_hex(const Octets& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

}  // namespace millrace::trace
