#include "engine/ipc/attach.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "engine/base/assert.h"
#include "engine/ipc/attach_protocol.h"

namespace millrace::ipc {
namespace {

constexpr Duration kHelloPatience = seconds(5);
constexpr std::size_t kStrangersMax = 64;

/// Bytes of a name that an operator can look at.
std::string printable(const char* name, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size && name[i] != 0; ++i)
    text += name[i] > ' ' && name[i] < 127 ? name[i] : '?';
  return text.empty() ? "unnamed" : text;
}

int listen_on(const AttachOptions& options, std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.size() >= sizeof address.sun_path) {
    error = options.path + ": too long for a socket";
    return -1;
  }
  std::memcpy(address.sun_path, options.path.c_str(), options.path.size());
  const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket >= 0) {
    unlink(options.path.c_str());
    if (bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        chmod(options.path.c_str(), options.mode) == 0 && listen(socket, 64) == 0)
      return socket;
  }
  error = options.path + ": " + std::strerror(errno);
  if (socket >= 0) close(socket);
  return -1;
}

}  // namespace

/// A connection that has not said hello yet.
struct Stranger {
  Time since;
};

/// A context, attached or gone.
struct AttachedContext {
  ApplicationInfo info;
  int socket = -1;  // open until destroy(): the lcores ring it
  std::unique_ptr<ContextMemory> memory;
  std::vector<int> bells;  // eventfd per lcore
  Offence offence = Offence::none;
};

struct AttachServer::State {
  AttachOptions options;
  int listener = -1;
  int epoll = -1;
  ContextId next_context = 1;
  std::uint64_t refused = 0;
  std::uint64_t refused_over_share = 0;
  std::map<int, Stranger> strangers;  // by socket
  std::map<ContextId, AttachedContext> contexts;
  std::map<int, ContextId> context_by_socket;  // attached ones only

  ~State();
  void accept_all(Time now);
  void drop_stranger(int socket);
  void drop_late_strangers(Time now);
  void on_hello(int socket, std::vector<AttachEvent>& events);
  void refuse(int socket, int status);
  bool has_share(int socket) const;
  bool make_context(int socket, const AttachHello& hello, AttachedContext& context);
  bool make_bells(AttachedContext& context);
  bool welcome(int socket, const AttachedContext& context);
  void close_bells(AttachedContext& context);
  void on_context_readable(int socket, std::vector<AttachEvent>& events);
  void context_gone(int socket, const char* why, std::vector<AttachEvent>& events);
};

AttachServer::State::~State() {
  for (auto& [socket, stranger] : strangers) close(socket);
  for (auto& [id, context] : contexts) {
    close_bells(context);
    close(context.socket);
  }
  if (listener >= 0) {
    close(listener);
    unlink(options.path.c_str());
  }
  if (epoll >= 0) close(epoll);
}

void AttachServer::State::accept_all(Time now) {
  while (true) {
    const int socket = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;  // EAGAIN, or out of descriptors: they wait in the backlog
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = socket;
    if (strangers.size() >= kStrangersMax || epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0) {
      ++refused;
      close(socket);
      continue;
    }
    strangers[socket] = Stranger{now};
  }
}

void AttachServer::State::drop_stranger(int socket) {
  strangers.erase(socket);
  close(socket);
}

void AttachServer::State::drop_late_strangers(Time now) {
  for (auto it = strangers.begin(); it != strangers.end();) {
    if (now - it->second.since < kHelloPatience) {
      ++it;
      continue;
    }
    ++refused;
    close(it->first);
    it = strangers.erase(it);
  }
}

void AttachServer::State::refuse(int socket, int status) {
  AttachWelcome answer{};
  answer.magic = kAttachMagic;
  answer.version = kLayoutVersion;
  answer.status = status;
  send_with_descriptors(socket, &answer, sizeof answer, {});
  ++refused;
  drop_stranger(socket);
}

/// Whether the user behind a socket may have no more contexts.
bool AttachServer::State::has_share(int socket) const {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (options.contexts_per_user_max == 0 ||
      getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return false;
  const auto count = std::count_if(contexts.begin(), contexts.end(), [&](const auto& entry) {
    return entry.second.info.uid == credentials.uid;
  });
  return static_cast<std::size_t>(count) >= options.contexts_per_user_max;
}

void AttachServer::State::on_hello(int socket, std::vector<AttachEvent>& events) {
  AttachHello hello{};
  std::vector<int> unwanted;
  const std::ptrdiff_t length = receive_with_descriptors(socket, &hello, sizeof hello, unwanted);
  for (const int descriptor : unwanted) close(descriptor);
  if (length < 0 && errno == EAGAIN) return;
  if (length <= 0) return drop_stranger(socket);
  if (length < 8 || hello.magic != kAttachMagic) return refuse(socket, -EINVAL);
  if (hello.version != kLayoutVersion) return refuse(socket, -EPROTO);
  if (static_cast<std::size_t>(length) != sizeof hello) return refuse(socket, -EINVAL);
  if (contexts.size() >= options.contexts_max) return refuse(socket, -EMFILE);
  if (has_share(socket)) {
    ++refused_over_share;
    return refuse(socket, -EDQUOT);
  }
  AttachedContext context;
  if (!make_context(socket, hello, context)) {
    close_bells(context);
    return refuse(socket, -ENOMEM);
  }
  if (!welcome(socket, context)) {
    close_bells(context);
    ++refused;
    return drop_stranger(socket);
  }
  strangers.erase(socket);
  const ContextId id = context.info.context;
  context_by_socket[socket] = id;
  events.push_back(
      {AttachEvent::Kind::attached, context.info, context.memory->channels(), "attached"});
  contexts.emplace(id, std::move(context));
}

bool AttachServer::State::make_context(int socket, const AttachHello& hello,
                                       AttachedContext& context) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return false;
  std::string error;
  context.socket = socket;
  context.memory =
      ContextMemory::create(next_context, options.geometry, options.huge_pages, socket, error);
  if (context.memory == nullptr || !make_bells(context)) return false;
  context.info.context = next_context++;
  context.info.name = printable(hello.name, sizeof hello.name);
  context.info.pid = credentials.pid;
  context.info.uid = credentials.uid;
  context.info.gid = credentials.gid;
  context.info.memory_bytes =
      options.geometry.channels_bytes() + options.geometry.transmit_arena_bytes;
  context.info.huge_pages = context.memory->has_huge_pages();
  return true;
}

bool AttachServer::State::make_bells(AttachedContext& context) {
  for (LcoreBell* lcore_bell : options.bells) {
    const int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell < 0) return false;
    context.bells.push_back(bell);
    if (!lcore_bell->add(bell)) return false;
  }
  return true;
}

void AttachServer::State::close_bells(AttachedContext& context) {
  // The application holds the eventfd too, so closing ours would not take it out of the epoll set.
  for (std::size_t i = 0; i < context.bells.size(); ++i) {
    options.bells[i]->remove(context.bells[i]);
    close(context.bells[i]);
  }
  context.bells.clear();
}

bool AttachServer::State::welcome(int socket, const AttachedContext& context) {
  AttachWelcome answer{};
  answer.magic = kAttachMagic;
  answer.version = kLayoutVersion;
  answer.context = context.info.context;
  answer.geometry = options.geometry;
  answer.receive_window = options.receive_window;
  answer.send_buffer = options.send_buffer;
  answer.message_bytes_max = kMessageBytesMax;
  answer.has_bells = context.bells.empty() ? 0 : 1;
  std::vector<int> descriptors{context.memory->channels_descriptor(),
                               context.memory->transmit_descriptor()};
  descriptors.insert(descriptors.end(), context.bells.begin(), context.bells.end());
  return send_with_descriptors(socket, &answer, sizeof answer, descriptors);
}

void AttachServer::State::on_context_readable(int socket, std::vector<AttachEvent>& events) {
  char byte;
  const ssize_t received = recv(socket, &byte, 1, MSG_DONTWAIT);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  // An attached application has nothing to say here: more words are as good as good-bye.
  const AttachedContext& context = contexts.at(context_by_socket.at(socket));
  if (context.offence != Offence::none) return context_gone(socket, "evicted", events);
  context_gone(socket, received > 0 ? "spoke out of turn" : "detached or died", events);
}

void AttachServer::State::context_gone(int socket, const char* why,
                                       std::vector<AttachEvent>& events) {
  const ContextId id = context_by_socket.at(socket);
  AttachedContext& context = contexts.at(id);
  epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nullptr);
  shutdown(socket, SHUT_RDWR);
  context_by_socket.erase(socket);
  context.info.gone = true;
  if (context.offence != Offence::none) why = offence_name(context.offence);
  events.push_back({AttachEvent::Kind::gone, context.info, context.memory->channels(), why});
}

std::unique_ptr<AttachServer> AttachServer::create(const AttachOptions& options,
                                                   std::string& error) {
  if (const char* problem = options.geometry.problem()) {
    error = problem;
    return nullptr;
  }
  MR_ASSERT(options.bells.empty() || options.bells.size() == options.geometry.lcores);
  auto state = std::make_unique<State>();
  state->options = options;
  state->listener = listen_on(options, error);
  if (state->listener < 0) return nullptr;
  state->epoll = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = state->listener;
  if (state->epoll < 0 || epoll_ctl(state->epoll, EPOLL_CTL_ADD, state->listener, &event) != 0) {
    error = std::string("epoll: ") + std::strerror(errno);
    return nullptr;
  }
  return std::unique_ptr<AttachServer>(new AttachServer(std::move(state)));
}

AttachServer::AttachServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AttachServer::~AttachServer() = default;

int AttachServer::descriptor() const {
  return state_->epoll;
}

void AttachServer::poll(Time now, std::vector<AttachEvent>& events) {
  epoll_event ready[32];
  const int count = epoll_wait(state_->epoll, ready, 32, 0);
  for (int i = 0; i < count; ++i) {
    const int socket = ready[i].data.fd;
    if (socket == state_->listener) {
      state_->accept_all(now);
    } else if (state_->strangers.count(socket) != 0) {
      state_->on_hello(socket, events);
    } else if (state_->context_by_socket.count(socket) != 0) {
      state_->on_context_readable(socket, events);
    }
  }
  state_->drop_late_strangers(now);
}

void AttachServer::evict(ContextId context, Offence offence) {
  const auto found = state_->contexts.find(context);
  if (found == state_->contexts.end() || found->second.info.gone) return;
  found->second.offence = offence;
  shutdown(found->second.socket, SHUT_RDWR);  // poll() sees the end of file
}

void AttachServer::destroy(ContextId context) {
  const auto found = state_->contexts.find(context);
  if (found == state_->contexts.end()) return;
  MR_ASSERT(found->second.info.gone);
  state_->close_bells(found->second);
  close(found->second.socket);
  state_->contexts.erase(found);
}

std::vector<ApplicationInfo> AttachServer::applications() const {
  std::vector<ApplicationInfo> list;
  for (const auto& [id, context] : state_->contexts) list.push_back(context.info);
  return list;
}

std::uint64_t AttachServer::refused_over_share() const {
  return state_->refused_over_share;
}

std::uint64_t AttachServer::refused() const {
  return state_->refused;
}

}  // namespace millrace::ipc
