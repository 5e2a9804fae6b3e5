// A Unix socket where one line is a question and one line is its answer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Decides: who may still speak, and when a connection is dropped (a line that is too long, a
/// reader that does not read). Does not know what the lines mean. One thread; never blocks.
class LineServer {
 public:
  static constexpr std::size_t kClientsMax = 16;
  static constexpr std::size_t kLineMax = 4096;         ///< bytes of a question
  static constexpr std::size_t kBacklogMax = 64 << 20;  ///< bytes of answers not yet read

  /// A question without its end of line; the answer without one.
  using Answer = std::function<std::string(std::string_view question)>;

  /// nullptr, and `error` says why, when the socket cannot be made. An old one is replaced.
  static std::unique_ptr<LineServer> create(const std::string& path, Answer answer,
                                            std::string& error);
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  /// Readable (an epoll) when poll() has something to do.
  int descriptor() const { return epoll_; }
  void poll();
  std::size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    int socket;
    std::string in, out;
    bool waits_to_write = false;
  };

  LineServer(std::string path, int listener, int epoll, Answer answer);
  void accept_all();
  bool serve(Client& client);
  bool read(Client& client);
  bool answer_lines(Client& client);
  bool flush(Client& client);
  void watch(Client& client, bool for_writing);

  std::string path_;
  int listener_;
  int epoll_;
  Answer answer_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace millrace
