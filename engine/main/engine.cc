#include "engine/main/engine.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>

namespace millrace {
namespace {

ipc::HugePages huge_pages_of(HugePages wanted) {
  switch (wanted) {
    case HugePages::kYes:
      return ipc::HugePages::yes;
    case HugePages::kNo:
      return ipc::HugePages::no;
    case HugePages::kAuto:
      break;
  }
  return ipc::HugePages::automatic;
}

}  // namespace

std::unique_ptr<Engine> Engine::create(const Config& config, EngineResources resources,
                                       std::string& error) {
  std::unique_ptr<Engine> engine(new Engine(config, std::move(resources)));
  if (!engine->start(error)) return nullptr;
  return engine;
}

Engine::Engine(const Config& config, EngineResources resources)
    : config_(config), resources_(std::move(resources)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  MR_ASSERT(epoll_ >= 0);
}

Engine::~Engine() {
  close(epoll_);
}

bool Engine::start(std::string& error) {
  const net::StackConfig stack = stack_config();
  if (const auto fault = net::find_fault(stack); fault) {
    error = *fault;
    return false;
  }
  CrewConfig crew;
  crew.contexts_max = config_.applications.contexts_max;
  crew.parameters = config_.sctp;
  crew.limits = config_.limits;
  // The other half is for packets that come and go.
  crew.limits.buffers_held = config_.engine.buffers / 2;
  crew.stack = stack;
  crew.seed = resources_.seed;
  std::vector<LcoreResources> lcores;
  std::vector<ipc::LcoreBell*> bells;
  for (const EngineResources::Lcore& lcore : resources_.lcores) {
    counters_.push_back(std::make_unique<Counters>());
    bells_.push_back(std::make_unique<ipc::LcoreBell>());
    bells.push_back(config_.engine.busy_polling ? nullptr : bells_.back().get());
    lcores.push_back({lcore.pool, counters_.back().get(), lcore.queues, bells.back()});
  }
  server_ = ipc::AttachServer::create(attach_options(), error);
  if (server_ == nullptr) return false;
  crew_ = std::make_unique<Crew>(crew, lcores);
  dispatcher_ = std::make_unique<Dispatcher>(
      *crew_, bells,
      [this](std::size_t lcore, const Report& report) { applications_->on_report(lcore, report); });
  applications_ = std::make_unique<Applications>(*dispatcher_, lcores.size(), crew.contexts_max,
                                                 config_.applications.on_exit);
  applications_->serve(*server_);
  dispatcher_->on_note = [this](std::size_t lcore, const Note& note) {
    journal_.take(lcore, note);
  };
  announce();
  return watch(server_->descriptor()) && watch(dispatcher_->descriptor());
}

void Engine::announce() {
  Order announce;
  announce.kind = Order::Kind::kAnnounce;
  dispatcher_->give(0, announce);
}

net::StackConfig Engine::stack_config() const {
  net::StackConfig stack;
  for (std::size_t i = 0; i < config_.interfaces.size(); ++i) {
    const InterfaceSettings& settings = config_.interfaces[i];
    net::InterfaceConfig interface;
    interface.name = settings.name;
    interface.port = static_cast<std::uint8_t>(resources_.interface_ports[i]);
    interface.traits = resources_.ports[interface.port];
    interface.mtu = settings.mtu;
    interface.vlan = settings.vlan;
    interface.addresses = settings.addresses;
    stack.interfaces.push_back(std::move(interface));
  }
  for (const RouteSettings& route : config_.routes)
    stack.routes.push_back({route.to, route.via, route.interface});
  return stack;
}

ipc::AttachOptions Engine::attach_options() const {
  const ApplicationsConfig& from = config_.applications;
  ipc::AttachOptions options;
  options.path = resources_.applications_socket;
  options.mode = from.socket_mode;
  options.contexts_max = from.contexts_max;
  options.contexts_per_user_max = from.contexts_per_user_max;
  options.geometry.lcores = static_cast<std::uint32_t>(resources_.lcores.size());
  options.geometry.submission_capacity = from.ring_entries;
  options.geometry.completion_capacity = from.ring_entries;
  options.geometry.receive_arena_bytes =
      static_cast<std::uint32_t>(ipc::Geometry::rounded(from.receive_arena));
  options.geometry.transmit_arena_bytes =
      static_cast<std::uint32_t>(ipc::Geometry::rounded(from.transmit_arena));
  options.huge_pages = huge_pages_of(config_.engine.huge_pages);
  options.receive_window = config_.sctp.receive_buffer;
  options.send_buffer = config_.sctp.send_buffer;
  if (!config_.engine.busy_polling) {
    for (const auto& bell : bells_) options.bells.push_back(bell.get());
  }
  return options;
}

bool Engine::watch(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

bool Engine::poll(std::size_t lcore, Time now) {
  Worker& worker = crew_->worker(lcore);
  const bool worked = worker.poll(now);
  if (worker.take_has_reported()) dispatcher_->ring();
  return worked;
}

void Engine::sleep(std::size_t lcore, Duration longest) {
  Worker& worker = crew_->worker(lcore);
  bells_[lcore]->sleep(worker.channels(), longest, [&] { return worker.has_work(); });
}

void Engine::poll_main(Time now) {
  dispatcher_->poll();
  // Another switch may be behind a link that was down, or another port of the same one.
  if (journal_.look(now, *this)) announce();
  if (is_stopping_) return;  // nobody attaches any more
  events_.clear();
  server_->poll(now, events_);
  for (const ipc::AttachEvent& event : events_) applications_->on_attach_event(event);
}

void Engine::stop(OnExit how) {
  if (is_stopping_) return;
  is_stopping_ = true;
  applications_->detach_all(how);
}

}  // namespace millrace
