// millraced from its configuration to its clean end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/main/engine.h"
#include "engine/main/lcore_thread.h"
#include "engine/main/line_server.h"
#include "engine/main/operator_desk.h"
#include "engine/main/port_set.h"
#include "engine/main/run_directory.h"

namespace millrace {

class Daemon {
 public:
  explicit Daemon(const Config& config) : config_(config) {}
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// False, and `error` says why, when it cannot start.
  bool start(std::string& error);
  /// Runs until SIGTERM or SIGINT; then ends what there is, as the configuration says.
  void run();

 private:
  bool open_signals(std::string& error);
  bool open_operator(std::string& error);
  bool watch(std::string& error);
  void start_lcores();
  void turn(int timeout_ms);
  void take_signals();
  void reopen_log();

  const Config config_;
  // In the order of their making: what comes later uses what is before it.
  std::unique_ptr<RunDirectory> directory_;
  int signals_ = -1;
  int epoll_ = -1;
  std::unique_ptr<PortSet> ports_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<OperatorDesk> desk_;
  std::unique_ptr<LineServer> operator_;
  std::vector<std::unique_ptr<LcoreThread>> lcores_;
  int stop_requests_ = 0;
};

}  // namespace millrace
