// What the log says of associations, their paths and the ports.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/lcore/control.h"

namespace millrace {

class Engine;

/// Decides: what is worth a line, at which level, and how many lines a second may have. Main
/// thread.
class Journal {
 public:
  static constexpr std::uint32_t kLinesPerSecond = 100;

  /// `name_of` names the application behind an owner.
  explicit Journal(std::function<std::string(Owner)> name_of) : name_of_(std::move(name_of)) {}

  void take(std::size_t lcore, const Note& note);
  /// Once a second, however often it is called: links that came or went, hosts that claim our
  /// addresses, and how many lines were left out.
  /// Returns whether a link has come up.
  bool look(Time now, const Engine& engine);

 private:
  bool look_at_links(const Engine& engine);
  void look_at_losses(const Engine& engine);

  std::function<std::string(Owner)> name_of_;
  Time next_look_;
  std::uint32_t lines_ = 0;  // of this second
  std::uint64_t left_out_ = 0;
  std::uint64_t notes_lost_ = 0;  // of which the log has told
  std::uint64_t conflicts_ = 0;
  std::vector<bool> are_links_up_;
};

}  // namespace millrace
