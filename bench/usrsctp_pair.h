// usrsctp as a contestant, as fast as it goes: both ends over AF_CONN on one thread, nobody behind
// it, packets handed over with one copy.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "bench/clocks.h"
#include "bench/content.h"
#include "bench/contestant.h"

struct socket;

namespace millrace::bench {

struct UsrsctpOptions {
  bool nodelay = true;
  int buffer_bytes = 1 << 20;
};

/// usrsctp is one per process: all pairs share it.
class UsrsctpPair : public Contestant {
 public:
  explicit UsrsctpPair(const UsrsctpOptions& options);
  ~UsrsctpPair() override;

  Work transfer(const Traffic& traffic, Duration span) override;
  Work set_up(Duration span) override;
  void hold(std::size_t associations) override;

  // Its callbacks come here.
  void on_message(struct socket* socket, const void* data, std::size_t size);
  void on_notification(struct socket* socket, const void* data, std::size_t size);

 private:
  struct Came {
    struct socket* socket;
    std::uint32_t association;
  };

  // Messages that go one way.
  struct Way {
    struct socket* from = nullptr;
    std::uint32_t association = 0;  // of that socket's, if it may have several
    Writer* writer = nullptr;
    Reader* reader = nullptr;
  };

  struct socket* open(int type);
  struct socket* open_server(std::uint16_t port);
  void connect(struct socket* client, std::uint16_t port);
  void shut_down(const Came& came);
  void turn();
  void run_until(std::uint64_t up, std::uint64_t down);
  void send_for(Duration span);
  void drain(const Way& way);
  bool send_one(const Way& way, bool is_last);

  UsrsctpOptions options_;
  Clock clock_;
  Time timers_at_;
  std::uint16_t port_ = 0;
  std::vector<struct socket*> servers_;
  std::vector<struct socket*> clients_;  // of set_up()
  std::vector<struct socket*> holders_;  // of hold()
  struct socket* sender_ = nullptr;      // one association, for messages
  std::uint32_t senders_peer_ = 0;       // the same association at servers_[0]
  std::vector<Way> ways_;                // of a transfer
  std::uint16_t flags_ = 0;              // of its messages
  std::deque<Came> came_up_;             // at the clients, not shut down yet
  std::deque<struct socket*> idle_;      // of clients_: those that have no association
  std::uint64_t client_up_ = 0, client_down_ = 0, server_up_ = 0, server_down_ = 0;
};

}  // namespace millrace::bench
