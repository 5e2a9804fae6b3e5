/* millrace_parameters.h: what mr_set_parameter(), mr_set_path_parameter() and mr_preset() set. A
 * part of millrace.h, which includes it.
 */
#ifndef MILLRACE_PARAMETERS_H
#define MILLRACE_PARAMETERS_H

/* Protocol parameters of one association (RFC 9260 section 16). */
enum mr_parameter {
  MR_RTO_INITIAL_MS = 1,
  MR_RTO_MIN_MS = 2,
  MR_RTO_MAX_MS = 3,
  MR_SACK_DELAY_MS = 4,         /* at most 500 */
  MR_SACK_FREQUENCY = 5,        /* packets with data until they are acknowledged at once */
  MR_HEARTBEAT_INTERVAL_MS = 6, /* 0: no heartbeats */
  MR_ASSOCIATION_MAX_RETRANS = 7,
  MR_PATH_MAX_RETRANS = 8,
  MR_MAX_BURST = 9,                       /* packets */
  MR_POTENTIALLY_FAILED_MAX_RETRANS = 10, /* RFC 7829 */
  MR_PRIMARY_SWITCHOVER_MAX_RETRANS = 11, /* RFC 7829; 255: never */
  MR_INIT_MAX_RETRANS = 12,
  MR_COOKIE_LIFETIME_MS = 13,     /* at most 3600000, an hour */
  MR_RECEIVE_BUFFER = 14,         /* bytes; what the receive window starts from */
  MR_PARTIAL_DELIVERY_POINT = 15, /* bytes; longer messages come in pieces */
  MR_SENDER_DRY_EVENTS = 16,      /* 1: MR_EVENT_SENDER_DRY is told */
  MR_ADAPTATION = 17,             /* the indication of INIT and INIT ACK (RFC 5061); 0: none */
  MR_INIT_RTO_MAX_MS = 18,        /* 0: as any other RTO */
  MR_PATH_MTU = 19,               /* bytes, while MR_PATH_MTU_FIXED is 1; 0: as it is */
  MR_PATH_MTU_FIXED = 20,         /* 1: the MTU is not looked for */
  MR_FRAGMENT_MAX = 21,           /* bytes of user data in one chunk; 0: as paths have it */
  MR_REMOTE_ERROR_EVENTS = 22,    /* 1: MR_EVENT_REMOTE_ERROR is told */
  MR_DSCP = 23,                   /* differentiated services code point of packets, 0 to 63 */
  MR_FLOW_LABEL = 24,             /* of IPv6 packets, 20 bits; or MR_FLOW_LABEL_AUTO */
  MR_HOP_LIMIT = 25               /* of packets, 1 to 255: TTL of IPv4, hop limit of IPv6 */
};

#define MR_PARAMETERS 26 /* size of an array by enum mr_parameter */

/* The engine's choice, which is one for each pair of addresses (RFC 6437). */
#define MR_FLOW_LABEL_AUTO 0x100000u

#endif
