// Options that a destination address has of its own, and what the engine calls its own host.
#include "tests/sockets/engine.h"

namespace millrace::sockets {
namespace {

sctp_paddrparams about(const char* address, std::uint16_t port) {
  sctp_paddrparams info{};
  const sockaddr_in to = at(address, port);
  std::memcpy(&info.spp_address, &to, sizeof to);
  return info;
}

/// The MTU that the engine has for the listener's address, once it is `wanted`; else the last one.
std::uint32_t mtu_once(const Pair& pair, std::uint32_t wanted) {
  sctp_paddrinfo path{};
  const sockaddr_in peer = at("10.0.0.1", pair.listener.port());
  std::memcpy(&path.spinfo_address, &peer, sizeof peer);
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, path) == 0);
  // The engine tells it a moment later.
  for (int i = 0; i < 500 && path.spinfo_mtu != wanted; ++i) {
    usleep(10'000);
    REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, path) == 0);
  }
  return path.spinfo_mtu;
}

TEST_CASE("an address has numbers of its own, and the association keeps its own") {
  Pair pair;
  sctp_paddrparams own = about("10.0.0.1", pair.listener.port());
  own.spp_flags = SPP_HB_ENABLE;
  own.spp_hbinterval = 7000;
  own.spp_pathmaxrxt = 3;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, own) == 0);
  sctp_paddrparams seen = about("10.0.0.1", pair.listener.port());
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, seen) == 0);
  CHECK(seen.spp_hbinterval == 7000);
  CHECK(seen.spp_pathmaxrxt == 3);
  sctp_paddrparams all{};
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  CHECK(all.spp_hbinterval != 7000);
  // What is set for all afterwards is set for this one too.
  all = sctp_paddrparams{};
  all.spp_pathmaxrxt = 9;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, seen) == 0);
  CHECK(seen.spp_pathmaxrxt == 9);
  CHECK(seen.spp_hbinterval == 7000);
  sctp_paddrparams other = about("10.0.0.77", 1);
  CHECK(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, other) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("an MTU that is fixed is what the path has, until it may be found out again") {
  Pair pair;
  sctp_paddrparams info = about("10.0.0.1", pair.listener.port());
  info.spp_flags = SPP_PMTUD_DISABLE;
  info.spp_pathmtu = 800;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info) == 0);
  CHECK(mtu_once(pair, 800) == 800);
  sctp_paddrparams seen = about("10.0.0.1", pair.listener.port());
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, seen) == 0);
  CHECK(std::uint32_t{seen.spp_pathmtu} == 800);  // a copy: the structure is packed
  CHECK((seen.spp_flags & SPP_PMTUD_DISABLE) != 0);
  CHECK(pair.client.send(std::string(5000, 'x')) == 5000);
  CHECK(receive(pair.server).size == 5000);
  info.spp_flags = SPP_PMTUD_ENABLE;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info) == 0);
  info.spp_pathmtu = 100;
  CHECK(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("without fragments a message is as large as the path carries, and no larger") {
  Pair pair;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_DISABLE_FRAGMENTS, 1) == 0);
  const auto is_refused = [&pair](std::size_t size) {
    const bool is = pair.client.send(std::string(size, 'x')) == -1 && errno == EMSGSIZE;
    return is;
  };
  CHECK(is_refused(1453));
  REQUIRE(pair.client.send(std::string(1452, 'x')) == 1452);
  sctp_paddrparams info = about("10.0.0.1", pair.listener.port());
  info.spp_flags = SPP_PMTUD_DISABLE;
  info.spp_pathmtu = 800;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info) == 0);
  CHECK(is_refused(1000));
  CHECK(is_refused(753));
  CHECK(pair.client.send(std::string(752, 'x')) == 752);
  sctp_status status{};
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_STATUS, status) == 0);
  CHECK(status.sstat_fragmentation_point == 752);
  // A record counts whole.
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_EXPLICIT_EOR, 1) == 0);
  CHECK(pair.client.send(std::string(700, 'x')) == 700);
  CHECK(pair.client.send(std::string(53, 'x'), MSG_NOSIGNAL | MSG_EOR) == -1);
  CHECK(errno == EMSGSIZE);
}

TEST_CASE("what is set for all addresses again reaches one that has another value of its own") {
  Pair pair;
  sctp_paddrparams all{};
  all.spp_flags = SPP_PMTUD_DISABLE;
  all.spp_pathmtu = 1000;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  CHECK(mtu_once(pair, 1000) == 1000);
  sctp_paddrparams own = about("10.0.0.1", pair.listener.port());
  own.spp_flags = SPP_PMTUD_DISABLE;
  own.spp_pathmtu = 800;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, own) == 0);
  CHECK(mtu_once(pair, 800) == 800);
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  CHECK(mtu_once(pair, 1000) == 1000);
}

TEST_CASE("a heartbeat on demand wants an address") {
  Pair pair;
  sctp_paddrparams info{};
  info.spp_flags = SPP_HB_DEMAND;
  CHECK(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info) == -1);
  CHECK(errno == EINVAL);
  info = about("10.0.0.1", pair.listener.port());
  info.spp_flags = SPP_HB_DEMAND;
  CHECK(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info) == 0);
}

TEST_CASE(
    "IP_TOS changes no DSCP that SPP_DSCP has set, of a socket, an association or an address") {
  Pair pair;
  constexpr int kHigh = 46 << 2, kLow = 10 << 2, kOther = 12 << 2;
  sctp_paddrparams own = about("10.0.0.1", pair.listener.port());
  own.spp_flags = SPP_DSCP;
  own.spp_dscp = kHigh;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, own) == 0);
  REQUIRE(pair.client.set(IPPROTO_IP, IP_TOS, kLow) == 0);
  sctp_paddrparams seen = about("10.0.0.1", pair.listener.port());
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, seen) == 0);
  CHECK(int{seen.spp_dscp} == kHigh);
  sctp_paddrparams all{};
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  CHECK((all.spp_flags & SPP_DSCP) == 0);  // what IP_TOS has set is not its
  all = sctp_paddrparams{};
  all.spp_flags = SPP_DSCP;
  all.spp_dscp = kOther;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  REQUIRE(pair.client.set(IPPROTO_IP, IP_TOS, kLow) == 0);
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  CHECK(int{all.spp_dscp} == kOther);
  Handle fresh(SOCK_STREAM);
  REQUIRE(fresh.set(IPPROTO_IP, IP_TOS, kHigh) == 0);
  all = sctp_paddrparams{};
  REQUIRE(fresh.get(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, all) == 0);
  CHECK((all.spp_flags & SPP_DSCP) == 0);
}

TEST_CASE("thresholds come back in both layouts, and must be in order") {
  Pair pair;
  sctp_paddrthlds_v2 limits{};
  limits.spt_pathmaxrxt = 6;
  limits.spt_pathpfthld = 2;
  limits.spt_pathcpthld = 4;
  REQUIRE(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, limits) == 0);
  sctp_paddrthlds_v2 seen{};
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, seen) == 0);
  CHECK(seen.spt_pathmaxrxt == 6);
  CHECK(seen.spt_pathpfthld == 2);
  CHECK(seen.spt_pathcpthld == 4);
  sctp_paddrthlds old{};
  REQUIRE(pair.client.get(IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS, old) == 0);
  CHECK(old.spt_pathpfthld == 2);
  limits.spt_pathpfthld = 5;
  CHECK(pair.client.set(IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, limits) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("whether potentially failed paths are shown has three values, as on Linux") {
  const Handle socket(SOCK_STREAM);
  sctp_assoc_value value{};
  CHECK(socket.get(IPPROTO_SCTP, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, value) == 0);
  CHECK(value.assoc_value == SCTP_PF_EXPOSE_UNSET);
  value.assoc_value = SCTP_PF_EXPOSE_ENABLE;
  CHECK(socket.set(IPPROTO_SCTP, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, value) == 0);
  CHECK(socket.get(IPPROTO_SCTP, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, value) == 0);
  CHECK(value.assoc_value == SCTP_PF_EXPOSE_ENABLE);
  value.assoc_value = 3;
  CHECK(socket.set(IPPROTO_SCTP, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, value) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("a message may name its peer's address, with SCTP_ADDR_OVER") {
  Pair pair;
  iovec part{const_cast<char*>("over"), 4};
  const sockaddr_in to = at("10.0.0.1", pair.listener.port());
  sctp_sndinfo info{};
  info.snd_flags = SCTP_ADDR_OVER;
  CHECK(sctp_sendv(pair.client.number, &part, 1,
                   reinterpret_cast<sockaddr*>(const_cast<sockaddr_in*>(&to)), 1, &info,
                   sizeof info, SCTP_SENDV_SNDINFO, 0) == 4);
  CHECK(receive(pair.server).data == "over");
}

TEST_CASE("the host itself is reached by any loopback address and by the engine's own") {
  const char* address = GENERATE("127.0.0.1", "127.3.2.1", "10.0.0.1", "0.0.0.0");
  CAPTURE(address);
  const Handle listener(SOCK_SEQPACKET);
  REQUIRE(listener.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  const Handle client(SOCK_SEQPACKET);
  const sockaddr_in to = at(address, listener.port());
  REQUIRE(client.send_to("on the third leg", &to) == 16);
  const Received got = receive(listener);
  CHECK(got.data == "on the third leg");
  REQUIRE(listener.send_to("back", &got.from) == 4);
  CHECK(receive(client).data == "back");
}

TEST_CASE("a socket of the wildcard is known by the loopback address at which it is reached") {
  const Handle listener(SOCK_STREAM);
  REQUIRE(listener.bind("0.0.0.0", 0) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  const Handle client(SOCK_STREAM);
  REQUIRE(client.connect("127.0.0.5", listener.port()) == 0);
  sockaddr_in name{};
  socklen_t length = sizeof name;
  const Handle server(Handle::Adopt{calls::accept(listener.number, nullptr, nullptr, 0)});
  REQUIRE(calls::getsockname(server.number, reinterpret_cast<sockaddr*>(&name), &length) == 0);
  CHECK(name.sin_addr.s_addr == at("127.0.0.5", 0).sin_addr.s_addr);
  length = sizeof name;
  REQUIRE(calls::getpeername(client.number, reinterpret_cast<sockaddr*>(&name), &length) == 0);
  CHECK(name.sin_addr.s_addr == at("127.0.0.5", 0).sin_addr.s_addr);
  CHECK(client.send("near") == 4);
  CHECK(receive(server).data == "near");
}

TEST_CASE("a one-to-many socket does not speak with itself") {
  const Handle both(SOCK_SEQPACKET);
  REQUIRE(both.bind("127.0.0.1", 0) == 0);
  REQUIRE(calls::listen(both.number, 5) == 0);
  const sockaddr_in own = at("127.0.0.1", both.port());
  CHECK(both.send_to("echo", &own) == -1);
  CHECK(errno == EINVAL);
  const sockaddr_in other = at("127.0.0.7", both.port());  // which is the same to the engine
  CHECK(both.send_to("echo", &other) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("IPv6 sockets reach themselves over ::1, and others over mapped addresses") {
  const bool is_mapped = GENERATE(false, true);
  const Handle listener(SOCK_STREAM, AF_INET6);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  REQUIRE(calls::bind(listener.number, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(calls::listen(listener.number, 5) == 0);
  socklen_t length = sizeof any;
  REQUIRE(calls::getsockname(listener.number, reinterpret_cast<sockaddr*>(&any), &length) == 0);
  inet_pton(AF_INET6, is_mapped ? "::ffff:10.0.0.1" : "::1", &any.sin6_addr);
  const Handle client(SOCK_STREAM, AF_INET6);
  REQUIRE(calls::connect(client.number, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
  sockaddr_in6 peer{};
  length = sizeof peer;
  const Handle server(Handle::Adopt{
      calls::accept(listener.number, reinterpret_cast<sockaddr*>(&peer), &length, 0)});
  REQUIRE(server.number >= 0);
  CHECK(peer.sin6_family == AF_INET6);
  CHECK(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr) == is_mapped);
  CHECK(client.send("six") == 3);
  CHECK(receive(server).data == "six");
}

}  // namespace
}  // namespace millrace::sockets
