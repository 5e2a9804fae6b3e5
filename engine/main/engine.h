// The engine, for whoever has ports and threads: millraced, or a DPDK process of one's own.
//
//   std::string error;
//   auto engine = Engine::create(config, resources, error);
//   each lcore's thread:    while (running) engine->poll(lcore, now());
//   the main thread:        wait for engine->descriptor(); engine->poll_main(now());
//   at the end:             engine->stop(...); go on with both until engine->is_stopped()
//
// The engine does not know how its ports came about, nor which threads call it. It makes no thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/ipc/attach.h"
#include "engine/ipc/bell.h"
#include "engine/lcore/crew.h"
#include "engine/main/applications.h"
#include "engine/main/config.h"
#include "engine/main/dispatcher.h"
#include "engine/main/journal.h"

namespace millrace {

/// What an operator sees of a port.
struct PortStatus {
  std::string name;  ///< of the device
  std::string driver;
  PortTraits traits;
  bool is_up = false;
  std::uint32_t speed_mbps = 0;  ///< 0: unknown
  std::uint64_t received_packets = 0, received_bytes = 0, missed = 0, receive_errors = 0;
  std::uint64_t sent_packets = 0, sent_bytes = 0, send_errors = 0;
  std::uint64_t lost_on_purpose = 0;  ///< by the interface's impairment, both directions
};

/// Packet buffers of all lcores.
struct BufferUse {
  std::size_t count = 0;
  std::size_t free = 0;  ///< in no lcore's hands
};

/// What the engine is given: ports, and for each lcore its pool and its queue pairs.
struct EngineResources {
  struct Lcore {
    BufferPool* pool = nullptr;
    std::vector<PortQueue*> queues;  ///< by port
    unsigned cpu = 0;                ///< as the operator shall see it
  };
  std::vector<PortTraits> ports;
  std::vector<std::size_t> interface_ports;  ///< for each configured interface its port
  std::vector<Lcore> lcores;
  HashKey seed{};  ///< from the operating system's entropy
  std::string applications_socket;
  std::function<std::vector<PortStatus>()> port_statuses;  ///< main thread; may be empty
  std::function<BufferUse()> buffer_use;                   ///< main thread; may be empty
  bool has_huge_pages = false;
};

class Engine {
 public:
  /// nullptr, and `error` says why, when it cannot start.
  static std::unique_ptr<Engine> create(const Config& config, EngineResources resources,
                                        std::string& error);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Lcore threads, each for its own lcore.

  bool poll(std::size_t lcore, Time now);
  Time next_deadline(std::size_t lcore) const { return crew_->worker(lcore).next_deadline(); }
  /// Sleeps until something wakes the lcore or `longest` has passed.
  void sleep(std::size_t lcore, Duration longest);

  // Main thread.

  /// Readable when poll_main() has something to do; call it every 100 ms or so all the same.
  int descriptor() const { return epoll_; }
  void poll_main(Time now);
  void stop(OnExit how);
  /// Nothing is left of any application. Until then the lcores have to be polled.
  bool is_stopped() const { return is_stopping_ && applications_->count() == 0; }

  // Questions of the operator; main thread.

  const Config& config() const { return config_; }
  const EngineResources& resources() const { return resources_; }
  Dispatcher& dispatcher() { return *dispatcher_; }
  const Applications& applications() const { return *applications_; }
  const ipc::AttachServer& attach_server() const { return *server_; }
  std::size_t lcores() const { return crew_->size(); }
  const Worker& worker(std::size_t lcore) const { return crew_->worker(lcore); }
  std::int32_t associations(std::size_t lcore) const { return crew_->steering().load(lcore); }
  const Counters& counters(std::size_t lcore) const { return *counters_[lcore]; }
  bool is_stopping() const { return is_stopping_; }

 private:
  Engine(const Config& config, EngineResources resources);
  bool start(std::string& error);
  void announce();
  net::StackConfig stack_config() const;
  ipc::AttachOptions attach_options() const;
  bool watch(int descriptor);

  Config config_;
  EngineResources resources_;
  std::vector<std::unique_ptr<Counters>> counters_;
  std::vector<std::unique_ptr<ipc::LcoreBell>> bells_;
  std::unique_ptr<ipc::AttachServer> server_;  // its memory outlives the crew
  std::unique_ptr<Crew> crew_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Applications> applications_;
  Journal journal_{[this](Owner owner) { return applications_->name_of(owner); }};
  std::vector<ipc::AttachEvent> events_;
  int epoll_ = -1;
  bool is_stopping_ = false;
};

}  // namespace millrace
