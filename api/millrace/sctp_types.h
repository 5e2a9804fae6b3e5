/* millrace/sctp_types.h: what goes with a message (RFC 6458 5.3), in the layouts of Linux. Include
 * millrace/sctp.h, which has all of it.
 */
#ifndef MILLRACE_SCTP_TYPES_H
#define MILLRACE_SCTP_TYPES_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef IPPROTO_SCTP
#define IPPROTO_SCTP 132
#endif
#ifndef SOL_SCTP
#define SOL_SCTP 132
#endif

/* Names an association of a one-to-many socket. A one-to-one socket ignores it. */
typedef int32_t sctp_assoc_t;

/* Instead of an association in an option's value (RFC 6458 7): those to come, those that are there,
 * both. */
#define SCTP_FUTURE_ASSOC 0
#define SCTP_CURRENT_ASSOC 1
#define SCTP_ALL_ASSOC 2

/* In msg_flags: what was received is a notification and no message. */
#ifndef MSG_NOTIFICATION
#define MSG_NOTIFICATION 0x8000
#endif

/* Flags of a message (RFC 6458 5.3.2, 5.3.4). */
#define SCTP_UNORDERED (1 << 0)        /* both: no order with others of the stream */
#define SCTP_ADDR_OVER (1 << 1)        /* send: to the address given, not to the primary */
#define SCTP_ABORT (1 << 2)            /* send: end the association; the message is the reason */
#define SCTP_SACK_IMMEDIATELY (1 << 3) /* send: the peer acknowledges at once (RFC 7053) */
#define SCTP_SENDALL (1 << 6)          /* send: to all associations of a one-to-many socket */
#define SCTP_PR_SCTP_ALL (1 << 7)
#define SCTP_NOTIFICATION MSG_NOTIFICATION /* nxt_flags: the next thing is a notification */
#define SCTP_COMPLETE (1 << 10)            /* nxt_flags: all of the next message is there */
#define SCTP_EOF 0x200                     /* send: end the association gracefully */
/* With SCTP_EXPLICIT_EOR: this is the last piece of the message. MSG_EOR among the call's flags
 * says the same. */
#define SCTP_EOR (1 << 13)

/* Policies of partial reliability (RFC 7496), in sinfo_flags and pr_policy. Until the engine has
 * the extension all messages are reliable, as they are on Linux where a peer has it not. */
#define SCTP_PR_SCTP_NONE 0x0000
#define SCTP_PR_SCTP_TTL 0x0010
#define SCTP_PR_SCTP_RTX 0x0020
#define SCTP_PR_SCTP_PRIO 0x0030
#define SCTP_PR_SCTP_MASK 0x0030

/* Types of control messages at IPPROTO_SCTP. */
#define SCTP_INIT 0      /* send: struct sctp_initmsg */
#define SCTP_SNDRCV 1    /* both: struct sctp_sndrcvinfo; old */
#define SCTP_SNDINFO 2   /* send: struct sctp_sndinfo */
#define SCTP_RCVINFO 3   /* receive, with SCTP_RECVRCVINFO: struct sctp_rcvinfo */
#define SCTP_NXTINFO 4   /* receive, with SCTP_RECVNXTINFO: struct sctp_nxtinfo */
#define SCTP_PRINFO 5    /* send: struct sctp_prinfo */
#define SCTP_AUTHINFO 6  /* send: struct sctp_authinfo; not served yet */
#define SCTP_DSTADDRV4 7 /* send: struct in_addr, an address more of the peer to be */
#define SCTP_DSTADDRV6 8 /* send: struct in6_addr */
/* Linux has none of this one, so the number is our own. */
#define SCTP_EXTRCV 1000 /* receive, with SCTP_USE_EXT_RCVINFO: struct sctp_extrcvinfo; old */

/* RFC 6458 5.3.1, 8.1.3. A field of 0 leaves what is there. */
struct sctp_initmsg {
  uint16_t sinit_num_ostreams;
  uint16_t sinit_max_instreams;
  uint16_t sinit_max_attempts;
  uint16_t sinit_max_init_timeo;
};

/* RFC 6458 5.3.2. PPIDs are passed through as they are: use htonl(). */
struct sctp_sndrcvinfo {
  uint16_t sinfo_stream;
  uint16_t sinfo_ssn;
  uint16_t sinfo_flags;
  uint32_t sinfo_ppid;
  uint32_t sinfo_context;
  uint32_t sinfo_timetolive;
  uint32_t sinfo_tsn;
  uint32_t sinfo_cumtsn;
  sctp_assoc_t sinfo_assoc_id;
};

/* RFC 6458 5.3.3: sctp_sndrcvinfo, and what is known of the next message. */
struct sctp_extrcvinfo {
  uint16_t serinfo_stream;
  uint16_t serinfo_ssn;
  uint16_t serinfo_flags;
  uint16_t serinfo_next_flags; /* SCTP_NEXT_MSG_* */
  uint32_t serinfo_ppid;
  uint32_t serinfo_context;
  uint32_t serinfo_timetolive;
  uint32_t serinfo_tsn;
  uint32_t serinfo_cumtsn;
  sctp_assoc_t serinfo_assoc_id;
  uint16_t serinfo_next_stream;
  uint16_t serinfo_reserved;
  sctp_assoc_t serinfo_next_aid;
  uint32_t serinfo_next_length;
  uint32_t serinfo_next_ppid;
};
#define SCTP_NEXT_MSG_AVAIL 0x0001
#define SCTP_NEXT_MSG_ISCOMPLETE 0x0002
#define SCTP_NEXT_MSG_IS_UNORDERED 0x0004
#define SCTP_NEXT_MSG_IS_NOTIFICATION 0x0008

/* RFC 6458 5.3.4 */
struct sctp_sndinfo {
  uint16_t snd_sid;
  uint16_t snd_flags;
  uint32_t snd_ppid;
  uint32_t snd_context;
  sctp_assoc_t snd_assoc_id;
};

/* RFC 6458 5.3.5 */
struct sctp_rcvinfo {
  uint16_t rcv_sid;
  uint16_t rcv_ssn;
  uint16_t rcv_flags;
  uint32_t rcv_ppid;
  uint32_t rcv_tsn;
  uint32_t rcv_cumtsn;
  uint32_t rcv_context;
  sctp_assoc_t rcv_assoc_id;
};

/* RFC 6458 5.3.6 */
struct sctp_nxtinfo {
  uint16_t nxt_sid;
  uint16_t nxt_flags;
  uint32_t nxt_ppid;
  uint32_t nxt_length;
  sctp_assoc_t nxt_assoc_id;
};

/* RFC 6458 5.3.7 */
struct sctp_prinfo {
  uint16_t pr_policy;
  uint32_t pr_value;
};

/* RFC 6458 5.3.8 */
struct sctp_authinfo {
  uint16_t auth_keynumber;
};

/* What sctp_sendv() is given (RFC 6458 9.12). */
struct sctp_sendv_spa {
  uint32_t sendv_flags; /* SCTP_SEND_*_VALID */
  struct sctp_sndinfo sendv_sndinfo;
  struct sctp_prinfo sendv_prinfo;
  struct sctp_authinfo sendv_authinfo;
};
#define SCTP_SEND_SNDINFO_VALID 0x1
#define SCTP_SEND_PRINFO_VALID 0x2
#define SCTP_SEND_AUTHINFO_VALID 0x4

#define SCTP_SENDV_NOINFO 0
#define SCTP_SENDV_SNDINFO 1
#define SCTP_SENDV_PRINFO 2
#define SCTP_SENDV_AUTHINFO 3
#define SCTP_SENDV_SPA 4

/* What sctp_recvv() gives (RFC 6458 9.13). */
struct sctp_recvv_rn {
  struct sctp_rcvinfo recvv_rcvinfo;
  struct sctp_nxtinfo recvv_nxtinfo;
};
#define SCTP_RECVV_NOINFO 0
#define SCTP_RECVV_RCVINFO 1
#define SCTP_RECVV_NXTINFO 2
#define SCTP_RECVV_RN 3

#endif
