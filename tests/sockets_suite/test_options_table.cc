// The options with arguments that make no sense: no pointer, a foreign one, a length that is short
// or negative, a descriptor that is closed, a way that the option does not go.
#include "tests/sockets_suite/suite.h"

#include <stdio.h>
#include <sys/mman.h>

using namespace suite;

static constexpr char kGroup[] = "options, badly asked";

namespace {

struct Known {
  const char* text;
  int name;
  socklen_t size;  // the least that it takes
  bool gets, sets;
};

#define BOTH(name, size) \
  { #name, name, size, true, true }
#define GETS(name, size) \
  { #name, name, size, true, false }

constexpr socklen_t kInt = sizeof(int);
constexpr socklen_t kValue = sizeof(sctp_assoc_value);

constexpr Known kSctp[] = {
    BOTH(SCTP_RTOINFO, sizeof(sctp_rtoinfo)),
    BOTH(SCTP_ASSOCINFO, sizeof(sctp_assocparams)),
    BOTH(SCTP_INITMSG, sizeof(sctp_initmsg)),
    BOTH(SCTP_NODELAY, kInt),
    BOTH(SCTP_PRIMARY_ADDR, sizeof(sctp_prim)),
    BOTH(SCTP_ADAPTATION_LAYER, sizeof(sctp_setadaptation)),
    BOTH(SCTP_DISABLE_FRAGMENTS, kInt),
    BOTH(SCTP_PEER_ADDR_PARAMS, 152),
    BOTH(SCTP_DEFAULT_SEND_PARAM, sizeof(sctp_sndrcvinfo)),
    BOTH(SCTP_I_WANT_MAPPED_V4_ADDR, kInt),
    BOTH(SCTP_MAXSEG, kInt),
    GETS(SCTP_STATUS, sizeof(sctp_status)),
    GETS(SCTP_GET_PEER_ADDR_INFO, sizeof(sctp_paddrinfo)),
    BOTH(SCTP_DELAYED_SACK, kValue),
    BOTH(SCTP_CONTEXT, kValue),
    BOTH(SCTP_FRAGMENT_INTERLEAVE, kInt),
    BOTH(SCTP_PARTIAL_DELIVERY_POINT, kInt),
    BOTH(SCTP_MAX_BURST, kInt),
    BOTH(SCTP_AUTO_ASCONF, kInt),
    BOTH(SCTP_PEER_ADDR_THLDS, sizeof(sctp_paddrthlds)),
    BOTH(SCTP_PEER_ADDR_THLDS_V2, sizeof(sctp_paddrthlds_v2)),
    BOTH(SCTP_RECVRCVINFO, kInt),
    BOTH(SCTP_RECVNXTINFO, kInt),
    BOTH(SCTP_DEFAULT_SNDINFO, sizeof(sctp_sndinfo)),
    GETS(SCTP_REUSE_PORT, kInt),  // of one that is bound, set says EFAULT in any case
    BOTH(SCTP_EVENT, sizeof(sctp_event)),
    BOTH(SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, kValue),
};

constexpr Known kSocket[] = {
    GETS(SO_TYPE, kInt),      GETS(SO_PROTOCOL, kInt),         GETS(SO_DOMAIN, kInt),
    GETS(SO_ERROR, kInt),     GETS(SO_ACCEPTCONN, kInt),       BOTH(SO_SNDBUF, kInt),
    BOTH(SO_RCVBUF, kInt),    BOTH(SO_LINGER, sizeof(linger)), BOTH(SO_RCVTIMEO, sizeof(timeval)),
    BOTH(SO_REUSEADDR, kInt), BOTH(SO_KEEPALIVE, kInt),        BOTH(SO_SNDTIMEO, sizeof(timeval)),
    BOTH(SO_MARK, kInt),      BOTH(SO_PRIORITY, kInt),         BOTH(SO_TIMESTAMP, kInt),
};

void* foreign() {
  static void* page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page;
}

/// Asks each on a connected socket; with SUITE_VERBOSE it says which.
template <class Table, class Ask>
void each(const Table& table, Ask&& ask) {
  for (const Known& one : table) {
    if (getenv("SUITE_VERBOSE") != nullptr) printf("  %s\n", one.text);
    ask(one, pair().client);
  }
}

}  // namespace

CASE("a value at a foreign address") {
  each(kSctp, [](const Known& one, int fd) {
    socklen_t length = one.size;
    if (one.gets) FAILS(getsockopt(fd, IPPROTO_SCTP, one.name, foreign(), &length), EFAULT);
    if (one.sets) FAILS(setsockopt(fd, IPPROTO_SCTP, one.name, foreign(), length), EFAULT);
  });
  each(kSocket, [](const Known& one, int fd) {
    socklen_t length = one.size;
    if (one.gets) FAILS(getsockopt(fd, SOL_SOCKET, one.name, foreign(), &length), EFAULT);
    if (one.sets) FAILS(setsockopt(fd, SOL_SOCKET, one.name, foreign(), length), EFAULT);
  });
}

CASE("no value") {
  each(kSctp, [](const Known& one, int fd) {
    socklen_t length = one.size;
    if (one.gets) FAILS(getsockopt(fd, IPPROTO_SCTP, one.name, nullptr, &length), EFAULT);
    if (one.sets) FAILS(setsockopt(fd, IPPROTO_SCTP, one.name, nullptr, length), EFAULT);
  });
  each(kSocket, [](const Known& one, int fd) {
    socklen_t length = one.size;
    if (one.gets) FAILS(getsockopt(fd, SOL_SOCKET, one.name, nullptr, &length), EFAULT);
    if (one.sets) FAILS(setsockopt(fd, SOL_SOCKET, one.name, nullptr, length), EFAULT);
  });
}

CASE("no length, or one at a foreign address") {
  char value[512] = {};
  each(kSctp, [&](const Known& one, int fd) {
    FAILS(getsockopt(fd, IPPROTO_SCTP, one.name, value, nullptr), EFAULT);
    FAILS(getsockopt(fd, IPPROTO_SCTP, one.name, value, static_cast<socklen_t*>(foreign())),
          EFAULT);
  });
  each(kSocket, [&](const Known& one, int fd) {
    FAILS(getsockopt(fd, SOL_SOCKET, one.name, value, nullptr), EFAULT);
  });
}

CASE("a value that is too short") {
  char value[512] = {};
  each(kSctp, [&](const Known& one, int fd) {
    socklen_t length = one.size - 1;
    if (one.gets) FAILS(getsockopt(fd, IPPROTO_SCTP, one.name, value, &length), EINVAL);
    if (one.sets) FAILS(setsockopt(fd, IPPROTO_SCTP, one.name, value, length), EINVAL);
  });
  each(kSocket, [&](const Known& one, int fd) {
    if (one.sets) FAILS(setsockopt(fd, SOL_SOCKET, one.name, value, one.size - 1), EINVAL);
  });
}

CASE("a length that is negative") {
  char value[512] = {};
  constexpr auto kNegative = static_cast<socklen_t>(-1);
  each(kSctp, [&](const Known& one, int fd) {
    socklen_t length = kNegative;
    FAILS(getsockopt(fd, IPPROTO_SCTP, one.name, value, &length), EINVAL);
    FAILS(setsockopt(fd, IPPROTO_SCTP, one.name, value, kNegative), EINVAL);
  });
  each(kSocket, [&](const Known& one, int fd) {
    socklen_t length = kNegative;
    FAILS(getsockopt(fd, SOL_SOCKET, one.name, value, &length), EINVAL);
    FAILS(setsockopt(fd, SOL_SOCKET, one.name, value, kNegative), EINVAL);
  });
}

CASE("a descriptor that is closed") {
  char value[512] = {};
  each(kSctp, [&](const Known& one, int fd) {
    OK(close(fd));
    socklen_t length = one.size;
    FAILS(getsockopt(fd, IPPROTO_SCTP, one.name, value, &length), EBADF);
    FAILS(setsockopt(fd, IPPROTO_SCTP, one.name, value, length), EBADF);
  });
}

CASE("what is only told cannot be set") {
  char value[512] = {};
  each(kSctp, [&](const Known& one, int fd) {
    if (!one.sets && one.name != SCTP_REUSE_PORT)
      FAILS(setsockopt(fd, IPPROTO_SCTP, one.name, value, one.size), ENOPROTOOPT);
  });
}

CASE("an association that a one-to-many socket does not have") {
  const int fd = listening(SOCK_SEQPACKET);
  sctp_rtoinfo rto{};
  rto.srto_assoc_id = 5000;
  socklen_t length = sizeof rto;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_RTOINFO, rto), EINVAL);
  sctp_assocparams parameters{};
  parameters.sasoc_assoc_id = 5000;
  length = sizeof parameters;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_ASSOCINFO, &parameters, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_ASSOCINFO, parameters), EINVAL);
  sctp_paddrparams path{};
  path.spp_assoc_id = 5000;
  length = sizeof path;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path), EINVAL);
  sctp_sndrcvinfo sent{};
  sent.sinfo_assoc_id = 5000;
  length = sizeof sent;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_DEFAULT_SEND_PARAM, &sent, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_DEFAULT_SEND_PARAM, sent), EINVAL);
  sctp_sndinfo newer{};
  newer.snd_assoc_id = 5000;
  length = sizeof newer;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, &newer, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, newer), EINVAL);
  sctp_sack_info sack{5000, 50, 2};
  length = sizeof sack;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_DELAYED_SACK, &sack, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_DELAYED_SACK, sack), EINVAL);
  for (const int name :
       {SCTP_MAXSEG, SCTP_CONTEXT, SCTP_MAX_BURST, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE}) {
    sctp_assoc_value value{5000, 1};
    length = sizeof value;
    FAILS(getsockopt(fd, IPPROTO_SCTP, name, &value, &length), EINVAL);
    FAILS(set(fd, IPPROTO_SCTP, name, value), EINVAL);
  }
  sctp_event event{};
  event.se_assoc_id = 5000;
  event.se_type = SCTP_SHUTDOWN_EVENT;
  length = sizeof event;
  FAILS(getsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &event, &length), EINVAL);
  FAILS(set(fd, IPPROTO_SCTP, SCTP_EVENT, event), EINVAL);
}
