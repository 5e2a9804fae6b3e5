// Millrace as a contestant: two engines of one lcore joined by a wire in memory, with an
// application on either side that uses millrace.h.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "api/millrace.h"
#include "bench/clocks.h"
#include "bench/content.h"
#include "bench/contestant.h"
#include "drivers/memory_port.h"
#include "engine/lcore/host.h"

namespace millrace::bench {

class MillracePair : public Contestant {
 public:
  explicit MillracePair(Clock clock = {});
  ~MillracePair() override;

  Work transfer(const Traffic& traffic, Duration span) override;
  Work set_up(Duration span) override;
  void hold(std::size_t associations) override;

  /// As transfer() and set_up(), but so many of them (or some more, either way): what is done
  /// depends on nothing else. A flow in place is opened first, when all has arrived.
  void open(Flow& flow);
  void carry(Flow& flow, std::uint64_t messages);
  void set_up_some(std::uint64_t associations);
  /// The sizes of the SCTP packets of one set-up and shut-down, in bytes, of both ends.
  std::vector<std::size_t> packets_of_set_up();

 private:
  struct Application {
    mr_context* context = nullptr;
    std::uint64_t up = 0;    // associations that came up, ever
    std::uint64_t down = 0;  // and were shut down
    mr_association last = 0;
  };

  // Messages that go one way.
  struct Way {
    Application& from;
    Application& to;
    Writer& writer;
    Reader& reader;
    std::uint32_t flags = 0;  // of mr_send()
    bool is_in_place = false;
  };
  using Ways = std::span<const Way>;

  std::unique_ptr<Host> make_host(const char* address, std::size_t end);
  void turn();
  void note_packets(std::size_t from, std::vector<std::size_t>& sizes);
  void connect();
  /// Takes the events of set-up and shut-down of one side; `shuts_down` what came up.
  void take_events(Application& application, bool shuts_down);
  void run_until(std::uint64_t up, std::uint64_t down);
  void send_for(Ways ways, Duration span);
  void go_round(Ways ways);
  void drain(Ways ways);
  std::array<Way, 2> ways_of(Flow& flow);
  static void fill_slots(const Way& way);
  static bool send_some(const Way& way, std::uint32_t flags);
  static int send_one(const Way& way, std::uint32_t flags);
  void receive(Ways ways);
  static void receive(const Way& way);

  Clock clock_;
  BufferPool pool_;
  BufferSlab memory_;
  drivers::MemoryWire wire_;
  std::unique_ptr<Host> left_;
  std::unique_ptr<Host> right_;
  Application client_;
  Application server_;
  mr_address server_address_{};
};

}  // namespace millrace::bench
