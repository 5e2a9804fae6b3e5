// Descriptors that come from elsewhere: through exec, or over another socket. The program that
// finds one tells its owner, and shows the descriptor, which is what gives it the right to use the
// socket. Until then the owner keeps a socket of which it has no descriptor itself for as long as
// anybody has one: the kernel counts them.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "api/sockets/descriptor.h"
#include "api/sockets/process.h"
#include "api/sockets/real_calls.h"
#include "api/sockets/remote.h"

namespace millrace::sockets {
namespace {

constexpr std::size_t kStrangersMax = 64;
constexpr std::int64_t kStrangerPatience_us = 5'000'000;

uid_t user_of(int descriptor) {
  ucred peer{};
  socklen_t length = sizeof peer;
  const int status = real().getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length);
  return status == 0 ? peer.uid : static_cast<uid_t>(-1);
}

}  // namespace

// ---- the owner's side ----

void Process::open_rendezvous() {
  owner_name_ = new_owner_name();
  const int descriptor = sockets::open_rendezvous(owner_name_);
  rendezvous_ = descriptor >= 0 ? move_up(descriptor) : -1;
  if (rendezvous_ >= 0) real().fcntl(rendezvous_, F_SETFL, O_NONBLOCK);
}

/// Somebody has come. The pump waits for what he shows: he costs no thread before. Without a
/// descriptor for him he has to wait.
void Process::welcome() {
  const int accepted = real().accept4(rendezvous_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted < 0) {
    is_deaf_ = errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
    if (is_deaf_) real().epoll_ctl(watched_, EPOLL_CTL_DEL, rendezvous_, nullptr);
    return look_after_idle(is_deaf_ || looks_after_idle_);
  }
  look_after_idle(true);
  const uid_t user = user_of(accepted);
  make_room_for(user);
  const int descriptor = move_up(accepted);
  strangers_.push_back({descriptor, user, monotonic_us() + kStrangerPatience_us});
  watch(descriptor, kStrangers | static_cast<unsigned>(descriptor));
}

void Process::listen_again() {
  is_deaf_ = is_deaf_ && !watch(rendezvous_, kRendezvous);
}

/// The names of owners are no secret. A user who sends many here loses the first of his own, and
/// nobody else's: a program that has become another user's may have a socket of ours all the same.
void Process::make_room_for(uid_t user) {
  if (strangers_.size() < kStrangersMax) return;
  std::unordered_map<uid_t, std::size_t> count{{user, 1}};
  for (const Stranger& stranger : strangers_) ++count[stranger.user];
  const auto least = [](const auto& one, const auto& other) { return one.second < other.second; };
  const uid_t most = std::max_element(count.begin(), count.end(), least)->first;
  const auto first = std::find_if(strangers_.begin(), strangers_.end(),
                                  [most](const Stranger& one) { return one.user == most; });
  turn_away(first != strangers_.end() ? static_cast<std::size_t>(first - strangers_.begin()) : 0);
}

void Process::turn_away(std::size_t stranger) {
  const auto one = strangers_.begin() + static_cast<std::ptrdiff_t>(stranger);
  forget_internal(one->descriptor);
  strangers_.erase(one);
}

void Process::turn_away_late() {
  while (!strangers_.empty() && monotonic_us() >= strangers_.front().until_us) turn_away(0);
}

/// A stranger's first call, which is there as a whole or is none. If he shows a descriptor a thread
/// serves him from now on.
void Process::hear(int descriptor) {
  const auto stranger =
      std::find_if(strangers_.begin(), strangers_.end(),
                   [descriptor](const Stranger& one) { return one.descriptor == descriptor; });
  pollfd entry{descriptor, POLLIN, 0};  // what was told may have been of one who has gone
  if (stranger == strangers_.end() || poll(&entry, 1, 0) == 0) return;
  const auto channel = std::make_shared<Channel>(descriptor);
  RemoteCall call;
  const bool is_known = call.receive(descriptor) && admit(call, channel);
  if (call.descriptor >= 0) real().close(std::exchange(call.descriptor, -1));
  if (!is_known || !call.send(descriptor)) {
    while (!channel->held.empty()) let_go(*channel, *channel->held.begin());
    turn_away(static_cast<std::size_t>(stranger - strangers_.begin()));
    return;
  }
  strangers_.erase(stranger);
  real().epoll_ctl(watched_, EPOLL_CTL_DEL, descriptor, nullptr);
  serve(channel);
}

bool Process::admit(RemoteCall& call, const std::shared_ptr<Channel>& channel) {
  if (call.head.kind != RemoteCall::Kind::adopt) return false;
  call.head.status = adopt_for(*channel, call);
  return call.head.status == 0;
}

std::shared_ptr<Socket> Process::own_socket(std::uint64_t number) const {
  const auto is_it = [number](const std::shared_ptr<Socket>& socket) {
    return socket != nullptr && !socket->is_remote() && socket->number == number;
  };
  if (const auto found = shared_.find(number); found != shared_.end()) return found->second;
  if (const auto found = std::find_if(parked_.begin(), parked_.end(), is_it);
      found != parked_.end())
    return *found;
  const auto found = std::find_if(sockets_.begin(), sockets_.end(), is_it);
  return found != sockets_.end() ? *found : nullptr;
}

ssize_t Process::adopt_for(Channel& channel, RemoteCall& call) {
  const std::shared_ptr<Socket> socket = own_socket(call.head.socket);
  if (socket == nullptr || !socket->descriptor().is_end(call.descriptor)) return -EBADF;
  socket->keep_descriptor(call.descriptor);
  hold(channel, socket);
  unpark(socket);
  AdoptedSocket::of(*socket).write(call);
  return 0;
}

namespace {

/// Of a socket of this process: whether its last descriptor that is known of is gone.
bool has_no_holder(const Socket& socket) {
  return socket.descriptors.empty() && socket.calls == 0 && socket.holders == 0 &&
         !socket.is_closed();
}

}  // namespace

bool Process::is_left(Socket& socket) {
  if (socket.is_remote() || !has_no_holder(socket)) return false;
  socket.drop_kept_descriptor();
  return !socket.descriptor().is_open_somewhere();
}

void Process::settle(const std::shared_ptr<Socket>& socket) {
  if (socket->is_remote()) {
    if (socket->descriptors.empty() && socket->calls == 0) remote::let_go(*socket);
  } else if (is_left(*socket)) {
    socket->close();
  } else if (has_no_holder(*socket)) {
    park(socket);
  }
}

void Process::park(const std::shared_ptr<Socket>& socket) {
  if (std::find(parked_.begin(), parked_.end(), socket) != parked_.end()) return;
  parked_.push_back(socket);
  watch(socket->descriptor().ours(), socket->number);
  look_at_parked(socket->number);  // it may have ended before it was watched
}

void Process::unpark(const std::shared_ptr<Socket>& socket) {
  if (std::erase(parked_, socket) == 0) return;
  ring_keeper();
  real().epoll_ctl(watched_, EPOLL_CTL_DEL, socket->descriptor().ours(), nullptr);
  socket->refresh();
}

void Process::look_at_parked(std::uint64_t number) {
  const auto found = std::find_if(parked_.begin(), parked_.end(), [number](const auto& socket) {
    return socket->number == number;
  });
  if (found == parked_.end() || (*found)->descriptor().is_open_somewhere()) return;
  const std::shared_ptr<Socket> socket = *found;
  parked_.erase(found);
  socket->close();
  ring_keeper();
}

// ---- the other side ----

std::shared_ptr<Link> Process::link_to(const std::string& owner) {
  std::shared_ptr<Link>& link = links_[owner];
  if (link == nullptr) link = std::make_shared<Link>(owner);
  return link;
}

std::shared_ptr<Socket> Process::adopt_remote(int descriptor, const SocketName& name) {
  const std::shared_ptr<Link> link = link_to(name.owner);
  const auto known = std::find_if(sockets_.begin(), sockets_.end(), [&](const auto& socket) {
    return socket != nullptr && socket->link == link && socket->number == name.number;
  });
  if (known != sockets_.end()) return *known;
  AdoptedSocket adopted{AF_INET, 1, {}, {}};
  // Whose owner is gone is a socket too: its calls fail.
  remote::adopt(*link, name.number, descriptor, adopted);
  const auto socket = std::make_shared<Socket>(adopted.family, adopted.is_one_to_one != 0
                                                                   ? Socket::Model::one_to_one
                                                                   : Socket::Model::one_to_many);
  socket->become_remote(link, name.number);
  adopted.limit(*socket);
  return socket;
}

void Process::adopt(int descriptor) {
  SocketName name;
  if (descriptor < 0 || descriptor >= kDescriptorsMax || !read_name(descriptor, name)) return;
  Process& process = get();
  const Guard guard(process);
  if (is_internal(descriptor) || process.find(descriptor) != nullptr) return;
  std::shared_ptr<Socket> socket;
  if (process.context_ != nullptr && name.owner == process.owner_name_) {
    socket = process.own_socket(name.number);
  } else {
    socket = process.adopt_remote(descriptor, name);
  }
  if (socket == nullptr) return;
  process.enter(descriptor, socket);
  process.unpark(socket);
}

void Process::adopt_inherited() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') adopt(std::atoi(entry->d_name));
  }
  closedir(directory);
}

void Process::adopt_passed(const msghdr& message) {
  msghdr walked = message;
  for (cmsghdr* head = CMSG_FIRSTHDR(&walked); head != nullptr; head = CMSG_NXTHDR(&walked, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor;
      std::memcpy(&descriptor, CMSG_DATA(head) + i * sizeof descriptor, sizeof descriptor);
      adopt(descriptor);
    }
  }
}

}  // namespace millrace::sockets
