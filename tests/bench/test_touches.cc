// How often each byte of a message is touched between the call that sends it and the event that
// brings it: counted, and compared with the table in ARCHITECTURE.md.
#include <catch2/catch.hpp>

#include <sys/mman.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "engine/base/crc32c.h"
#include "engine/base/crc32c_wide.h"
#include "tests/bench/watched_pair.h"

namespace millrace::bench {
namespace {

struct Column {
  std::size_t size, messages;
  bool is_in_place = false;  // the application writes the slot, before anything is counted
};
constexpr Column kColumns[] = {{64, 72}, {1400, 24}, {8192, 5}, {65536, 1}, {8192, 5, true}};

struct Line {
  const char* name;
  std::vector<double> figures;
};

std::vector<Line> count() {
  std::vector<Line> lines = {{"the application's buffer, loads", {}},
                             {"slot of the transmit arena, stores", {}},
                             {"slot of the transmit arena, loads", {}},
                             {"packet to be sent, stores", {}},
                             {"packet to be sent, loads", {}},
                             {"received packet, loads", {}},
                             {"receive arena, stores", {}},
                             {"anything else", {}}};
  WatchedPair pair;
  for (const Column& column : kColumns) {
    const Journey it = pair.carry(column.size, column.messages, column.is_in_place);
    const auto bytes = static_cast<double>(column.size * column.messages);
    CHECK(it.sent.bytes == column.size * column.messages);
    CHECK(it.received.bytes == column.size * column.messages);
    const std::uint64_t counts[] = {
        it.buffer.loads, it.slot.stores,
        it.slot.loads,   it.sent.stores,
        it.sent.loads,   it.received.loads,
        it.arena.stores, it.buffer.stores + it.received.stores + it.arena.loads};
    for (std::size_t k = 0; k < lines.size(); ++k)
      lines[k].figures.push_back(static_cast<double>(counts[k]) / bytes);
  }
  return lines;
}

std::string text(const std::vector<Line>& lines) {
  std::ostringstream all;
  all << std::fixed << std::setprecision(2);
  for (const Line& line : lines) {
    all << "| " << line.name;
    for (const double figure : line.figures) all << " | " << figure;
    all << " |\n";
  }
  return all.str();
}

/// The figures of the table's line of this name; none if it has no such line.
std::vector<double> line_of_table(const std::string& name) {
  std::ifstream document(MILLRACE_ROOT "/ARCHITECTURE.md");
  std::vector<double> figures;
  for (std::string line; std::getline(document, line);) {
    if (line.rfind("| " + name + " |", 0) != 0) continue;
    std::istringstream cells(line.substr(name.size() + 4));
    for (double figure; cells >> figure; cells.ignore(2, '|')) figures.push_back(figure);
  }
  return figures;
}

TEST_CASE("no byte of a payload is touched more often than ARCHITECTURE.md says") {
  const std::vector<Line> counted = count();
  CHECK(instructions_not_understood() == 0);
  INFO("counted:\n" << text(counted));
  // The table is of a processor with 512-bit registers. Where a copy's vectors are of another
  // width, they overlap in other places; and one that does not sum what it copies reads that once
  // more.
  const bool is_of_table = has_wide_crc32c();
  const double more = is_of_table ? 0.02 : 0.2;
  for (const Line& line : counted) {
    const std::vector<double> table = line_of_table(line.name);
    INFO(line.name);
    REQUIRE(table.size() == line.figures.size());
    const bool sums = std::strcmp(line.name, "packet to be sent, loads") == 0;
    for (std::size_t i = 0; i < table.size(); ++i) {
      CAPTURE(kColumns[i].size, kColumns[i].is_in_place);
      CHECK(line.figures[i] <= (sums && !sums_while_copying() ? 1 : table[i]) + more);
      if (is_of_table) CHECK(line.figures[i] >= table[i] - 0.2);  // and it is no loose one
    }
  }
}

TEST_CASE("what touches memory is counted, whatever instruction it is") {
  const std::size_t size = 3 * 4096;
  auto* const pages = static_cast<std::uint8_t*>(std::aligned_alloc(4096, size));
  std::memset(pages, 1, size);
  {
    Watched memory(pages, size, PROT_READ | PROT_WRITE);
    const auto touched = [&memory](auto&& code) {
      memory.forget_all();
      watch(code);
      return memory.of_all();
    };
    volatile std::uint8_t* const bytes = pages;
    const Touches one_by_one = touched([bytes] {
      for (std::size_t i = 0; i < 100; ++i)
        bytes[i] = static_cast<std::uint8_t>(bytes[200 + i] + 1);
    });
    CHECK(one_by_one.loads == 100);
    CHECK(one_by_one.stores == 100);

    volatile auto* const word = reinterpret_cast<std::uint64_t*>(pages + 4096 - 3);
    const Touches across_pages = touched([word] { *word = *word + 1; });
    CHECK(across_pages.loads == 8);
    CHECK(across_pages.stores == 8);

    const Touches repeated = touched([pages] {
      const std::uint8_t* from = pages;
      std::uint8_t* to = pages + 5000;
      std::size_t left = 300;
      asm volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(left) : : "memory");
    });
    CHECK(repeated.loads == 300);
    CHECK(repeated.stores == 300);

    // Of what masks leave out nothing counts, where there are masks: 303 bytes, in steps of 256.
    std::vector<std::uint8_t> aside(303);
    const Touches masked =
        touched([&] { Crc32c{}.add_copied(aside.data(), Bytes(pages + 4000, 303)); });
    CHECK(masked.loads == (sums_while_copying() ? 303 : masked.loads));
    CHECK(masked.stores == 0);
    CHECK(memory.of({pages + 3900, 100}).loads == 0);
  }
  CHECK(instructions_not_understood() == 0);
  std::free(pages);
}

}  // namespace
}  // namespace millrace::bench
