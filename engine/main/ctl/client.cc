#include "engine/main/ctl/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace millrace::ctl {
namespace {

constexpr time_t kTimeoutSeconds = 10;

std::string explain(const std::string& path, int code) {
  std::string text = path + ": " + std::strerror(code);
  if (code == ENOENT || code == ECONNREFUSED)
    text +=
        "\nno engine runs there; start one with `millraced --config FILE`, or name its socket "
        "with --socket";
  if (code == EACCES) text += "\ntry again as root, or as the user or group of the socket";
  return text;
}

}  // namespace

Client::~Client() {
  if (socket_ >= 0) close(socket_);
}

bool Client::connect(std::string& error) {
  if (socket_ >= 0) return true;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    error = explain(path_, ENAMETOOLONG);
    return false;
  }
  std::memcpy(address.sun_path, path_.data(), path_.size());
  socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{kTimeoutSeconds, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return true;
  error = explain(path_, errno);
  close(socket_);
  socket_ = -1;
  return false;
}

bool Client::exchange(const std::string& line, std::string& answer, std::string& error) {
  if (::send(socket_, line.data(), line.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(line.size())) {
    error = explain(path_, errno);
    return false;
  }
  std::size_t end;
  while ((end = rest_.find('\n')) == std::string::npos) {
    std::array<char, 65536> bytes;
    const ssize_t length = recv(socket_, bytes.data(), bytes.size(), 0);
    if (length <= 0) {
      error = path_ + ": " +
              (length == 0 ? "the engine closed the connection" : "no answer within 10 seconds");
      return false;
    }
    rest_.append(bytes.data(), static_cast<std::size_t>(length));
  }
  answer = rest_.substr(0, end);
  rest_.erase(0, end + 1);
  return true;
}

bool Client::ask(const nlohmann::json& question, nlohmann::json& result, std::string& error) {
  std::string line;
  if (!connect(error) || !exchange(question.dump() + "\n", line, error)) return false;
  const nlohmann::json answer = nlohmann::json::parse(line, nullptr, false);
  if (!answer.is_object() || !answer.contains("ok")) {
    error = path_ + ": answers something else than an engine does";
    return false;
  }
  if (!answer.value("ok", false)) {
    error = answer.value("error", "refused");
    return false;
  }
  result = answer.value("result", nlohmann::json::object());
  return true;
}

}  // namespace millrace::ctl
