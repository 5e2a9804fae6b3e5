/* millrace/sctp_options.h: the options at IPPROTO_SCTP (RFC 6458 8), with the numbers and layouts
 * of Linux. Include millrace/sctp.h, which has all of it. docs/sockets.md says what each one does
 * here; those of extensions that the engine does not have yet are ENOPROTOOPT.
 */
#ifndef MILLRACE_SCTP_OPTIONS_H
#define MILLRACE_SCTP_OPTIONS_H

#include <millrace/sctp_notifications.h>
#include <millrace/sctp_types.h>

/* Some end with an array of no length, which ISO C++ does not know. */
#pragma GCC system_header

#define SCTP_RTOINFO 0                /* struct sctp_rtoinfo */
#define SCTP_ASSOCINFO 1              /* struct sctp_assocparams */
#define SCTP_INITMSG 2                /* struct sctp_initmsg */
#define SCTP_NODELAY 3                /* int */
#define SCTP_AUTOCLOSE 4              /* int, seconds; one-to-many */
#define SCTP_SET_PEER_PRIMARY_ADDR 5  /* struct sctp_setpeerprim; not yet */
#define SCTP_PRIMARY_ADDR 6           /* struct sctp_prim */
#define SCTP_ADAPTATION_LAYER 7       /* struct sctp_setadaptation */
#define SCTP_DISABLE_FRAGMENTS 8      /* int */
#define SCTP_PEER_ADDR_PARAMS 9       /* struct sctp_paddrparams */
#define SCTP_DEFAULT_SEND_PARAM 10    /* struct sctp_sndrcvinfo; old */
#define SCTP_EVENTS 11                /* struct sctp_event_subscribe; old */
#define SCTP_I_WANT_MAPPED_V4_ADDR 12 /* int */
#define SCTP_MAXSEG 13                /* struct sctp_assoc_value, or int */
#define SCTP_STATUS 14                /* struct sctp_status; get */
#define SCTP_GET_PEER_ADDR_INFO 15    /* struct sctp_paddrinfo; get */
#define SCTP_DELAYED_SACK 16          /* struct sctp_sack_info */
#define SCTP_DELAYED_ACK_TIME SCTP_DELAYED_SACK
#define SCTP_DELAYED_ACK SCTP_DELAYED_SACK
#define SCTP_CONTEXT 17                /* struct sctp_assoc_value */
#define SCTP_FRAGMENT_INTERLEAVE 18    /* int */
#define SCTP_PARTIAL_DELIVERY_POINT 19 /* uint32_t, bytes */
#define SCTP_MAX_BURST 20              /* struct sctp_assoc_value, or int */
#define SCTP_AUTH_CHUNK 21             /* this and the next six: not yet (RFC 4895) */
#define SCTP_HMAC_IDENT 22
#define SCTP_AUTH_KEY 23
#define SCTP_AUTH_ACTIVE_KEY 24
#define SCTP_AUTH_DELETE_KEY 25
#define SCTP_PEER_AUTH_CHUNKS 26
#define SCTP_LOCAL_AUTH_CHUNKS 27
#define SCTP_GET_ASSOC_NUMBER 28    /* uint32_t; get */
#define SCTP_GET_ASSOC_ID_LIST 29   /* struct sctp_assoc_ids; get */
#define SCTP_AUTO_ASCONF 30         /* int */
#define SCTP_PEER_ADDR_THLDS 31     /* struct sctp_paddrthlds (RFC 7829) */
#define SCTP_RECVRCVINFO 32         /* int */
#define SCTP_RECVNXTINFO 33         /* int */
#define SCTP_DEFAULT_SNDINFO 34     /* struct sctp_sndinfo */
#define SCTP_AUTH_DEACTIVATE_KEY 35 /* not yet */
#define SCTP_REUSE_PORT 36          /* int; one-to-one */
#define SCTP_PEER_ADDR_THLDS_V2 37  /* struct sctp_paddrthlds_v2 */
#define SCTP_GET_ASSOC_STATS 112    /* not yet, as are all from here to 126 */
#define SCTP_PR_SUPPORTED 113
#define SCTP_DEFAULT_PRINFO 114
#define SCTP_PR_ASSOC_STATUS 115
#define SCTP_PR_STREAM_STATUS 116
#define SCTP_RECONFIG_SUPPORTED 117
#define SCTP_ENABLE_STREAM_RESET 118
#define SCTP_RESET_STREAMS 119
#define SCTP_RESET_ASSOC 120
#define SCTP_ADD_STREAMS 121
#define SCTP_STREAM_SCHEDULER 123
#define SCTP_STREAM_SCHEDULER_VALUE 124
#define SCTP_INTERLEAVING_SUPPORTED 125
#define SCTP_SENDMSG_CONNECT 126  /* int; a matter of Linux's kernel */
#define SCTP_EVENT 127            /* struct sctp_event */
#define SCTP_ASCONF_SUPPORTED 128 /* this and the next two: not yet */
#define SCTP_AUTH_SUPPORTED 129
#define SCTP_ECN_SUPPORTED 130
#define SCTP_EXPOSE_POTENTIALLY_FAILED_STATE 131 /* struct sctp_assoc_value (RFC 7829) */
#define SCTP_EXPOSE_PF_STATE SCTP_EXPOSE_POTENTIALLY_FAILED_STATE
#define SCTP_REMOTE_UDP_ENCAPS_PORT 132 /* not yet */
#define SCTP_PLPMTUD_PROBE_INTERVAL 133 /* not yet */

/* What Linux has no number for. These are ours; 1000 to 1999 will never be Linux's. */
#define SCTP_EXPLICIT_EOR 1000    /* int (RFC 6458 8.1.26) */
#define SCTP_USE_EXT_RCVINFO 1001 /* int (RFC 6458 8.1.22) */
#define SCTP_PLUGGABLE_CC 1002    /* this and the rest: not yet */
#define SCTP_ACCEPT_ZERO_CHECKSUM 1003
#define SCTP_NRSACK_SUPPORTED 1004
#define SCTP_PKTDROP_SUPPORTED 1005
#define SCTP_TIMEOUTS 1006
#define SCTP_MAX_CWND 1007

/* The numbers that the functions of millrace/sctp.h are made of, as in Linux. */
#define SCTP_SOCKOPT_BINDX_ADD 100
#define SCTP_SOCKOPT_BINDX_REM 101
#define SCTP_SOCKOPT_PEELOFF 102
#define SCTP_SOCKOPT_CONNECTX_OLD 107
#define SCTP_GET_PEER_ADDRS 108
#define SCTP_GET_LOCAL_ADDRS 109
#define SCTP_SOCKOPT_CONNECTX 110
#define SCTP_SOCKOPT_CONNECTX3 111
#define SCTP_SOCKOPT_PEELOFF_FLAGS 122

/* Many options' value (RFC 6458 8.1.16 and others). */
struct sctp_assoc_value {
  sctp_assoc_t assoc_id;
  uint32_t assoc_value;
};

/* RFC 6458 8.1.1; milliseconds. A field of 0 leaves what is there. */
struct sctp_rtoinfo {
  sctp_assoc_t srto_assoc_id;
  uint32_t srto_initial;
  uint32_t srto_max;
  uint32_t srto_min;
};

/* RFC 6458 8.1.2 */
struct sctp_assocparams {
  sctp_assoc_t sasoc_assoc_id;
  uint16_t sasoc_asocmaxrxt;
  uint16_t sasoc_number_peer_destinations; /* get */
  uint32_t sasoc_peer_rwnd;                /* get */
  uint32_t sasoc_local_rwnd;               /* get */
  uint32_t sasoc_cookie_life;              /* milliseconds */
};

/* RFC 6458 8.3.4 */
struct sctp_setpeerprim {
  sctp_assoc_t sspp_assoc_id;
  struct sockaddr_storage sspp_addr;
} __attribute__((packed, aligned(4)));

/* RFC 6458 8.1.9 */
struct sctp_prim {
  sctp_assoc_t ssp_assoc_id;
  struct sockaddr_storage ssp_addr;
} __attribute__((packed, aligned(4)));
#define sctp_setprim sctp_prim

/* RFC 6458 8.1.10 */
struct sctp_setadaptation {
  uint32_t ssb_adaptation_ind;
};

/* RFC 6458 8.1.12 */
struct sctp_paddrparams {
  sctp_assoc_t spp_assoc_id;
  struct sockaddr_storage spp_address;
  uint32_t spp_hbinterval; /* milliseconds */
  uint16_t spp_pathmaxrxt;
  uint32_t spp_pathmtu;   /* bytes, with the IP header */
  uint32_t spp_sackdelay; /* milliseconds */
  uint32_t spp_flags;
  uint32_t spp_ipv6_flowlabel;
  uint8_t spp_dscp;
} __attribute__((packed, aligned(4)));
#define SPP_HB_ENABLE (1 << 0)
#define SPP_HB_DISABLE (1 << 1)
#define SPP_HB (SPP_HB_ENABLE | SPP_HB_DISABLE)
#define SPP_HB_DEMAND (1 << 2)
#define SPP_PMTUD_ENABLE (1 << 3)
#define SPP_PMTUD_DISABLE (1 << 4)
#define SPP_PMTUD (SPP_PMTUD_ENABLE | SPP_PMTUD_DISABLE)
#define SPP_SACKDELAY_ENABLE (1 << 5)
#define SPP_SACKDELAY_DISABLE (1 << 6)
#define SPP_SACKDELAY (SPP_SACKDELAY_ENABLE | SPP_SACKDELAY_DISABLE)
#define SPP_HB_TIME_IS_ZERO (1 << 7)
#define SPP_IPV6_FLOWLABEL (1 << 8)
#define SPP_DSCP (1 << 9)

/* RFC 6458 8.1.19; milliseconds, and packets. A field of 0 leaves what is there. */
struct sctp_sack_info {
  sctp_assoc_t sack_assoc_id;
  uint32_t sack_delay;
  uint32_t sack_freq;
};

/* RFC 7829 7.2 */
struct sctp_paddrthlds {
  sctp_assoc_t spt_assoc_id;
  struct sockaddr_storage spt_address;
  uint16_t spt_pathmaxrxt;
  uint16_t spt_pathpfthld;
};
struct sctp_paddrthlds_v2 {
  sctp_assoc_t spt_assoc_id;
  struct sockaddr_storage spt_address;
  uint16_t spt_pathmaxrxt;
  uint16_t spt_pathpfthld;
  uint16_t spt_pathcpthld; /* 65535: the primary stays what it is */
};
/* SCTP_EXPOSE_POTENTIALLY_FAILED_STATE's value, as Linux has it */
#define SCTP_PF_EXPOSE_UNSET 0
#define SCTP_PF_EXPOSE_DISABLE 1
#define SCTP_PF_EXPOSE_ENABLE 2

/* RFC 6458 8.2.2 */
struct sctp_paddrinfo {
  sctp_assoc_t spinfo_assoc_id;
  struct sockaddr_storage spinfo_address;
  int32_t spinfo_state;
  uint32_t spinfo_cwnd; /* bytes */
  uint32_t spinfo_srtt; /* milliseconds */
  uint32_t spinfo_rto;  /* milliseconds */
  uint32_t spinfo_mtu;  /* bytes */
} __attribute__((packed, aligned(4)));
/* spinfo_state */
#define SCTP_INACTIVE 0
#define SCTP_PF 1
#define SCTP_POTENTIALLY_FAILED SCTP_PF
#define SCTP_ACTIVE 2
#define SCTP_UNCONFIRMED 3
#define SCTP_UNKNOWN 0xffff

/* RFC 6458 8.2.1 */
struct sctp_status {
  sctp_assoc_t sstat_assoc_id;
  int32_t sstat_state;
  uint32_t sstat_rwnd;
  uint16_t sstat_unackdata;
  uint16_t sstat_penddata;
  uint16_t sstat_instrms;
  uint16_t sstat_outstrms;
  uint32_t sstat_fragmentation_point;
  struct sctp_paddrinfo sstat_primary;
};
/* sstat_state */
#define SCTP_EMPTY 0
#define SCTP_CLOSED 1
#define SCTP_COOKIE_WAIT 2
#define SCTP_COOKIE_ECHOED 3
#define SCTP_ESTABLISHED 4
#define SCTP_SHUTDOWN_PENDING 5
#define SCTP_SHUTDOWN_SENT 6
#define SCTP_SHUTDOWN_RECEIVED 7
#define SCTP_SHUTDOWN_ACK_SENT 8
/* Linux has none of these, so the numbers are our own; no association is in them. */
#define SCTP_BOUND 1000
#define SCTP_LISTEN 1001

/* RFC 6458 8.2.6 */
struct sctp_assoc_ids {
  uint32_t gaids_number_of_ids;
  sctp_assoc_t gaids_assoc_id[];
};

/* What sctp_getpaddrs(), sctp_connectx() and sctp_peeloff() pass. */
struct sctp_getaddrs {
  sctp_assoc_t assoc_id;
  uint32_t addr_num;
  uint8_t addrs[];
};
struct sctp_getaddrs_old {
  sctp_assoc_t assoc_id;
  int addr_num;
  struct sockaddr* addrs;
};
typedef struct {
  sctp_assoc_t associd;
  int sd;
} sctp_peeloff_arg_t;
typedef struct {
  sctp_peeloff_arg_t p_arg;
  unsigned flags;
} sctp_peeloff_flags_arg_t;

#endif
