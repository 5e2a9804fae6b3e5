// The options with arguments that make no sense: no pointer, a foreign one, a length that is short
// or negative, a descriptor that is closed, a way that the option does not go.
#include "tests/sockets_suite/suite.h"

#include <stdio.h>

using namespace suite;

static constexpr char kGroup[] = "options, badly asked";

namespace {

struct Known {
  const char* text;
  int level, name;
  socklen_t size;  // the least that it takes
  bool gets, sets;
  bool is_of_many = false;  // of one-to-many sockets only
};

#define SCTP_BOTH(name, size) \
  { #name, IPPROTO_SCTP, name, size, true, true }
#define SCTP_GETS(name, size) \
  { #name, IPPROTO_SCTP, name, size, true, false }
#define MANY_BOTH(name, size) \
  { #name, IPPROTO_SCTP, name, size, true, true, true }
#define MANY_GETS(name, size) \
  { #name, IPPROTO_SCTP, name, size, true, false, true }
#define SO_BOTH(name, size) \
  { #name, SOL_SOCKET, name, size, true, true }
#define SO_GETS(name, size) \
  { #name, SOL_SOCKET, name, size, true, false }

constexpr socklen_t kInt = sizeof(int);
constexpr socklen_t kValue = sizeof(sctp_assoc_value);

constexpr Known kOptions[] = {
    SCTP_BOTH(SCTP_RTOINFO, sizeof(sctp_rtoinfo)),
    SCTP_BOTH(SCTP_ASSOCINFO, sizeof(sctp_assocparams)),
    SCTP_BOTH(SCTP_INITMSG, sizeof(sctp_initmsg)),
    SCTP_BOTH(SCTP_NODELAY, kInt),
    SCTP_BOTH(SCTP_PRIMARY_ADDR, sizeof(sctp_prim)),
    SCTP_BOTH(SCTP_ADAPTATION_LAYER, sizeof(sctp_setadaptation)),
    SCTP_BOTH(SCTP_DISABLE_FRAGMENTS, kInt),
    SCTP_BOTH(SCTP_PEER_ADDR_PARAMS, 152),
    SCTP_BOTH(SCTP_DEFAULT_SEND_PARAM, sizeof(sctp_sndrcvinfo)),
    SCTP_BOTH(SCTP_I_WANT_MAPPED_V4_ADDR, kInt),
    SCTP_BOTH(SCTP_MAXSEG, kInt),
    SCTP_GETS(SCTP_STATUS, sizeof(sctp_status)),
    SCTP_GETS(SCTP_GET_PEER_ADDR_INFO, sizeof(sctp_paddrinfo)),
    SCTP_BOTH(SCTP_DELAYED_SACK, kValue),
    SCTP_BOTH(SCTP_CONTEXT, kValue),
    SCTP_BOTH(SCTP_FRAGMENT_INTERLEAVE, kInt),
    SCTP_BOTH(SCTP_PARTIAL_DELIVERY_POINT, kInt),
    SCTP_BOTH(SCTP_MAX_BURST, kInt),
    SCTP_BOTH(SCTP_AUTO_ASCONF, kInt),
    SCTP_BOTH(SCTP_PEER_ADDR_THLDS, sizeof(sctp_paddrthlds)),
    SCTP_BOTH(SCTP_PEER_ADDR_THLDS_V2, sizeof(sctp_paddrthlds_v2)),
    SCTP_BOTH(SCTP_RECVRCVINFO, kInt),
    SCTP_BOTH(SCTP_RECVNXTINFO, kInt),
    SCTP_BOTH(SCTP_DEFAULT_SNDINFO, sizeof(sctp_sndinfo)),
    SCTP_GETS(SCTP_REUSE_PORT, kInt),  // of one that is bound, set says EFAULT in any case
    SCTP_BOTH(SCTP_EVENT, sizeof(sctp_event)),
    SCTP_BOTH(SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, kValue),
    SCTP_GETS(SCTP_GET_PEER_ADDRS, sizeof(sctp_getaddrs)),
    SCTP_GETS(SCTP_GET_LOCAL_ADDRS, sizeof(sctp_getaddrs)),
    SCTP_GETS(SCTP_SOCKOPT_CONNECTX3, sizeof(sctp_getaddrs_old)),
    MANY_BOTH(SCTP_AUTOCLOSE, kInt),
    MANY_GETS(SCTP_GET_ASSOC_NUMBER, kInt),
    MANY_GETS(SCTP_GET_ASSOC_ID_LIST, kInt + sizeof(sctp_assoc_t)),
    MANY_GETS(SCTP_SOCKOPT_PEELOFF, sizeof(sctp_peeloff_arg_t)),
    MANY_GETS(SCTP_SOCKOPT_PEELOFF_FLAGS, sizeof(sctp_peeloff_flags_arg_t)),
    SO_GETS(SO_TYPE, kInt),
    SO_GETS(SO_PROTOCOL, kInt),
    SO_GETS(SO_DOMAIN, kInt),
    SO_GETS(SO_ERROR, kInt),
    SO_GETS(SO_ACCEPTCONN, kInt),
    SO_BOTH(SO_SNDBUF, kInt),
    SO_BOTH(SO_RCVBUF, kInt),
    SO_BOTH(SO_LINGER, sizeof(linger)),
    SO_BOTH(SO_RCVTIMEO, sizeof(timeval)),
    SO_BOTH(SO_REUSEADDR, kInt),
    SO_BOTH(SO_KEEPALIVE, kInt),
    SO_BOTH(SO_SNDTIMEO, sizeof(timeval)),
    SO_BOTH(SO_MARK, kInt),
    SO_BOTH(SO_PRIORITY, kInt),
    SO_BOTH(SO_TIMESTAMP, kInt),
    SO_BOTH(SO_TIMESTAMPNS, kInt),
    SO_BOTH(SO_BROADCAST, kInt),
    SO_BOTH(SO_DONTROUTE, kInt),
    SO_BOTH(SO_OOBINLINE, kInt),
    SO_BOTH(SO_REUSEPORT, kInt),
    SO_BOTH(SO_RCVLOWAT, kInt),
};

/// Asks each on a connected socket; with SUITE_VERBOSE it says which.
template <class Ask>
void each(Ask&& ask) {
  for (const Known& one : kOptions) {
    if (getenv("SUITE_VERBOSE") != nullptr) printf("  %s\n", one.text);
    ask(one, one.is_of_many ? many().client : pair().client);
  }
}

/// A value that names an association which there is not.
template <class Layout>
void names_nobody(int fd, int name, Layout value) {
  socklen_t length = sizeof value;
  FAILS(getsockopt(fd, IPPROTO_SCTP, name, &value, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, name, value), EINVAL);
}

}  // namespace

CASE("a value at a foreign address") {
  each([](const Known& one, int fd) {
    socklen_t length = one.size;
    if (one.gets) FAILS(getsockopt(fd, one.level, one.name, foreign(), &length), EFAULT);
    if (one.sets) FAILS(setsockopt(fd, one.level, one.name, foreign(), length), EFAULT);
  });
}

CASE("no value") {
  each([](const Known& one, int fd) {
    socklen_t length = one.size;
    if (one.gets) FAILS(getsockopt(fd, one.level, one.name, nullptr, &length), EFAULT);
    if (one.sets) FAILS(setsockopt(fd, one.level, one.name, nullptr, length), EFAULT);
  });
}

CASE("no length, or one at a foreign address") {
  char value[512] = {};
  each([&](const Known& one, int fd) {
    FAILS(getsockopt(fd, one.level, one.name, value, nullptr), EFAULT);
    FAILS(getsockopt(fd, one.level, one.name, value, foreign<socklen_t>()), EFAULT);
  });
}

CASE("a value that is too short") {
  char value[512] = {};
  each([&](const Known& one, int fd) {
    socklen_t length = one.size - 1;
    if (one.level == IPPROTO_SCTP)  // the socket layer's are cut
      FAILS(getsockopt(fd, one.level, one.name, value, &length), EINVAL);
    if (one.sets) FAILS(setsockopt(fd, one.level, one.name, value, one.size - 1), EINVAL);
  });
}

CASE("a length that is negative") {
  char value[512] = {};
  constexpr auto kNegative = static_cast<socklen_t>(-1);
  each([&](const Known& one, int fd) {
    socklen_t length = kNegative;
    FAILS(getsockopt(fd, one.level, one.name, value, &length), EINVAL);
    FAILS(setsockopt(fd, one.level, one.name, value, kNegative), EINVAL);
  });
}

CASE("a descriptor that is closed") {
  char value[512] = {};
  each([&](const Known& one, int fd) {
    OK(close(fd));
    socklen_t length = one.size;
    FAILS(getsockopt(fd, one.level, one.name, value, &length), EBADF);
    FAILS(setsockopt(fd, one.level, one.name, value, length), EBADF);
  });
}

CASE("what is only told cannot be set") {
  char value[512] = {};
  each([&](const Known& one, int fd) {
    if (!one.sets && one.name != SCTP_REUSE_PORT)
      FAILS(setsockopt(fd, one.level, one.name, value, one.size), ENOPROTOOPT);
  });
}

CASE("options of IP and IPv6: a foreign value or length, a negative length, a closed descriptor") {
  const struct {
    int family, level, name;
  } options[] = {
      {AF_INET, IPPROTO_IP, IP_TOS},
      {AF_INET, IPPROTO_IP, IP_TTL},
      {AF_INET, IPPROTO_IP, IP_MTU_DISCOVER},
      {AF_INET, IPPROTO_IP, IP_FREEBIND},
      {AF_INET, IPPROTO_IP, IP_RECVERR},
      {AF_INET6, IPPROTO_IPV6, IPV6_TCLASS},
      {AF_INET6, IPPROTO_IPV6, IPV6_UNICAST_HOPS},
      {AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY},
      {AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER},
      {AF_INET6, IPPROTO_IPV6, IPV6_RECVERR},
  };
  for (const auto& one : options) {
    const int fd = make(SOCK_STREAM, one.family);
    int value = 0;
    socklen_t length = sizeof value;
    FAILS(getsockopt(fd, one.level, one.name, foreign(), &length), EFAULT);
    FAILS(setsockopt(fd, one.level, one.name, foreign(), length), EFAULT);
    FAILS(getsockopt(fd, one.level, one.name, &value, foreign<socklen_t>()), EFAULT);
    length = static_cast<socklen_t>(-1);
    if (one.level == IPPROTO_IP)  // IPv6 takes it for a large one
      FAILS(getsockopt(fd, one.level, one.name, &value, &length), EINVAL);
    FAILS(setsockopt(fd, one.level, one.name, &value, length), EINVAL);
    if (one.level == IPPROTO_IPV6)
      FAILS(setsockopt(fd, one.level, one.name, &value, sizeof value - 1), EINVAL);
    OK(close(fd));
    length = sizeof value;
    FAILS(getsockopt(fd, one.level, one.name, &value, &length), EBADF);
    FAILS(setsockopt(fd, one.level, one.name, &value, sizeof value), EBADF);
  }
}

CASE("SCTP_EVENTS: null, foreign, closed; too long or of no length") {
  const int fd = make();
  char value[64] = {};
  socklen_t length = 1;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, nullptr, &length), EFAULT);
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, foreign(), &length), EFAULT);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, nullptr, length), EFAULT);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, foreign(), length), EFAULT);
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, value, sizeof value), EINVAL);
  length = 0;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, value, &length), EINVAL);
  OK(close(fd));
  FAILS(setsockopt(fd, IPPROTO_SCTP, SCTP_EVENTS, value, 1), EBADF);
}

CASE("what is of one-to-many sockets, asked of a one-to-one socket") {
  char value[64] = {};
  const int fd = pair().client;
  for (const int name : {SCTP_GET_ASSOC_NUMBER, SCTP_GET_ASSOC_ID_LIST, SCTP_AUTOCLOSE}) {
    socklen_t length = sizeof value;
    FAILS(getsockopt(fd, IPPROTO_SCTP, name, value, &length), EOPNOTSUPP);
  }
  for (const int name : {SCTP_SOCKOPT_PEELOFF, SCTP_SOCKOPT_PEELOFF_FLAGS}) {
    socklen_t length = sizeof value;
    FAILS(getsockopt(fd, IPPROTO_SCTP, name, value, &length), EINVAL);
  }
}

CASE("an association that a one-to-many socket does not have") {
  const int fd = listening(SOCK_SEQPACKET);
  constexpr sctp_assoc_t kNobody = 5000;
  sctp_rtoinfo rto{};
  rto.srto_assoc_id = kNobody;
  names_nobody(fd, SCTP_RTOINFO, rto);
  sctp_assocparams parameters{};
  parameters.sasoc_assoc_id = kNobody;
  names_nobody(fd, SCTP_ASSOCINFO, parameters);
  sctp_paddrparams path{};
  path.spp_assoc_id = kNobody;
  names_nobody(fd, SCTP_PEER_ADDR_PARAMS, path);
  sctp_sndrcvinfo sent{};
  sent.sinfo_assoc_id = kNobody;
  names_nobody(fd, SCTP_DEFAULT_SEND_PARAM, sent);
  sctp_sndinfo newer{};
  newer.snd_assoc_id = kNobody;
  names_nobody(fd, SCTP_DEFAULT_SNDINFO, newer);
  names_nobody(fd, SCTP_DELAYED_SACK, sctp_sack_info{kNobody, 50, 2});
  for (const int name :
       {SCTP_MAXSEG, SCTP_CONTEXT, SCTP_MAX_BURST, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE})
    names_nobody(fd, name, sctp_assoc_value{kNobody, 1});
  sctp_event event{};
  event.se_assoc_id = kNobody;
  event.se_type = SCTP_SHUTDOWN_EVENT;
  names_nobody(fd, SCTP_EVENT, event);
}
