// Throughput by loss and round trip, as a table that is kept; and many messages over a bad wire.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/sim/transfer.h"
#include "tests/sim/violation.h"

namespace {

using namespace millrace;
using namespace millrace::sim;

constexpr std::int64_t kSeconds = 10;
constexpr std::uint64_t kBytesPerSecond = 12'500'000;
constexpr std::uint32_t kMessageBytes = 1400;

std::string cell(double loss_percent, int round_trip_ms) {
  Transfer transfer({loss_percent / 100, milliseconds(round_trip_ms), kBytesPerSecond},
                    kMessageBytes);
  transfer.run(1u << 20, seconds(kSeconds));
  return std::to_string(transfer.ledger().delivered_bytes() / kSeconds);
}

std::string table() {
  std::string text =
      "# Payload bytes a second over a wire of 100 Mbit/s, by loss in each direction and round "
      "trip.\n"
      "# Virtual time, so every machine has the same. `transfer --write FILE` makes it anew.\n"
      "loss %      1 ms     10 ms     50 ms    200 ms\n";
  char words[32];
  for (const double loss : {0.0, 0.1, 1.0, 3.0, 10.0}) {
    std::snprintf(words, sizeof words, "%6.1f", loss);
    text += words;
    for (const int round_trip : {1, 10, 50, 200}) {
      std::snprintf(words, sizeof words, "%10s", cell(loss, round_trip).c_str());
      text += words;
    }
    text += "\n";
  }
  return text;
}

int check(const std::string& path) {
  std::ifstream file(path);
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  const std::string now = table();
  if (kept == now) return 0;
  std::printf("throughput is not what %s says; if it is meant to be, --write it.\n%s\nnow:\n%s",
              path.c_str(), kept.c_str(), now.c_str());
  return 1;
}

int send_many(std::uint64_t messages, double loss) {
  Transfer transfer({loss, milliseconds(10), 0}, 100);
  const Time start = transfer.now();
  transfer.run(messages, seconds(1'000'000));
  transfer.ledger().settle();
  std::printf("%llu messages sent, %llu delivered, %llu chunks sent again, %.1f virtual seconds\n",
              static_cast<unsigned long long>(transfer.ledger().accepted()),
              static_cast<unsigned long long>(transfer.ledger().delivered()),
              static_cast<unsigned long long>(transfer.retransmissions()),
              static_cast<double>((transfer.now() - start).ns) / 1e9);
  return transfer.ledger().delivered() == messages && transfer.retransmissions() > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Throughput by loss and round trip, and many messages over a bad wire.");
  std::string kept, written;
  std::uint64_t messages = 0;
  double loss = 0.2;
  app.add_option("--check", kept, "compare the table of throughput with this file");
  app.add_option("--write", written, "write the table to this file");
  app.add_option("--messages", messages, "send so many messages, and see that all are right");
  app.add_option("--loss", loss, "of packets, from 0 to 1");
  CLI11_PARSE(app, argc, argv);
  try {
    if (messages > 0) return send_many(messages, loss);
    if (!kept.empty()) return check(kept);
    const std::string text = table();
    if (written.empty()) return std::fputs(text.c_str(), stdout) < 0;
    return std::ofstream(written) << text ? 0 : 1;
  } catch (const Violation& violation) {
    std::fprintf(stderr, "%s\n", violation.what());
    return 1;
  }
}
