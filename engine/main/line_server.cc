#include "engine/main/line_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace millrace {
namespace {

constexpr int kNoTimeout = 0;
constexpr mode_t kMode = 0660;

int listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  unlink(path.c_str());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return -1;
  if (bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), kMode) != 0 || listen(socket, 8) != 0) {
    const int why = errno;
    close(socket);
    errno = why;
    return -1;
  }
  return socket;
}

}  // namespace

std::unique_ptr<LineServer> LineServer::create(const std::string& path, Answer answer,
                                               std::string& error) {
  const int listener = listen_on(path);
  const int epoll = listener < 0 ? -1 : epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
    error = path + ": " + std::strerror(errno);
    if (listener >= 0) close(listener);
    if (epoll >= 0) close(epoll);
    return nullptr;
  }
  return std::unique_ptr<LineServer>(new LineServer(path, listener, epoll, std::move(answer)));
}

LineServer::LineServer(std::string path, int listener, int epoll, Answer answer)
    : path_(std::move(path)), listener_(listener), epoll_(epoll), answer_(std::move(answer)) {}

LineServer::~LineServer() {
  for (const auto& client : clients_) close(client->socket);
  close(epoll_);
  close(listener_);
  unlink(path_.c_str());
}

void LineServer::poll() {
  std::array<epoll_event, kClientsMax + 1> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kNoTimeout);
  for (int i = 0; i < count; ++i) {
    auto* client = static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
    if (client == nullptr) {
      accept_all();
    } else if (!serve(*client)) {
      close(client->socket);  // epoll forgets it by itself
      std::erase_if(clients_, [&](const auto& owned) { return owned.get() == client; });
    }
  }
}

void LineServer::accept_all() {
  for (;;) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket < 0) return;
    if (clients_.size() >= kClientsMax) {
      close(socket);
      continue;
    }
    auto client = std::make_unique<Client>();
    client->socket = socket;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = client.get();
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
      close(socket);
      continue;
    }
    clients_.push_back(std::move(client));
  }
}

bool LineServer::serve(Client& client) {
  return flush(client) && read(client) && flush(client);
}

bool LineServer::read(Client& client) {
  std::array<char, kLineMax> bytes;
  for (;;) {
    const ssize_t length = ::recv(client.socket, bytes.data(), bytes.size(), 0);
    if (length == 0) return false;
    if (length < 0) return errno == EAGAIN || errno == EINTR;
    client.in.append(bytes.data(), static_cast<std::size_t>(length));
    if (!answer_lines(client)) return false;
  }
}

bool LineServer::answer_lines(Client& client) {
  std::size_t done = 0;
  for (std::size_t end; (end = client.in.find('\n', done)) != std::string::npos; done = end + 1) {
    const std::string_view line = std::string_view(client.in).substr(done, end - done);
    if (line.size() > kLineMax || client.out.size() > kBacklogMax) return false;
    client.out += answer_(line);
    client.out += '\n';
  }
  client.in.erase(0, done);
  return client.in.size() <= kLineMax;
}

bool LineServer::flush(Client& client) {
  while (!client.out.empty()) {
    const ssize_t sent =
        ::send(client.socket, client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) {
      watch(client, true);
      return true;
    }
    if (sent < 0) return errno == EINTR;
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
  watch(client, false);
  return true;
}

void LineServer::watch(Client& client, bool for_writing) {
  if (client.waits_to_write == for_writing) return;
  client.waits_to_write = for_writing;
  epoll_event event{};
  event.events = EPOLLIN | (for_writing ? EPOLLOUT : 0u);
  event.data.ptr = &client;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, client.socket, &event);
}

}  // namespace millrace
