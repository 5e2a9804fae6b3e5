#include "tests/trace/script.h"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <sstream>

namespace millrace::trace {
namespace {

// Words of a line; quotes and parentheses hold together what is in them.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  int depth = 0;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (!quoted && c == '#' && depth == 0 && word.empty()) break;
    if (!quoted && c == '(') ++depth;
    if (!quoted && c == ')' && --depth < 0) throw Failure("a parenthesis that was never opened");
    if (!quoted && depth == 0 && std::isspace(static_cast<unsigned char>(c))) {
      if (!word.empty()) words.push_back(word);
      word.clear();
      continue;
    }
    word += c;
  }
  if (quoted || depth != 0) throw Failure("an open quote or parenthesis");
  if (!word.empty()) words.push_back(word);
  return words;
}

Field field_of(const std::string& word) {
  const std::size_t at = word.find('=');
  if (at == std::string::npos) return {word, "", false};
  return {word.substr(0, at), word.substr(at + 1), true};
}

Chunk chunk_of(const std::string& word) {
  Chunk chunk;
  const std::size_t open = word.find('(');
  if (open == std::string::npos) {
    const std::vector<std::string> parts = split(word, '*');
    chunk.name = parts[0];
    if (parts.size() > 1) chunk.repeat = std::strtoul(parts[1].c_str(), nullptr, 10);
    return chunk;
  }
  const std::size_t close = word.rfind(')');
  chunk.name = word.substr(0, open);
  for (const std::string& inner : words_of(word.substr(open + 1, close - open - 1))) {
    chunk.fields.push_back(field_of(inner));
  }
  const std::string behind = word.substr(close + 1);
  if (behind.size() > 1 && behind[0] == '*') {
    chunk.repeat = std::strtoul(behind.c_str() + 1, nullptr, 10);
  } else if (!behind.empty()) {
    throw Failure("`" + behind + "` behind a chunk");
  }
  return chunk;
}

When when_of(const std::string& word) {
  When when;
  when.absolute = word[0] == '@';
  const std::string span = word.substr(1);
  const std::size_t dots = span.find("..");
  when.from = parse_seconds(span.substr(0, dots));
  when.to = dots == std::string::npos ? when.from : parse_seconds(span.substr(dots + 2));
  return when;
}

bool is_chunk(const std::string& word) {
  const std::size_t open = word.find('(');
  const std::size_t equals = word.find('=');
  return std::isupper(static_cast<unsigned char>(word[0])) &&
         (equals == std::string::npos || (open != std::string::npos && open < equals));
}

void add_packet_word(Line& line, const std::string& word) {
  if (word == "...") {
    line.more_may_follow = true;
  } else if (is_chunk(word)) {
    line.chunks.push_back(chunk_of(word));
  } else {
    line.fields.push_back(field_of(word));
  }
}

Line line_of(std::size_t number, const std::string& text, std::vector<std::string> words) {
  Line line;
  line.number = number;
  line.text = text;
  if (words[0][0] == '+' || words[0][0] == '@') {
    line.when = when_of(words[0]);
    words.erase(words.begin());
    if (words.empty()) throw Failure("a time without anything that happens");
  }
  if (words[0] == "<" || words[0] == ">") {
    line.kind = words[0] == "<" ? Line::Kind::kInject : Line::Kind::kExpect;
    for (std::size_t i = 1; i < words.size(); ++i) add_packet_word(line, words[i]);
    return line;
  }
  line.command = words[0];
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "->" && i + 1 < words.size()) {
      line.result = words[++i];
    } else {
      line.fields.push_back(field_of(words[i]));
    }
  }
  return line;
}

}  // namespace

const Field* find_field(const Fields& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::vector<Line> parse_script(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream stream(text);
  std::string row;
  for (std::size_t number = 1; std::getline(stream, row); ++number) {
    try {
      std::vector<std::string> words = words_of(row);
      if (!words.empty()) lines.push_back(line_of(number, row, std::move(words)));
    } catch (const Failure& failure) {
      throw Failure(std::to_string(number) + ": " + failure.what());
    }
  }
  return lines;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  std::string part;
  while (std::getline(stream, part, separator)) parts.push_back(part);
  if (parts.empty()) parts.emplace_back();
  return parts;
}

Duration parse_seconds(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') throw Failure("`" + text + "` is no time in seconds");
  return nanoseconds(std::llround(value * 1e9));
}

}  // namespace millrace::trace
