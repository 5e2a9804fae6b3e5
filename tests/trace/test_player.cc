// The player of traces itself: what is not as a script says must fail, at its line.
#include <catch2/catch.hpp>

#include "tests/trace/player.h"

namespace millrace::trace {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

std::string outcome(const std::string& script) {
  return play("script", script).value_or("passed");
}

TEST_CASE("a script that says what happens passes") {
  CHECK(outcome("listen\n"
                "< INIT(tag=0x99 tsn=7)\n"
                "> tag=0x99 INIT_ACK(os=10 tag=?mine cookie=?jar)\n"
                "< tag=$mine COOKIE_ECHO(cookie=$jar) DATA(tsn=1 data=\"hello\")\n"
                "> COOKIE_ACK SACK(cum=1 gaps=none)\n"
                "event message data=\"hello\"\n"
                "+10 silence\n") == "passed");
}

TEST_CASE("a field that is not as expected is named with its line") {
  const std::string said = outcome("established\n< DATA(tsn=2)\n> SACK(cum=0 gaps=3-3)\n");
  CHECK_THAT(said, StartsWith("script:3: SACK: expected gaps=3-3, got 2-2"));
  CHECK_THAT(said, Contains("the last packets and events"));
  CHECK_THAT(outcome("established\n< DATA(tsn=2)\n> SACK(cum=1 gaps=2-2)\n"),
             Contains("expected cum=1, got 0"));
}

TEST_CASE("a packet that does not come fails") {
  CHECK_THAT(outcome("established\n+1 > SACK\n"), Contains("nothing was sent"));
}

TEST_CASE("a packet that no line expects fails") {
  const std::string script = "established\n< DATA(tsn=2)\n";
  CHECK_THAT(outcome(script), Contains("an unexpected packet"));
  CHECK_THAT(outcome(script + "< DATA(tsn=3)\n"), StartsWith("script:3: an unexpected packet"));
  CHECK_THAT(outcome(script + "+1 silence\n"), StartsWith("script:3: an unexpected packet"));
  CHECK(outcome(script + "> SACK\n") == "passed");
}

TEST_CASE("a packet at another time fails") {
  const std::string script = "established active rwnd=5000\nsend\n> DATA(tsn=1)\n";
  CHECK(outcome(script + "+1 > DATA(tsn=1)\n") == "passed");
  CHECK(outcome(script + "+0.5..1.5 > DATA(tsn=1)\n") == "passed");
  CHECK_THAT(outcome(script + "+2 > DATA(tsn=1)\n"), Contains("expected it at"));
  CHECK_THAT(outcome(script + "+0.5 > DATA(tsn=1)\n"), Contains("nothing was sent"));
}

TEST_CASE("another chunk, one too many and one too few fail") {
  const std::string script = "listen\n< INIT\n> INIT_ACK\n< COOKIE_ECHO DATA(tsn=1)\n";
  CHECK(outcome(script + "> COOKIE_ACK SACK\n") == "passed");
  CHECK(outcome(script + "> COOKIE_ACK ...\n") == "passed");
  CHECK_THAT(outcome(script + "> COOKIE_ACK\n"), Contains("there is another chunk"));
  CHECK_THAT(outcome(script + "> COOKIE_ACK SACK SACK\n"), Contains("the packet ends"));
  CHECK_THAT(outcome(script + "> COOKIE_ACK DATA\n"), Contains("expected DATA"));
}

TEST_CASE("another tag or address fails") {
  const std::string script = "established peers=10.0.0.9,10.0.1.9\n< from=10.0.1.9 DATA(tsn=2)\n";
  CHECK(outcome(script + "> to=10.0.1.9 SACK\n") == "passed");
  CHECK_THAT(outcome(script + "> to=10.0.0.9 SACK\n"), Contains("expected to=10.0.0.9"));
  CHECK_THAT(outcome(script + "> tag=1 SACK\n"), Contains("expected the tag 1"));
}

TEST_CASE("events, counters, states and statuses that are not as expected fail") {
  CHECK_THAT(outcome("established\nevent down\n"), Contains("it did not come"));
  CHECK_THAT(outcome("established\n< ABORT\nevent down reason=refused\n"),
             Contains("expected reason=refused, got aborted_by_peer"));
  CHECK_THAT(outcome("established\n< ABORT\nevents none\n"), Contains("expected no events"));
  CHECK_THAT(outcome("established\ncounter drop_bad_chunk +1\n"), Contains("got +0"));
  CHECK_THAT(outcome("established\nstate CLOSED\n"), Contains("got ESTABLISHED"));
  CHECK_THAT(outcome("established\nsend sid=10\n"), Contains("got bad_stream"));
  CHECK(outcome("established\nsend sid=10 -> bad_stream\n") == "passed");
  CHECK_THAT(outcome("established\npath 10.0.0.9 cwnd=1\n"), Contains("expected cwnd=1"));
}

TEST_CASE("what makes no sense fails") {
  CHECK_THAT(outcome("established\n> NONSENSE\n"), Contains("nothing was sent"));
  CHECK_THAT(outcome("established\n< NONSENSE\n"), Contains("is no chunk"));
  CHECK_THAT(outcome("frobnicate\n"), Contains("is no command"));
  CHECK_THAT(outcome("< DATA(tsn=1\n"), Contains("open quote or parenthesis"));
  CHECK_THAT(outcome("listen\n< tag=$nobody DATA\n"), Contains("nothing was named $nobody"));
  CHECK_THAT(outcome("config no_such=1\n"), Contains("is no parameter"));
}

}  // namespace
}  // namespace millrace::trace
