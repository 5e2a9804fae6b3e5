// A socket of either model: what it is bound to, its options, its associations, what it has to
// receive, and what poll says of it. It is guarded by the process's lock (process.h).
//
// The operations here never wait but for an answer of the engine; those that can have to wait for a
// peer say -EAGAIN (or -EINPROGRESS), and calls.cc waits.
#pragma once

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "api/sockets/association.h"
#include "api/sockets/descriptor.h"

namespace millrace::sockets {

/// Beside a call's own flags: an error of the socket is told and stays, for the next call to take.
/// None of the kernel's.
constexpr int kLeavesError = 0x1000'0000;

/// What goes with a message to be sent.
struct SendInfo {
  SendDefaults values;
  bool has_values = false;  // else they are the association's defaults
  sctp_assoc_t id = 0;
  bool has_init = false;
  bool more_follow = false;  // of a batch
  bool ends_record = false;  // with SCTP_EXPLICIT_EOR
  bool leaves_error = false;
  sctp_initmsg init{};
  std::vector<mr_address> more_addresses;  // of a host that the message begins an association with
};

/// What a receive call wants and gets.
struct ReceiveRequest {
  int flags = 0;         // of the call
  int result_flags = 0;  // MSG_EOR, MSG_NOTIFICATION, MSG_CTRUNC
  const iovec* parts = nullptr;
  std::size_t part_count = 0;
  Item* item = nullptr;  // out: what was received, valid until the lock is let go
  Endpoint from;         // out
};

struct Link;

/// Port and address.
using PeerKey = std::pair<std::uint16_t, std::array<std::uint8_t, 16>>;

class Socket : public std::enable_shared_from_this<Socket> {
 public:
  enum class Model : std::uint8_t { one_to_one, one_to_many };

  Socket(int family, Model model);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// Makes the descriptor; returns it or -errno.
  int open(int flags);

  // set_up.cc, listening.cc
  int bind(const Endpoint& to);
  int bind_also(const std::vector<Endpoint>& endpoints);
  int unbind(const std::vector<Endpoint>& endpoints);
  int listen(int backlog);
  /// The oldest association that waits, as a socket of its own, or -errno.
  int accept(int flags, std::shared_ptr<Socket>& accepted);
  int peel_off(sctp_assoc_t id, int flags, std::shared_ptr<Socket>& peeled);

  // connect.cc
  /// Starts an association: 0 or -errno. It is the newest of associations().
  int start(const std::vector<Endpoint>& peers, const sctp_initmsg* init,
            std::shared_ptr<Association>& started);
  /// connect(): -EINPROGRESS while the handshake runs, 0 when it is up.
  int connect(const std::vector<Endpoint>& peers, sctp_assoc_t* id);
  /// What a connect that may not wait says, as Linux does, of what it knows already: -EINPROGRESS,
  /// and SO_ERROR has it.
  int tell_later(int error);
  /// How a connect that was in progress stands: -EINPROGRESS, 0 or an error, which it takes.
  int connect_result(sctp_assoc_t id);

  // send.cc
  ssize_t send(const std::string& message, const SendInfo& info, const Endpoint* to);
  ssize_t send(Association& association, const std::string& message, const SendInfo& info,
               const Endpoint* to = nullptr);
  int shut_down(int how);

  // receive.cc
  ssize_t receive(ReceiveRequest& request);
  void consume(ReceiveRequest& request, std::size_t bytes);
  std::size_t bytes_readable() const;

  /// The last descriptor is gone. Associations end as SO_LINGER says.
  void close();
  bool is_lingering() const;

  // options.cc and its neighbours
  int set_option(int level, int name, const void* value, socklen_t length);
  int get_option(int level, int name, void* value, socklen_t& length);

  // events.cc
  void on_up(const std::shared_ptr<Association>& association, const mr_event& event);
  void on_failed(const std::shared_ptr<Association>& association, const mr_event& event);
  void on_down(const std::shared_ptr<Association>& association, const mr_event& event);
  void on_message(const std::shared_ptr<Association>& association, const mr_event& event);
  void on_listener_lost(int error);
  void on_notice(const std::shared_ptr<Association>& association, const mr_event& event);
  void on_made_primary(const std::shared_ptr<Association>& association, const mr_address& address);
  void queue(Item item);

  /// Makes poll's answer what the state says, and wakes who waits in a call.
  void refresh();
  /// The same when something came, which epoll by edge tells of although there was something
  /// before.
  void refresh_for_more();
  /// The association that an id means: of a one-to-one socket its only one, whatever the id.
  Association* association(sctp_assoc_t id) const;
  Association* association_to(const Endpoint& peer) const;
  void forget_peers(const Association& association);
  Association* association_soon_to(const Endpoint& peer) const;
  /// Whether a send to it has found no room.
  static void set_full(Association& association, bool is_full);
  bool accepts() const { return is_one_to_one() && is_listening_; }
  bool is_one_to_one() const { return model_ == Model::one_to_one; }
  int family() const { return family_; }
  Endpoint name() const;
  /// The peer of a one-to-one socket; false if it has none.
  bool peer_name(Endpoint& peer) const;
  int take_error();
  std::vector<mr_address> local_addresses(const Association* association) const;

  bool serves(bool v4) const;
  bool is_on(int level, int name) const;
  bool meets(const Socket& other) const;
  bool was_connected() const { return was_connected_; }
  /// Whether it may not be bound, or listen, while the other is as it is.
  bool is_rival_of(const Socket& other) const;
  /// The addresses that peers may use, as the engine is told them; none: all.
  std::vector<mr_address> offered_addresses() const;
  bool is_at(const mr_address& local) const;
  /// Parameters of the association, or of those of the listener, that is asked for next.
  void preset() const;
  const sctp_initmsg& streams_wanted() const { return init_; }

  // Across processes (remote.h): another one has its state, and this one only its descriptor.
  bool is_remote() const { return link != nullptr; }
  void become_remote(const std::shared_ptr<Link>& to_owner, std::uint64_t its_number);
  /// Keeps the kernel's descriptor, whatever the application does with its own; or takes this one.
  void keep_descriptor(int descriptor = -1);
  void drop_kept_descriptor();
  const Descriptor& descriptor() const { return descriptor_; }
  bool is_closed() const { return is_closed_; }
  std::shared_ptr<Link> link;  // to the owner, if that is another process
  int holders = 0;             // other processes that have it

  std::vector<int> descriptors;  // of this process
  std::vector<int> waiters;      // eventfds of threads that wait in a call
  timeval receive_timeout{};
  timeval send_timeout{};
  linger lingering{};
  bool is_edge_triggered = false;  // in some epoll set
  bool maps_v4 = true;             // SCTP_I_WANT_MAPPED_V4_ADDR
  std::uint64_t number = 0;
  std::uint64_t listener = 0;  // the number of its listener at the engine; 0: none, or lost
  std::uint32_t autoclose_s = 0;
  AssociationOptions options;
  int calls = 0;   // that sleep in it: it does not end before they have
  int stamps = 0;  // SO_TIMESTAMP, SO_TIMESTAMPNS, or 0: with each message comes its time
  bool wants_rcvinfo = false;
  bool wants_nxtinfo = false;
  bool wants_extended = false;  // SCTP_USE_EXT_RCVINFO
  std::map<sctp_assoc_t, std::shared_ptr<Association>> associations;
  std::deque<Item> items;
  std::deque<Item> held;  // until the message that comes in pieces has ended

 private:
  friend struct Options;
  struct StoredOption {
    int level, name, value;
  };

  static constexpr int kPortTries = 64;  // at ports of our choice

  std::size_t full_associations_ = 0;

  int choose_port();
  void unname();
  int rebind(std::vector<mr_address> locals, const std::vector<mr_address>& added);
  int listen_anew(const std::function<void()>& undo);
  bool has_so_reuseport() const { return is_on(SOL_SOCKET, SO_REUSEPORT); }
  bool may_be_bound_twice() const { return has_so_reuseaddr_ || has_sctp_reuse_port_; }
  int adopt(const std::shared_ptr<Association>& association, int flags,
            std::shared_ptr<Socket>& adopted);
  bool is_local(const mr_address& address) const;
  int check_local(const Endpoint& endpoint) const;
  bool wants(const Association& association, int type) const;
  bool must_wait(const Item& item) const;
  static void set_in_pieces(Association& association, bool is_in_pieces);
  void release_held();
  void drop_held_pieces(Association& association);
  void tell_of_start(const std::shared_ptr<Association>& association);
  void notify(const std::shared_ptr<Association>& association, std::string notification);
  void forget(const std::shared_ptr<Association>& association);
  void end_pieces(const std::shared_ptr<Association>& association);
  int why_not_sent(const SendInfo& info);
  static void end(Association& association, const std::string& reason, bool at_once);
  ssize_t send_to_all(const std::string& message, const SendInfo& info);
  int check_room_for(const std::vector<std::shared_ptr<Association>>& takers, std::size_t length,
                     const SendInfo& info);
  int check_for_all(const std::vector<std::shared_ptr<Association>>& takers, std::size_t length,
                    const SendInfo& info);
  int check_fits(Association& association, std::size_t length, const SendInfo& info);
  ssize_t hand_over(Association& association, const std::string& message, const SendInfo& info,
                    const Endpoint* to);
  ssize_t send_data(Association& association, const std::string& message, const SendInfo& info,
                    const Endpoint* to);
  ssize_t add_to_record(Association& association, const std::string& piece, const SendInfo& info,
                        const Endpoint* to);

  int family_;
  Model model_;
  Descriptor descriptor_;
  int kept_ = -1;
  std::uint16_t port_ = 0;
  bool is_port_chosen_ = false;     // by us: another would have done
  std::vector<mr_address> locals_;  // none: all
  bool is_listening_ = false;
  bool is_closed_ = false;
  bool was_connected_ = false;
  bool input_ended_ = false;
  bool was_aborted_ = false;
  bool has_hung_up_ = false;
  bool shut_read_ = false;
  bool shut_write_ = false;
  Endpoint peer_;       // that a one-to-one socket has, or had
  mr_address local_{};  // and where it is reached
  int associations_in_pieces_ = 0;
  mutable std::map<PeerKey, sctp_assoc_t> by_peer_;  // associations that were found before
  int backlog_ = 0;
  int error_ = 0;
  std::deque<std::shared_ptr<Association>> accept_queue_;
  sctp_initmsg init_{};
  std::uint32_t changed_parameters_ = 0;  // by the application: bit per mr_parameter
  int send_buffer_ = 0;
  int receive_buffer_ = 0;
  int tos_ = 0;            // IP_TOS
  int traffic_class_ = 0;  // IPV6_TCLASS
  bool no_delay_ = false;
  bool disables_fragments_ = false;
  int interleave_ = 0;
  bool ends_records_ = false;  // SCTP_EXPLICIT_EOR
  bool has_so_reuseaddr_ = false;
  bool has_sctp_reuse_port_ = false;
  bool follows_addresses_ = false;
  std::vector<StoredOption> stored_;
};

}  // namespace millrace::sockets
