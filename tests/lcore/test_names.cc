#include <catch2/catch.hpp>

#include "engine/assoc/cookie.h"
#include "engine/lcore/association_marks.h"
#include "engine/lcore/association_name.h"
#include "engine/lcore/context_table.h"
#include "engine/lcore/parameters.h"

using namespace millrace;

TEST_CASE("An association's name holds its lcore, index and generation", "[lcore]") {
  const AssociationHandle handle{0x00abcdef, 0x01234567};
  const AssociationName name = name_of(63, handle);
  CHECK(name == 0x012345673fabcdef);
  CHECK(lcore_of(name) == 63);
  CHECK(handle_of(name) == handle);
}

TEST_CASE("A mark does not pass from one association to the next of its index", "[lcore]") {
  AssociationMarks marks(4);
  marks.at({2, 7}).is_up = true;
  CHECK(marks.at({2, 7}).is_up);
  CHECK_FALSE(marks.at({2, 8}).is_up);
  CHECK_FALSE(marks.at({2, 7}).is_up);
}

TEST_CASE("An owner is found until it is removed, and its successor is another", "[lcore]") {
  ContextTable table(4);
  const Owner first = owner_of(3, 1);
  const Owner second = owner_of(3, 2);
  Context* context = table.add(first, nullptr);
  CHECK(table.find(first) == context);
  CHECK(table.find(second) == nullptr);
  CHECK(table.serving().size() == 1);
  table.leave(*context);
  CHECK(table.serving().empty());
  CHECK(table.channels().empty());
  CHECK(table.leaving().size() == 1);
  CHECK(table.find(first) == context);
  table.remove(*context);
  CHECK(table.find(first) == nullptr);
  CHECK(table.leaving().empty());
  table.add(second, nullptr);
  CHECK(table.find(first) == nullptr);
  CHECK(table.find(second) != nullptr);
}

//= rfc9260 6.2#13,14 type=test
TEST_CASE("Parameters are taken within their ranges only", "[lcore]") {
  Parameters parameters;
  CHECK(apply_parameter(ipc::Parameter::rto_min_ms, 100, parameters));
  CHECK(parameters.rto_min == milliseconds(100));
  CHECK_FALSE(apply_parameter(ipc::Parameter::rto_max_ms, 99, parameters));  // below RTO.Min
  CHECK(parameters.rto_max == seconds(60));
  CHECK_FALSE(apply_parameter(ipc::Parameter::sack_delay_ms, 501, parameters));
  // As long as what a cookie is sealed with is kept in any case.
  CHECK(apply_parameter(ipc::Parameter::cookie_lifetime_ms, 3'600'000, parameters));
  CHECK_FALSE(apply_parameter(ipc::Parameter::cookie_lifetime_ms, 3'600'001, parameters));
  CHECK(parameters.cookie_lifetime == kCookieLifetimeMax);
  CHECK_FALSE(apply_parameter(ipc::Parameter::path_max_retrans, 256, parameters));
  CHECK(apply_parameter(ipc::Parameter::path_max_retrans, 0, parameters));
  CHECK_FALSE(apply_parameter(ipc::Parameter::association_max_retrans, 0, parameters));
  CHECK(apply_parameter(ipc::Parameter::heartbeat_interval_ms, 0, parameters));
}
