/* millrace/sctp_extensions.h: what the options of extensions take and give that the engine does not
 * have yet, in the layouts of Linux: all of them are ENOPROTOOPT (docs/sockets.md). They are here
 * for programs that do without where the system says so. Include millrace/sctp.h, which has it all.
 */
#ifndef MILLRACE_SCTP_EXTENSIONS_H
#define MILLRACE_SCTP_EXTENSIONS_H

#include <millrace/sctp_types.h>

/* Some end with an array of no length, which ISO C++ does not know. */
#pragma GCC system_header

/* ---- authentication (RFC 4895; RFC 6458 8.1.17, 8.1.18, 8.2.3, 8.3) ---- */

struct sctp_authchunk {
  uint8_t sauth_chunk; /* its type, which must be authenticated */
};
struct sctp_hmacalgo {
  uint32_t shmac_num_idents;
  uint16_t shmac_idents[];
};
#define shmac_number_of_idents shmac_num_idents
#define SCTP_AUTH_HMAC_ID_SHA1 1
#define SCTP_AUTH_HMAC_ID_SHA256 3
struct sctp_authkey {
  sctp_assoc_t sca_assoc_id;
  uint16_t sca_keynumber;
  uint16_t sca_keylength;
  uint8_t sca_key[];
};
struct sctp_authkeyid {
  sctp_assoc_t scact_assoc_id;
  uint16_t scact_keynumber;
};
struct sctp_authchunks {
  sctp_assoc_t gauth_assoc_id;
  uint32_t gauth_number_of_chunks;
  uint8_t gauth_chunks[];
};
#define guth_number_of_chunks gauth_number_of_chunks

/* ---- partial reliability (RFC 7496; RFC 6458 8.1.32) ---- */

struct sctp_default_prinfo {
  sctp_assoc_t pr_assoc_id;
  uint32_t pr_value;
  uint16_t pr_policy;
};
struct sctp_prstatus {
  sctp_assoc_t sprstat_assoc_id;
  uint16_t sprstat_sid;
  uint16_t sprstat_policy;
  uint64_t sprstat_abandoned_unsent;
  uint64_t sprstat_abandoned_sent;
};
#define SCTP_PR_SCTP_MAX SCTP_PR_SCTP_PRIO
#define SCTP_PR_POLICY(flags) ((flags)&SCTP_PR_SCTP_MASK)
#define SCTP_PR_SET_POLICY(flags, policy) \
  do {                                    \
    (flags) &= ~SCTP_PR_SCTP_MASK;        \
    (flags) |= (policy);                  \
  } while (0)
#define SCTP_PR_TTL_ENABLED(flags) (SCTP_PR_POLICY(flags) == SCTP_PR_SCTP_TTL)
#define SCTP_PR_RTX_ENABLED(flags) (SCTP_PR_POLICY(flags) == SCTP_PR_SCTP_RTX)
#define SCTP_PR_PRIO_ENABLED(flags) (SCTP_PR_POLICY(flags) == SCTP_PR_SCTP_PRIO)
/* Of a policy by the end of its name: 0 of TTL, 1 of RTX, 2 of PRIO. */
#define SCTP_PR_INDEX(name) ((SCTP_PR_SCTP_##name >> 4) - 1)

/* ---- stream reset (RFC 6525 6.3) ---- */

struct sctp_reset_streams {
  sctp_assoc_t srs_assoc_id;
  uint16_t srs_flags;          /* SCTP_STREAM_RESET_INCOMING, _OUTGOING */
  uint16_t srs_number_streams; /* 0: all */
  uint16_t srs_stream_list[];
};
#define SCTP_STREAM_RESET_INCOMING 0x01
#define SCTP_STREAM_RESET_OUTGOING 0x02
struct sctp_add_streams {
  sctp_assoc_t sas_assoc_id;
  uint16_t sas_instrms;
  uint16_t sas_outstrms;
};
/* SCTP_ENABLE_STREAM_RESET's value: what the peer may ask for */
#define SCTP_ENABLE_RESET_STREAM_REQ 0x01
#define SCTP_ENABLE_RESET_ASSOC_REQ 0x02
#define SCTP_ENABLE_CHANGE_ASSOC_REQ 0x04
#define SCTP_ENABLE_STRRESET_MASK 0x07

/* ---- schedulers (RFC 8260 4.3) ---- */

struct sctp_stream_value {
  sctp_assoc_t assoc_id;
  uint16_t stream_id;
  uint16_t stream_value;
};
enum sctp_sched_type {
  SCTP_SS_FCFS,
  SCTP_SS_DEFAULT = SCTP_SS_FCFS,
  SCTP_SS_PRIO,
  SCTP_SS_RR,
  SCTP_SS_FC, /* this and the next one since Linux 6.4 */
  SCTP_SS_WFQ,
  SCTP_SS_MAX = SCTP_SS_WFQ
};

/* ---- UDP encapsulation (RFC 6951 6.1), probes of the path MTU ---- */

struct sctp_udpencaps {
  sctp_assoc_t sue_assoc_id;
  struct sockaddr_storage sue_address;
  uint16_t sue_port; /* network order */
};
struct sctp_probeinterval {
  sctp_assoc_t spi_assoc_id;
  struct sockaddr_storage spi_address;
  uint32_t spi_interval; /* milliseconds */
};

/* ---- counts of an association: SCTP_GET_ASSOC_STATS ---- */

struct sctp_assoc_stats {
  sctp_assoc_t sas_assoc_id;
  struct sockaddr_storage sas_obs_rto_ipaddr; /* the address of sas_maxrto */
  uint64_t sas_maxrto;                        /* milliseconds, the largest since it was asked for */
  uint64_t sas_isacks;                        /* i: received; o: sent */
  uint64_t sas_osacks;
  uint64_t sas_opackets;
  uint64_t sas_ipackets;
  uint64_t sas_rtxchunks;
  uint64_t sas_outofseqtsns;
  uint64_t sas_idupchunks;
  uint64_t sas_gapcnt;
  uint64_t sas_ouodchunks; /* unordered DATA */
  uint64_t sas_iuodchunks;
  uint64_t sas_oodchunks; /* ordered DATA */
  uint64_t sas_iodchunks;
  uint64_t sas_octrlchunks;
  uint64_t sas_ictrlchunks;
};

/* ---- names for which Linux itself has no use, or a use inside the kernel ---- */

typedef enum sctp_sn_error {
  SCTP_FAILED_THRESHOLD,
  SCTP_RECEIVED_SACK,
  SCTP_HEARTBEAT_SUCCESS,
  SCTP_RESPONSE_TO_USER_REQ,
  SCTP_INTERNAL_ERROR,
  SCTP_SHUTDOWN_GUARD_EXPIRES,
  SCTP_PEER_FAULTY
} sctp_sn_error_t;
typedef int sctp_cmsg_t;
typedef union {
  uint8_t raw;
  struct sctp_initmsg init;
  struct sctp_sndrcvinfo sndrcv;
} sctp_cmsg_data_t;
/* What the kernel gives by sock_diag(7); no call gives it here. */
struct sctp_info {
  uint32_t sctpi_tag;
  uint32_t sctpi_state;
  uint32_t sctpi_rwnd;
  uint16_t sctpi_unackdata;
  uint16_t sctpi_penddata;
  uint16_t sctpi_instrms;
  uint16_t sctpi_outstrms;
  uint32_t sctpi_fragmentation_point;
  uint32_t sctpi_inqueue;
  uint32_t sctpi_outqueue;
  uint32_t sctpi_overall_error;
  uint32_t sctpi_max_burst;
  uint32_t sctpi_maxseg;
  uint32_t sctpi_peer_rwnd;
  uint32_t sctpi_peer_tag;
  uint8_t sctpi_peer_capable;
  uint8_t sctpi_peer_sack;
  uint16_t sctpi_reserved1;
  /* counts, as in sctp_assoc_stats */
  uint64_t sctpi_isacks;
  uint64_t sctpi_osacks;
  uint64_t sctpi_opackets;
  uint64_t sctpi_ipackets;
  uint64_t sctpi_rtxchunks;
  uint64_t sctpi_outofseqtsns;
  uint64_t sctpi_idupchunks;
  uint64_t sctpi_gapcnt;
  uint64_t sctpi_ouodchunks;
  uint64_t sctpi_iuodchunks;
  uint64_t sctpi_oodchunks;
  uint64_t sctpi_iodchunks;
  uint64_t sctpi_octrlchunks;
  uint64_t sctpi_ictrlchunks;
  /* the primary path */
  struct sockaddr_storage sctpi_p_address;
  int32_t sctpi_p_state;
  uint32_t sctpi_p_cwnd;
  uint32_t sctpi_p_srtt;
  uint32_t sctpi_p_rto;
  uint32_t sctpi_p_hbinterval;
  uint32_t sctpi_p_pathmaxrxt;
  uint32_t sctpi_p_sackdelay;
  uint32_t sctpi_p_sackfreq;
  uint32_t sctpi_p_ssthresh;
  uint32_t sctpi_p_partial_bytes_acked;
  uint32_t sctpi_p_flight_size;
  uint16_t sctpi_p_error;
  uint16_t sctpi_reserved2;
  /* the socket */
  uint32_t sctpi_s_autoclose;
  uint32_t sctpi_s_adaptation_ind;
  uint32_t sctpi_s_pd_point;
  uint8_t sctpi_s_nodelay;
  uint8_t sctpi_s_disable_fragments;
  uint8_t sctpi_s_v4mapped;
  uint8_t sctpi_s_frag_interleave;
  uint32_t sctpi_s_type;
  uint32_t sctpi_reserved3;
};

#endif
