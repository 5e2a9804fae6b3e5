// Ports that reach into the kernel: needs root, works in a namespace of its own.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "drivers/ethdev_port.h"
#include "engine/base/crc32c.h"
#include "engine/net/stack.h"
#include "tests/drivers/environment.h"

namespace millrace::drivers {
namespace {

/// A stack on one device.
class Node {
 public:
  Node(const std::string& device, const std::vector<std::string>& addresses) {
    std::string fault;
    port = EthdevPort::open({.device = device}, *environment().pool, fault);
    INFO(fault);
    REQUIRE(port != nullptr);
    queue = port->queue(0, stack_of_buffers);
    net::StackConfig config;
    config.interfaces.resize(1);
    config.interfaces[0].name = device;
    config.interfaces[0].traits = port->traits();
    for (const std::string& address : addresses) {
      config.interfaces[0].addresses.push_back(*Prefix::parse(address));
    }
    PortQueue* queues[] = {queue.get()};
    stack = std::make_unique<net::Stack>(config, queues, stack_of_buffers, counters);
  }
  ~Node() {
    for (const net::SctpPacket& packet : received) stack_of_buffers.release(packet.buffer);
    stack.reset();
    queue.reset();
    environment().pool->empty(stack_of_buffers);
  }

  static Time now() {
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(
                std::chrono::steady_clock::now().time_since_epoch())
                .count()};
  }

  void poll() {
    std::vector<Buffer*> frames(kBurstMax);
    std::vector<net::SctpPacket> out(kBurstMax);
    frames.resize(queue->receive(frames));
    const std::size_t count = stack->on_frames(now(), 0, frames, out);
    received.insert(received.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));
    if (stack->next_deadline() <= now()) stack->on_deadline(now());
    stack->flush();
    queue->balance_pool();
  }

  void send(const IpAddress& to, std::size_t length, std::uint8_t fill) {
    Buffer* buffer = stack_of_buffers.acquire();
    REQUIRE(buffer != nullptr);
    std::memset(buffer->data, fill, length);
    buffer->length = static_cast<std::uint32_t>(length);
    CHECK(stack->send(now(), buffer, {}, to));
  }

  std::uint64_t count(Counter counter) const { return counters.get(counter); }

  BufferPool stack_of_buffers{environment().pool->count()};
  Counters counters;
  std::unique_ptr<EthdevPort> port;
  std::unique_ptr<PortQueue> queue;
  std::unique_ptr<net::Stack> stack;
  std::vector<net::SctpPacket> received;
};

/// Polls until it is so, five seconds at most.
bool eventually(const std::vector<Node*>& nodes, const std::function<bool()>& is_so) {
  const Time end = Node::now() + seconds(5);
  while (!is_so()) {
    if (Node::now() > end) return false;
    for (Node* node : nodes) node->poll();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

#define NEEDS_NAMESPACE()                                                 \
  if (!environment().has_namespace) {                                     \
    WARN("skipped: making network namespaces and interfaces takes root"); \
    return;                                                               \
  }

/// Two stacks send each other what fits a frame, over both IP versions.
void check_talk(const std::string& device_a, const std::string& device_b) {
  Node a(device_a, {"10.77.0.1/24", "fd77::1/64"});
  Node b(device_b, {"10.77.0.2/24", "fd77::2/64"});
  CHECK(a.port->traits().mtu == 1500);
  REQUIRE(eventually({&a, &b}, [&] { return a.port->link().is_up && b.port->link().is_up; }));
  const IpAddress to[] = {*IpAddress::parse("10.77.0.2"), *IpAddress::parse("fd77::2")};
  for (std::size_t i = 0; i < 50; ++i) {
    a.send(to[i % 2], 100 + i * 27, static_cast<std::uint8_t>(i));
    // The first of each waits for its neighbour; the others must not overtake it.
    if (i < 2) CHECK(eventually({&a, &b}, [&] { return b.received.size() == i + 1; }));
  }
  CHECK(eventually({&a, &b}, [&] { return b.received.size() == 50; }));
  for (std::size_t i = 0; i < b.received.size(); ++i) {
    CHECK(b.received[i].bytes.size() == 100 + i * 27);
    CHECK(b.received[i].bytes.back() == i);
  }
  b.send(*IpAddress::parse("10.77.0.1"), 400, 9);
  CHECK(eventually({&a, &b}, [&] { return a.received.size() == 1; }));
  CHECK(b.count(Counter::drop_bad_checksum) == 0);
  CHECK(b.port->statistics().frames_received >= 50);
}

TEST_CASE("two stacks talk over net_af_packet on veth") {
  NEEDS_NAMESPACE();
  REQUIRE(run("ip link add drv0 type veth peer name drv1"));
  REQUIRE(run("ip link set drv0 up && ip link set drv1 up"));
  check_talk("net_af_packet0,iface=drv0", "net_af_packet1,iface=drv1");
  CHECK(run("ip link del drv0"));
}

TEST_CASE("two stacks talk over net_af_xdp on veth") {
  NEEDS_NAMESPACE();
  const int xdp = socket(AF_XDP, SOCK_RAW, 0);
  if (xdp < 0) {
    WARN("skipped: this kernel has no AF_XDP sockets");
    return;
  }
  close(xdp);
  REQUIRE(run("ip link add drv4 type veth peer name drv5"));
  REQUIRE(run("ip link set drv4 up && ip link set drv5 up"));
  check_talk("net_af_xdp0,iface=drv4", "net_af_xdp1,iface=drv5");
  CHECK(run("ip link del drv4"));
}

TEST_CASE("two stacks talk over net_memif") {
  NEEDS_NAMESPACE();  // and with it a name for the socket that nobody else has
  check_talk("net_memif0,role=server,socket=millrace_test_drivers",
             "net_memif1,role=client,socket=millrace_test_drivers");
}

TEST_CASE("a VLAN of a veth works, whoever takes the tag off") {
  NEEDS_NAMESPACE();
  REQUIRE(run("ip link add drv2 type veth peer name drv3"));
  REQUIRE(run("ip link set drv2 up && ip link set drv3 up"));
  {
    Node a("net_af_packet2,iface=drv2", {"10.78.0.1/24"});
    Node b("net_af_packet3,iface=drv3", {"10.78.0.2/24"});
    for (Node* node : {&a, &b}) {
      net::StackConfig config;
      config.interfaces.resize(1);
      config.interfaces[0].name = "tagged";
      config.interfaces[0].traits = node->port->traits();
      config.interfaces[0].vlan = 99;
      config.interfaces[0].addresses = {
          *Prefix::parse(node == &a ? "10.78.0.1/24" : "10.78.0.2/24")};
      PortQueue* queues[] = {node->queue.get()};
      node->stack =
          std::make_unique<net::Stack>(config, queues, node->stack_of_buffers, node->counters);
    }
    a.send(*IpAddress::parse("10.78.0.2"), 1480, 1);
    CHECK(eventually({&a, &b}, [&] { return b.received.size() == 1; }));
  }
  CHECK(run("ip link del drv2"));
}

TEST_CASE("the kernel resolves, pings and sends to a stack on net_tap") {
  NEEDS_NAMESPACE();
  Node node("net_tap0,iface=drvtap0", {"10.79.0.2/24", "fd79::2/64"});
  REQUIRE(run("ip addr add 10.79.0.1/24 dev drvtap0"));
  REQUIRE(run("ip -6 addr add fd79::1/64 dev drvtap0 nodad"));
  REQUIRE(run("ip link set drvtap0 up"));
  for (const std::string command :
       {"ping -c 2 -i 0.2 -W 3 10.79.0.2", "ping -c 2 -i 0.2 -W 3 -s 1400 fd79::2",
        "ping -c 1 -W 1 -s 1900 10.79.0.2"}) {
    bool is_done = false, is_fine = false;
    std::thread pinger([&] {
      is_fine = run(command);
      __atomic_store_n(&is_done, true, __ATOMIC_RELEASE);
    });
    eventually({&node}, [&] { return __atomic_load_n(&is_done, __ATOMIC_ACQUIRE); });
    pinger.join();
    INFO(command);
    // The last request comes in two fragments and its answer would not fit one frame.
    CHECK(is_fine == (command.find("1900") == std::string::npos));
  }
  CHECK(node.count(Counter::echo_replies_sent) == 4);
  CHECK(node.count(Counter::drop_too_big) == 1);
  CHECK(node.count(Counter::arp_received) >= 1);
  CHECK(node.count(Counter::nd_received) >= 1);

  // The kernel has no SCTP: a raw socket plays the peer.
  const int peer = socket(AF_INET, SOCK_RAW, IPPROTO_SCTP);
  REQUIRE(peer >= 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = inet_addr("10.79.0.2");
  std::vector<std::uint8_t> packet(1900, 0x5a);  // in two fragments
  store_sctp_checksum(packet);
  CHECK(sendto(peer, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to),
               sizeof to) == 1900);
  CHECK(eventually({&node}, [&] { return node.received.size() == 1; }));
  node.send(*IpAddress::parse("10.79.0.1"), 800, 0x33);
  std::vector<std::uint8_t> answer(2000);
  ssize_t received = -1;
  CHECK(eventually({&node}, [&] {
    received = recv(peer, answer.data(), answer.size(), MSG_DONTWAIT);
    return received > 0;
  }));
  CHECK(received == 820);  // with its IP header
  CHECK(is_sctp_checksum_right({answer.data() + 20, 800}));
  close(peer);
}

TEST_CASE("the link of a kernel's interface is the kernel's") {
  NEEDS_NAMESPACE();
  REQUIRE(run("ip link add drv6 type veth peer name drv7"));
  REQUIRE(run("ip link set drv6 up && ip link set drv7 up"));
  {
    Node node("net_af_packet6,iface=drv6", {"10.80.0.1/24"});
    CHECK(node.port->link().is_up);
    REQUIRE(run("ip link set drv7 down"));
    CHECK_FALSE(node.port->link().is_up);
    REQUIRE(run("ip link set drv7 up"));
    CHECK(node.port->link().is_up);
  }
  CHECK(run("ip link del drv6"));
}

}  // namespace
}  // namespace millrace::drivers
