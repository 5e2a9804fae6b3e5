/* millrace/sctp_notifications.h: what a receive call gives with MSG_NOTIFICATION (RFC 6458 6), in
 * the layouts of Linux. Include millrace/sctp.h, which has all of it.
 */
#ifndef MILLRACE_SCTP_NOTIFICATIONS_H
#define MILLRACE_SCTP_NOTIFICATIONS_H

#include <millrace/sctp_types.h>

/* Some end with an array of no length, which ISO C++ does not know. */
#pragma GCC system_header

/* sn_type, and se_type of SCTP_EVENT. Those of extensions may be asked for and do not come. */
#define SCTP_SN_TYPE_BASE (1 << 15)
#define SCTP_DATA_IO_EVENT SCTP_SN_TYPE_BASE
#define SCTP_ASSOC_CHANGE (SCTP_SN_TYPE_BASE + 1)
#define SCTP_PEER_ADDR_CHANGE (SCTP_SN_TYPE_BASE + 2)
#define SCTP_SEND_FAILED (SCTP_SN_TYPE_BASE + 3)
#define SCTP_REMOTE_ERROR (SCTP_SN_TYPE_BASE + 4)
#define SCTP_SHUTDOWN_EVENT (SCTP_SN_TYPE_BASE + 5)
#define SCTP_PARTIAL_DELIVERY_EVENT (SCTP_SN_TYPE_BASE + 6)
#define SCTP_ADAPTATION_INDICATION (SCTP_SN_TYPE_BASE + 7)
#define SCTP_AUTHENTICATION_EVENT (SCTP_SN_TYPE_BASE + 8)
#define SCTP_AUTHENTICATION_INDICATION SCTP_AUTHENTICATION_EVENT
#define SCTP_SENDER_DRY_EVENT (SCTP_SN_TYPE_BASE + 9)
#define SCTP_STREAM_RESET_EVENT (SCTP_SN_TYPE_BASE + 10)
#define SCTP_ASSOC_RESET_EVENT (SCTP_SN_TYPE_BASE + 11)
#define SCTP_STREAM_CHANGE_EVENT (SCTP_SN_TYPE_BASE + 12)
#define SCTP_SEND_FAILED_EVENT (SCTP_SN_TYPE_BASE + 13)
#define SCTP_SN_TYPE_MAX SCTP_SEND_FAILED_EVENT
/* RFC 6458 6.1.10. Linux has no number for it, and notifications are never stopped here. */
#define SCTP_NOTIFICATIONS_STOPPED_EVENT (SCTP_SN_TYPE_BASE + 1000)

/* RFC 6458 6.1.1 */
struct sctp_assoc_change {
  uint16_t sac_type;
  uint16_t sac_flags;
  uint32_t sac_length;
  uint16_t sac_state;
  uint16_t sac_error;
  uint16_t sac_outbound_streams;
  uint16_t sac_inbound_streams;
  sctp_assoc_t sac_assoc_id;
  uint8_t sac_info[];
};
/* sac_state */
#define SCTP_COMM_UP 0
#define SCTP_COMM_LOST 1
#define SCTP_RESTART 2
#define SCTP_SHUTDOWN_COMP 3
#define SCTP_CANT_STR_ASSOC 4
/* What sac_info of SCTP_COMM_UP and SCTP_RESTART may have; Linux has none of them, and none is
 * told. */
#define SCTP_ASSOC_SUPPORTS_PR 0x01
#define SCTP_ASSOC_SUPPORTS_AUTH 0x02
#define SCTP_ASSOC_SUPPORTS_ASCONF 0x03
#define SCTP_ASSOC_SUPPORTS_MULTIBUF 0x04

/* RFC 6458 6.1.2 */
struct sctp_paddr_change {
  uint16_t spc_type;
  uint16_t spc_flags;
  uint32_t spc_length;
  struct sockaddr_storage spc_aaddr;
  int spc_state;
  int spc_error;
  sctp_assoc_t spc_assoc_id;
} __attribute__((packed, aligned(4)));
/* spc_state */
#define SCTP_ADDR_AVAILABLE 0
#define SCTP_ADDR_UNREACHABLE 1
#define SCTP_ADDR_REMOVED 2
#define SCTP_ADDR_ADDED 3
#define SCTP_ADDR_MADE_PRIM 4
#define SCTP_ADDR_CONFIRMED 5
#define SCTP_ADDR_POTENTIALLY_FAILED 6 /* RFC 7829; with SCTP_EXPOSE_POTENTIALLY_FAILED_STATE */
#define SCTP_ADDR_PF SCTP_ADDR_POTENTIALLY_FAILED

/* RFC 6458 6.1.3; sre_error is in network order, and sre_data the whole cause. */
struct sctp_remote_error {
  uint16_t sre_type;
  uint16_t sre_flags;
  uint32_t sre_length;
  uint16_t sre_error;
  sctp_assoc_t sre_assoc_id;
  uint8_t sre_data[];
};

/* RFC 6458 6.1.4, old; the message stands behind it. */
struct sctp_send_failed {
  uint16_t ssf_type;
  uint16_t ssf_flags;
  uint32_t ssf_length;
  uint32_t ssf_error;
  struct sctp_sndrcvinfo ssf_info;
  sctp_assoc_t ssf_assoc_id;
  uint8_t ssf_data[];
};

/* RFC 6458 6.1.11. Linux names two fields as in the old one; the RFC's names are below. */
struct sctp_send_failed_event {
  uint16_t ssf_type;
  uint16_t ssf_flags;
  uint32_t ssf_length;
  uint32_t ssf_error;
  struct sctp_sndinfo ssfe_info;
  sctp_assoc_t ssf_assoc_id;
  uint8_t ssf_data[];
};
#define ssfe_type ssf_type
#define ssfe_flags ssf_flags
#define ssfe_length ssf_length
#define ssfe_error ssf_error
#define ssfe_assoc_id ssf_assoc_id
#define ssfe_data ssf_data
/* ssf_flags */
#define SCTP_DATA_UNSENT 0
#define SCTP_DATA_SENT 1

/* RFC 6458 6.1.5 */
struct sctp_shutdown_event {
  uint16_t sse_type;
  uint16_t sse_flags;
  uint32_t sse_length;
  sctp_assoc_t sse_assoc_id;
};

/* RFC 6458 6.1.6 */
struct sctp_adaptation_event {
  uint16_t sai_type;
  uint16_t sai_flags;
  uint32_t sai_length;
  uint32_t sai_adaptation_ind;
  sctp_assoc_t sai_assoc_id;
};

/* RFC 6458 6.1.7 */
struct sctp_pdapi_event {
  uint16_t pdapi_type;
  uint16_t pdapi_flags;
  uint32_t pdapi_length;
  uint32_t pdapi_indication;
  sctp_assoc_t pdapi_assoc_id;
  uint32_t pdapi_stream;
  uint32_t pdapi_seq;
};
/* pdapi_indication */
#define SCTP_PARTIAL_DELIVERY_ABORTED 0

/* RFC 6458 6.1.8; not yet */
struct sctp_authkey_event {
  uint16_t auth_type;
  uint16_t auth_flags;
  uint32_t auth_length;
  uint16_t auth_keynumber;
  uint16_t auth_altkeynumber;
  uint32_t auth_indication;
  sctp_assoc_t auth_assoc_id;
};
#define SCTP_AUTH_NEW_KEY 0
#define SCTP_AUTH_NEWKEY SCTP_AUTH_NEW_KEY
#define SCTP_AUTH_FREE_KEY 1
#define SCTP_AUTH_NO_AUTH 2

/* RFC 6458 6.1.9 */
struct sctp_sender_dry_event {
  uint16_t sender_dry_type;
  uint16_t sender_dry_flags;
  uint32_t sender_dry_length;
  sctp_assoc_t sender_dry_assoc_id;
};

/* RFC 6525 6.1; not yet */
struct sctp_stream_reset_event {
  uint16_t strreset_type;
  uint16_t strreset_flags;
  uint32_t strreset_length;
  sctp_assoc_t strreset_assoc_id;
  uint16_t strreset_stream_list[];
};
#define SCTP_STREAM_RESET_INCOMING_SSN 0x0001
#define SCTP_STREAM_RESET_OUTGOING_SSN 0x0002
#define SCTP_STREAM_RESET_DENIED 0x0004
#define SCTP_STREAM_RESET_FAILED 0x0008
struct sctp_assoc_reset_event {
  uint16_t assocreset_type;
  uint16_t assocreset_flags;
  uint32_t assocreset_length;
  sctp_assoc_t assocreset_assoc_id;
  uint32_t assocreset_local_tsn;
  uint32_t assocreset_remote_tsn;
};
#define SCTP_ASSOC_RESET_DENIED 0x0004
#define SCTP_ASSOC_RESET_FAILED 0x0008
struct sctp_stream_change_event {
  uint16_t strchange_type;
  uint16_t strchange_flags;
  uint32_t strchange_length;
  sctp_assoc_t strchange_assoc_id;
  uint16_t strchange_instrms;
  uint16_t strchange_outstrms;
};
#define SCTP_STREAM_CHANGE_DENIED 0x0004
#define SCTP_STREAM_CHANGE_FAILED 0x0008
#define SCTP_ASSOC_CHANGE_DENIED SCTP_STREAM_CHANGE_DENIED
#define SCTP_ASSOC_CHANGE_FAILED SCTP_STREAM_CHANGE_FAILED

/* RFC 6458 6.2.1, old */
struct sctp_event_subscribe {
  uint8_t sctp_data_io_event; /* SCTP_SNDRCV with every message */
  uint8_t sctp_association_event;
  uint8_t sctp_address_event;
  uint8_t sctp_send_failure_event;
  uint8_t sctp_peer_error_event;
  uint8_t sctp_shutdown_event;
  uint8_t sctp_partial_delivery_event;
  uint8_t sctp_adaptation_layer_event;
  uint8_t sctp_authentication_event;
  uint8_t sctp_sender_dry_event;
  uint8_t sctp_stream_reset_event;
  uint8_t sctp_assoc_reset_event;
  uint8_t sctp_stream_change_event;
  uint8_t sctp_send_failure_event_event;
};

/* RFC 6458 6.2.2 */
struct sctp_event {
  sctp_assoc_t se_assoc_id;
  uint16_t se_type;
  uint8_t se_on;
};

/* RFC 6458 6.1 */
struct sctp_tlv {
  uint16_t sn_type;
  uint16_t sn_flags;
  uint32_t sn_length;
};
union sctp_notification {
  struct sctp_tlv sn_header;
  struct sctp_assoc_change sn_assoc_change;
  struct sctp_paddr_change sn_paddr_change;
  struct sctp_remote_error sn_remote_error;
  struct sctp_send_failed sn_send_failed;
  struct sctp_shutdown_event sn_shutdown_event;
  struct sctp_adaptation_event sn_adaptation_event;
  struct sctp_pdapi_event sn_pdapi_event;
  struct sctp_authkey_event sn_authkey_event;
  struct sctp_sender_dry_event sn_sender_dry_event;
  struct sctp_stream_reset_event sn_strreset_event;
  struct sctp_assoc_reset_event sn_assocreset_event;
  struct sctp_stream_change_event sn_strchange_event;
  struct sctp_send_failed_event sn_send_failed_event;
};

#endif
