/* Pings over SCTP sockets (RFC 6458): one-to-many sockets, associations that the first message
 * begins, batches, and notifications.
 *
 *   mr-sctp-ping PORT                 answers whoever comes
 *   mr-sctp-ping ADDRESS PORT COUNT   sends COUNT messages and waits for the answers
 */
#define _GNU_SOURCE
#include <millrace/sctp.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 16, BYTES = 64, PPID = 60 };

static int fail(const char* what) {
  perror(what);
  return 1;
}

static int open_socket(void) {
  const int fd = socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
  const int on = 1;
  struct sctp_event up = {SCTP_FUTURE_ASSOC, SCTP_ASSOC_CHANGE, 1};
  if (fd < 0 || setsockopt(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) < 0 ||
      setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &up, sizeof up) < 0)
    return -1;
  return fd;
}

static void tell(const void* data) {
  const struct sctp_assoc_change* change = data;
  static const char* const kStates[] = {"up", "lost", "restarted", "ended", "not there"};
  if (change->sac_type == SCTP_ASSOC_CHANGE && change->sac_state <= SCTP_CANT_STR_ASSOC)
    printf("association %d %s\n", change->sac_assoc_id, kStates[change->sac_state]);
  fflush(stdout);
}

static int serve(int fd, uint16_t port) {
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (bind(fd, (struct sockaddr*)&local, sizeof local) < 0 || listen(fd, 5) < 0)
    return fail("listen");
  printf("listening on port %u\n", port);
  fflush(stdout);
  for (;;) {
    char data[65536];
    struct iovec part = {data, sizeof data};
    struct sctp_rcvinfo got;
    socklen_t length = sizeof got;
    unsigned type;
    int flags = 0;
    const int size = sctp_recvv(fd, &part, 1, NULL, NULL, &got, &length, &type, &flags);
    if (size < 0) return fail("receive");
    if (flags & MSG_NOTIFICATION) {
      tell(data);
      continue;
    }
    struct sctp_sndinfo back = {
        .snd_sid = got.rcv_sid, .snd_ppid = got.rcv_ppid, .snd_assoc_id = got.rcv_assoc_id};
    part.iov_len = (size_t)size;
    if (sctp_sendv(fd, &part, 1, NULL, 0, &back, sizeof back, SCTP_SENDV_SNDINFO, 0) < 0)
      return fail("answer");
  }
}

struct batch {
  char data[BATCH][BYTES];
  struct iovec parts[BATCH];
  struct mmsghdr heads[BATCH];
};

static void prepare(struct batch* batch, struct sockaddr_in* to) {
  memset(batch, 0, sizeof *batch);
  for (int i = 0; i < BATCH; ++i) {
    batch->parts[i] = (struct iovec){batch->data[i], BYTES};
    batch->heads[i].msg_hdr = (struct msghdr){.msg_name = to,
                                              .msg_namelen = to != NULL ? sizeof *to : 0,
                                              .msg_iov = &batch->parts[i],
                                              .msg_iovlen = 1};
  }
}

static int ping(int fd, struct sockaddr_in* peer, int count) {
  struct batch out, in;
  struct sctp_sndinfo info = {.snd_ppid = htonl(PPID)};
  int sent = 0, answered = 0;
  if (setsockopt(fd, IPPROTO_SCTP, SCTP_DEFAULT_SNDINFO, &info, sizeof info) < 0)
    return fail("options");
  prepare(&out, peer);
  prepare(&in, NULL);
  while (answered < count) {
    const int wanted = count - sent < BATCH ? count - sent : BATCH;
    const int now = wanted > 0 ? sctp_sendmmsg(fd, out.heads, (unsigned)wanted, 0) : 0;
    if (now < 0) return fail("send");
    sent += now;
    const int got = sctp_recvmmsg(fd, in.heads, BATCH, 0, &(struct timespec){5, 0});
    if (got < 0) return fail("receive");
    for (int i = 0; i < got; ++i) {
      if (in.heads[i].msg_hdr.msg_flags & MSG_NOTIFICATION)
        tell(in.data[i]);
      else
        ++answered;
    }
  }
  printf("%d of %d answered\n", answered, count);
  return 0;
}

int main(int argc, char** argv) {
  const int fd = open_socket();
  if (fd < 0) return fail("socket");
  if (argc == 2) return serve(fd, (uint16_t)atoi(argv[1]));
  struct sockaddr_in peer = {.sin_family = AF_INET};
  if (argc != 4 || inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) {
    fprintf(stderr, "mr-sctp-ping PORT, or mr-sctp-ping ADDRESS PORT COUNT\n");
    return 2;
  }
  peer.sin_port = htons((uint16_t)atoi(argv[2]));
  return ping(fd, &peer, atoi(argv[3]));
}
