// The binary interface is that of Linux, number by number and field by field.
#include <catch2/catch.hpp>
#include <string>

#include "tests/sockets/layout.h"

namespace millrace::sockets {
namespace {

TEST_CASE("numbers and layouts are those of the system's own header") {
  int count = 0;
  for (; facts_here[count].what != nullptr; ++count) {
    INFO(facts_here[count].what);
    REQUIRE(std::string(facts_here[count].what) == facts_in_linux[count].what);
    CHECK(facts_here[count].value == facts_in_linux[count].value);
  }
  CHECK(facts_in_linux[count].what == nullptr);
  CHECK(count > 300);
}

}  // namespace
}  // namespace millrace::sockets
