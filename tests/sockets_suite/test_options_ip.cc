// What the IP headers of packets say: IP_TOS and its kin, SPP_DSCP, SPP_IPV6_FLOWLABEL.
#include "tests/sockets_suite/suite.h"

using namespace suite;

static constexpr char kGroup[] = "IP options";

namespace {

constexpr int kExpedited = 46 << 2;  // as it stands in a byte of the header

sctp_paddrparams path_of(int fd, const Address* peer = nullptr) {
  sctp_paddrparams info{};
  if (peer != nullptr) memcpy(&info.spp_address, &peer->storage, sizeof info.spp_address);
  socklen_t length = sizeof info;
  OK(getsockopt(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &info, &length));
  return info;
}

int set_dscp(int fd, int traffic_class, const Address* peer = nullptr) {
  sctp_paddrparams info{};
  if (peer != nullptr) memcpy(&info.spp_address, &peer->storage, sizeof info.spp_address);
  info.spp_flags = SPP_DSCP;
  info.spp_dscp = static_cast<uint8_t>(traffic_class);
  return set(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info);
}

}  // namespace

CASE("IP_TOS is set and read back, by a byte too") {
  const int fd = make();
  EQUAL(option<int>(fd, IPPROTO_IP, IP_TOS), 0);
  OK(set(fd, IPPROTO_IP, IP_TOS, kExpedited));
  EQUAL(option<int>(fd, IPPROTO_IP, IP_TOS), kExpedited);
  const unsigned char byte = 10 << 2;
  OK(set(fd, IPPROTO_IP, IP_TOS, byte));
  EQUAL(option<int>(fd, IPPROTO_IP, IP_TOS), byte);
  EQUAL(option<unsigned char>(fd, IPPROTO_IP, IP_TOS), byte);
}

CASE("IP_TOS: the bits of ECN are the protocol's") {
  const int fd = make();
  OK(set(fd, IPPROTO_IP, IP_TOS, kExpedited | 3));
  EQUAL(option<int>(fd, IPPROTO_IP, IP_TOS), kExpedited);
}

CASE("IP_TTL and IPV6_UNICAST_HOPS have a range") {
  const int four = make();
  const int six = make(SOCK_STREAM, AF_INET6);
  EQUAL(option<int>(four, IPPROTO_IP, IP_TTL), 64);
  EQUAL(option<int>(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64);
  OK(set(four, IPPROTO_IP, IP_TTL, 255));
  EQUAL(option<int>(four, IPPROTO_IP, IP_TTL), 255);
  OK(set(four, IPPROTO_IP, IP_TTL, -1));
  EQUAL(option<int>(four, IPPROTO_IP, IP_TTL), 64);
  OK(set(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 3));
  EQUAL(option<int>(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 3);
  for (const int wrong : {0, 256, -2}) FAILS(set(four, IPPROTO_IP, IP_TTL, wrong), EINVAL);
  for (const int wrong : {256, -2}) FAILS(set(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS, wrong), EINVAL);
}

CASE("IPV6_UNICAST_HOPS may be 0") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 0));
  EQUAL(option<int>(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 0);
}

CASE("IPV6_TCLASS has a range, and -1 is the default") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(set(fd, IPPROTO_IPV6, IPV6_TCLASS, kExpedited));
  EQUAL(option<int>(fd, IPPROTO_IPV6, IPV6_TCLASS), kExpedited);
  OK(set(fd, IPPROTO_IPV6, IPV6_TCLASS, -1));
  EQUAL(option<int>(fd, IPPROTO_IPV6, IPV6_TCLASS), 0);
  FAILS(set(fd, IPPROTO_IPV6, IPV6_TCLASS, 256), EINVAL);
  FAILS(set(fd, IPPROTO_IPV6, IPV6_TCLASS, -2), EINVAL);
}

CASE("options of IPv6 are none of an IPv4 socket's") {
  const int fd = make();
  int value = 0;
  socklen_t length = sizeof value;
  FAILS(set(fd, IPPROTO_IPV6, IPV6_TCLASS, 0), ENOPROTOOPT);
  FAILS(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), ENOPROTOOPT);
  FAILS(getsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value, &length), EOPNOTSUPP);
}

CASE("options of IPv4 on an IPv6 socket") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  OK(set(fd, IPPROTO_IP, IP_TOS, kExpedited));
  EQUAL(option<int>(fd, IPPROTO_IP, IP_TOS), kExpedited);
}

CASE("IP_TOS of a connected socket") {
  const Pair two = pair();
  OK(set(two.client, IPPROTO_IP, IP_TOS, kExpedited));
  EQUAL(option<int>(two.client, IPPROTO_IP, IP_TOS) & ~3, kExpedited);
  EQUAL(say(two.client, "x"), 1);
  CHECK(receive(two.server).is("x"));
}

CASE("IP_TTL of a listener is that of the accepted, and IP_TOS is not") {
  const int listener = listening();
  OK(set(listener, IPPROTO_IP, IP_TOS, kExpedited));
  OK(set(listener, IPPROTO_IP, IP_TTL, 9));
  OK(connect_to(make(), name_of(listener)));
  const int server = OK(accept(listener, nullptr, nullptr));
  EQUAL(option<int>(server, IPPROTO_IP, IP_TOS), 0);
  EQUAL(option<int>(server, IPPROTO_IP, IP_TTL), 9);
}

CASE("SPP_DSCP of a socket, of its associations to come, and of one address") {
  const int fd = make();
  EQUAL(path_of(fd).spp_flags & SPP_DSCP, 0);
  OK(set_dscp(fd, kExpedited | 3));
  EQUAL(path_of(fd).spp_flags & SPP_DSCP, SPP_DSCP);
  EQUAL(path_of(fd).spp_dscp, kExpedited);
  const int listener = listening();
  OK(connect_to(fd, name_of(listener)));
  const Address peer = peer_of(fd);
  EQUAL(path_of(fd, &peer).spp_dscp, kExpedited);
  OK(set_dscp(fd, 10 << 2, &peer));
  EQUAL(path_of(fd, &peer).spp_dscp, 10 << 2);
  EQUAL(path_of(fd).spp_dscp, kExpedited);
  OK(set_dscp(fd, 12 << 2));
  EQUAL(path_of(fd, &peer).spp_dscp, 12 << 2);
}

CASE("SPP_DSCP is what it has set, 0 too, and not what IP_TOS has") {
  const Pair two = pair();
  const Address peer = peer_of(two.client);
  OK(set(two.client, IPPROTO_IP, IP_TOS, kExpedited));
  EQUAL(path_of(two.client).spp_flags & SPP_DSCP, 0);
  EQUAL(path_of(two.client).spp_dscp, 0);
  OK(set_dscp(two.client, 0, &peer));
  EQUAL(path_of(two.client).spp_flags & SPP_DSCP, 0);
  EQUAL(path_of(two.client, &peer).spp_flags & SPP_DSCP, SPP_DSCP);
  EQUAL(path_of(two.client, &peer).spp_dscp, 0);
  OK(set_dscp(two.client, 0));
  EQUAL(path_of(two.client).spp_flags & SPP_DSCP, SPP_DSCP);
  EQUAL(path_of(two.client).spp_dscp, 0);
}

CASE("SPP_DSCP of a listener is that of the accepted") {
  const int listener = listening();
  OK(set_dscp(listener, kExpedited));
  OK(connect_to(make(), name_of(listener)));
  const int server = OK(accept(listener, nullptr, nullptr));
  EQUAL(path_of(server).spp_dscp, kExpedited);
}

CASE("SPP_IPV6_FLOWLABEL has 20 bits") {
  const int fd = make(SOCK_STREAM, AF_INET6);
  EQUAL(path_of(fd).spp_flags & SPP_IPV6_FLOWLABEL, 0);
  sctp_paddrparams info{};
  info.spp_flags = SPP_IPV6_FLOWLABEL;
  info.spp_ipv6_flowlabel = 0xfabcdef;
  OK(set(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, info));
  EQUAL(path_of(fd).spp_flags & SPP_IPV6_FLOWLABEL, SPP_IPV6_FLOWLABEL);
  EQUAL(path_of(fd).spp_ipv6_flowlabel, 0xbcdef);
}

CASE("SPP_DSCP wants the structure that has it") {
  sctp_paddrparams info{};
  info.spp_flags = SPP_DSCP;
  FAILS(setsockopt(make(), IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &info, 152), EINVAL);
  info.spp_flags = 0;
  OK(setsockopt(make(), IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &info, 152));
}
