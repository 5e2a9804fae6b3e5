// Aligned columns for a terminal.
#pragma once

#include <string>
#include <vector>

namespace millrace::ctl {

class Table {
 public:
  explicit Table(std::vector<std::string> headings) { rows_.push_back(std::move(headings)); }

  /// As many cells as there are headings. Cells that are numbers go to the right.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() == 1; }
  std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first are the headings
};

}  // namespace millrace::ctl
