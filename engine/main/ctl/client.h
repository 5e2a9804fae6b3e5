// Asks a running engine over its operator socket.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace millrace::ctl {

class Client {
 public:
  explicit Client(std::string path) : path_(std::move(path)) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The result of a command. False, and `error` says why, when the engine cannot be reached or
  /// refuses.
  bool ask(const nlohmann::json& question, nlohmann::json& result, std::string& error);

 private:
  bool connect(std::string& error);
  bool exchange(const std::string& line, std::string& answer, std::string& error);

  std::string path_;
  int socket_ = -1;
  std::string rest_;  // what was read behind the last answer
};

}  // namespace millrace::ctl
