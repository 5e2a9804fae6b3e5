#include "engine/main/daemon.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "engine/main/log.h"
#include "engine/main/start_report.h"

namespace millrace {
namespace {

constexpr int kTurnMs = 100;
constexpr Duration kAbortGrace = seconds(1);  // for ABORT chunks to leave

bool draw_seed(HashKey& seed, std::string& error) {
  if (getrandom(seed.data(), sizeof seed, 0) == static_cast<ssize_t>(sizeof seed)) return true;
  error = std::string("no entropy: ") + std::strerror(errno);
  return false;
}

// Each context takes some, and the usual 1024 are for programs that select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool is_there(unsigned cpu) {
  cpu_set_t set;
  return cpu < CPU_SETSIZE && sched_getaffinity(0, sizeof set, &set) == 0 && CPU_ISSET(cpu, &set);
}

}  // namespace

Daemon::~Daemon() {
  lcores_.clear();
  operator_.reset();
  desk_.reset();
  engine_.reset();
  ports_.reset();
  if (epoll_ >= 0) close(epoll_);
  if (signals_ >= 0) close(signals_);
}

bool Daemon::start(std::string& error) {
  raise_descriptor_limit();
  directory_ = RunDirectory::open(config_.engine.run_directory, error);
  // Signals are blocked before there are threads, which inherit that.
  if (!directory_ || !open_signals(error)) return false;
  ports_ = PortSet::open(config_, error);
  if (ports_ == nullptr) return false;
  EngineResources resources;
  ports_->describe(resources);
  resources.applications_socket = directory_->applications_socket();
  if (!draw_seed(resources.seed, error)) return false;
  engine_ = Engine::create(config_, std::move(resources), error);
  if (engine_ == nullptr || !open_operator(error) || !watch(error)) return false;
  start_lcores();
  log_start_report(*engine_);
  return true;
}

bool Daemon::open_signals(std::string& error) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  // DPDK's net_tap is told of packets by a real-time signal (F_SETSIG). When too many of those are
  // pending the kernel sends SIGIO instead, which would end the process; the handler runs for those
  // that are pending.
  signal(SIGIO, SIG_IGN);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals_ < 0) error = std::string("signalfd: ") + std::strerror(errno);
  return signals_ >= 0;
}

bool Daemon::open_operator(std::string& error) {
  desk_ = std::make_unique<OperatorDesk>(*engine_, monotonic_now());
  operator_ = LineServer::create(
      directory_->operator_socket(),
      [this](std::string_view question) { return desk_->answer(question); }, error);
  return operator_ != nullptr;
}

bool Daemon::watch(std::string& error) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  for (const int descriptor : {signals_, engine_->descriptor(), operator_->descriptor()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (epoll_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
      error = std::string("epoll: ") + std::strerror(errno);
      return false;
    }
  }
  return true;
}

void Daemon::start_lcores() {
  for (std::size_t i = 0; i < engine_->lcores(); ++i) {
    LcoreThread::Options options;
    options.lcore = i;
    options.cpu = config_.engine.lcores[i];
    options.pin = is_there(options.cpu);
    options.idle.busy = config_.engine.busy_polling;
    options.idle.longest = config_.engine.idle_sleep;
    options.name = "lcore-" + std::to_string(i);
    if (!options.pin) {
      spdlog::warn(
          "CPU {} is not there for this process: lcore {} runs wherever the scheduler puts it",
          options.cpu, i);
    }
    lcores_.push_back(std::make_unique<LcoreThread>(*engine_, options));
  }
}

void Daemon::turn(int timeout_ms) {
  std::array<epoll_event, 4> events;
  epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout_ms);
  const Time now = monotonic_now();
  desk_->set_now(now);
  take_signals();
  engine_->poll_main(now);
  operator_->poll();
}

void Daemon::take_signals() {
  signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGHUP) {
      reopen_log();
    } else {
      ++stop_requests_;
    }
  }
}

void Daemon::reopen_log() {
  std::string error;
  const auto level = spdlog::get_level();
  if (open_log(config_.log.file, config_.log.level, error)) {
    spdlog::set_level(level);
    spdlog::info("log opened anew");
  } else {
    spdlog::error("the log cannot be opened anew: {}", error);
  }
}

void Daemon::run() {
  while (stop_requests_ == 0) turn(kTurnMs);
  const bool gracefully = config_.engine.stop == OnExit::kShutdown;
  const Time deadline = monotonic_now() + (gracefully ? config_.engine.stop_grace : kAbortGrace);
  spdlog::info("stopping: associations are {}", gracefully ? "shut down" : "aborted");
  engine_->stop(config_.engine.stop);
  const int requests = stop_requests_;
  while (!engine_->is_stopped() && monotonic_now() < deadline && stop_requests_ == requests)
    turn(1);
  if (!engine_->is_stopped()) spdlog::warn("stopping with associations that have not ended");
}

}  // namespace millrace
