/* millrace.h: SCTP for applications, through the Millrace engine on this host.
 *
 * A program attaches to the engine (millraced), listens or connects, sends messages and receives
 * one ordered sequence of events, messages among them. The calls are shaped like sctp_sendmsg and
 * sctp_recvmsg (RFC 6458); what they mean on the wire is RFC 9260. Nothing here makes a system call
 * but attaching, sleeping, and waking an engine that sleeps.
 *
 * Errors: a function that returns int returns 0 or more for success and a negative errno for
 * failure. mr_last_error() has the text for people. -EIO from any call: the engine is gone and the
 * library has not attached again yet.
 *
 * Threads: a context belongs to one thread at a time. Threads that work in parallel have a context
 * each; contexts share nothing. mr_fd()'s descriptor may be polled by any thread. mr_last_error()
 * is per thread.
 *
 * Ownership: what is passed in is copied before the call returns, unless it says otherwise. What an
 * event points to belongs to the library: see mr_receive().
 *
 * Units: lengths are bytes, ports and payload protocol identifiers are in host order (a PPID is
 * given as the number that stands on the wire), times have their unit in their name.
 *
 * Blocking: only mr_attach() and mr_wait() wait. Everything else answers at once; what takes time
 * completes with an event.
 */
#ifndef MILLRACE_H
#define MILLRACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MR_API __attribute__((visibility("default")))
#else
#define MR_API
#endif

#define MR_DEFAULT_SOCKET "/run/millrace/applications.sock"

/* The largest message, whatever the send buffer is. */
#define MR_MESSAGE_BYTES_MAX (4u << 20)
/* Destination addresses of one association (RFC 9260 6.4). */
#define MR_PATHS_MAX 8
/* Local addresses that one mr_connect() may choose. */
#define MR_LOCALS_MAX 8
/* Local addresses that one mr_listen() may choose. */
#define MR_LISTEN_ADDRESSES_MAX 64

/* One attach to the engine. */
typedef struct mr_context mr_context;

/* Names an association within a context; 0 is none. Not reused for another one, except that a loss
 * of the engine (MR_EVENT_ENGINE_LOST) makes all of them void. */
typedef uint64_t mr_association;

/* An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d, in network order. */
struct mr_address {
  uint8_t bytes[16];
};

/* Reads "192.0.2.1" or "2001:db8::1". 0 or -EINVAL. */
MR_API int mr_address_parse(const char* text, struct mr_address* address);
/* Writes the text of an address, terminated, into `size` bytes (46 are always enough) and returns
 * `text`. */
MR_API const char* mr_address_format(const struct mr_address* address, char* text, size_t size);

/* What went wrong in the last call of this thread that failed, for people. Never NULL. */
MR_API const char* mr_last_error(void);

/* ---- attach ---------------------------------------------------------------------------------- */

/* Do not attach again when the engine is lost; every call then fails with -EIO. */
#define MR_ATTACH_ONCE 1u
/* Receive windows open again by mr_consumed() and not by the next mr_receive(). */
#define MR_ATTACH_CREDITS 2u

struct mr_attach_options {
  const char* socket;   /* of the engine; NULL: MR_DEFAULT_SOCKET */
  const char* name;     /* what the operator sees, up to 31 bytes; NULL: the program's name */
  uint32_t flags;       /* MR_ATTACH_* */
  uint32_t spin_us;     /* mr_wait() polls this long before it sleeps; 0: it sleeps at once */
  uint32_t patience_ms; /* how long to wait for the engine's answer; 0: 2000 */
};

/* Attaches to the engine. `options` may be NULL for the defaults.
 * -ENOENT, -ECONNREFUSED: no engine there. -EACCES: not allowed to use the socket. -EPROTO: the
 * engine speaks another version. -EMFILE: it has as many contexts as it may. -ENOMEM: memory for
 * the rings is short. -ETIMEDOUT: it does not answer. */
MR_API int mr_attach(const struct mr_attach_options* options, mr_context** context);

/* Detaches. What happens to associations that are still there is the operator's choice (abort or
 * shutdown): to be sure, mr_shutdown() them and wait for MR_EVENT_ASSOCIATION_DOWN first. Frees the
 * context and everything that events point to. NULL is ignored. */
MR_API void mr_detach(mr_context* context);

/* ---- associations (RFC 9260 11.1.1 to 11.1.4) ------------------------------------------------ */

struct mr_listen_options {
  uint16_t port;                      /* local port, not 0 */
  uint16_t streams_out;               /* streams to ask for; 0: as the engine is configured */
  uint16_t streams_in;                /* streams to accept; 0: as the engine is configured */
  uint16_t address_count;             /* 0: all addresses of the engine */
  const struct mr_address* addresses; /* local ones, at most MR_LISTEN_ADDRESSES_MAX; 0.0.0.0 and ::
                                         mean all of their version of IP, loopback included */
  uint64_t context; /* comes back in all events of the associations; names this one among the
                       listeners of the port */
  uint32_t flags;   /* 0 or MR_LISTEN_SHARED */
};

/* Others of this context that say so, too, may listen at the same addresses and port: each gets its
 * part of the peers. */
#define MR_LISTEN_SHARED 16u

/* Accepts associations on a port, for this context, which may listen there several times: with
 * different numbers in `context`, and at different addresses or shared ones; 128 times at most. The
 * peers of each are told, and may use, its own addresses. Completes with MR_EVENT_LISTENING, whose
 * status is 0, -EADDRINUSE (the port is another context's, which listens there, at whatever
 * addresses, or named it in mr_connect(); or this one listens at one of these), -ENOBUFS (too many)
 * or -EADDRNOTAVAIL (an address that the engine does not have). Then every association comes as
 * MR_EVENT_ASSOCIATION_UP, already established; mr_abort() one to turn it away. After a loss of the
 * engine the library listens again by itself, with another MR_EVENT_LISTENING.
 * -EINVAL: port 0, too many addresses or an unknown flag. -EADDRINUSE: this context listens on the
 * port already with this number. -EAGAIN: as of all requests: 65536 wait already for room in a
 * ring, or the transmit arena is full; try again after an event. */
MR_API int mr_listen(mr_context* context, const struct mr_listen_options* options);

/* Ends a listener, by its port and mr_listen_options.context; associations that are there stay.
 * Completes with MR_EVENT_REQUEST_DONE. -ENOENT: there is none. -EAGAIN as in mr_listen(). */
MR_API int mr_unlisten(mr_context* context, uint16_t port, uint64_t listen_context);

struct mr_connect_options {
  uint16_t peer_port;              /* not 0 */
  uint16_t local_port;             /* 0: any; else this context's alone, as that of a listener */
  uint16_t streams_out;            /* 0: as the engine is configured */
  uint16_t streams_in;             /* 0: as the engine is configured */
  uint16_t peer_count;             /* 1 to MR_PATHS_MAX */
  uint16_t local_count;            /* 0: all addresses of the engine; at most MR_LOCALS_MAX */
  const struct mr_address* peers;  /* the first is the primary; all of one host; those that no local
                                      one reaches are left out */
  const struct mr_address* locals; /* that the peer may use to reach us; 0.0.0.0 and :: as above */
  uint64_t context;                /* comes back in all events of the association */
  uint32_t flags;                  /* 0 or MR_CONNECT_ANY_PORT */
};

/* Another local_port would do as well, or others use it, too: it is not kept for this context. */
#define MR_CONNECT_ANY_PORT 32u

/* Sets up an association. Its local_port, if one was named, is this context's until the last
 * association that it began there has ended, or the context: another one's mr_listen() or
 * mr_connect() at it ends with -EADDRINUSE, and so does this one while the port is another's.
 * MR_EVENT_CONNECTING comes as soon as the engine knows its handle, and from then on messages may
 * be sent: they go out with the third leg of the handshake (RFC 9260 5.1). It ends with
 * MR_EVENT_ASSOCIATION_UP or MR_EVENT_ASSOCIATION_FAILED, at once (status -EHOSTUNREACH) if the
 * engine has a route to none of the peer's addresses, or reaches none from those of its own that it
 * may use: nothing leaves a loopback address for another.
 * -EINVAL: a number out of range or an unknown flag. -EAGAIN as in mr_listen(). */
MR_API int mr_connect(mr_context* context, const struct mr_connect_options* options);

/* Ends an association after everything that was sent is acknowledged (RFC 9260 9.2). Completes with
 * MR_EVENT_ASSOCIATION_DOWN. Sending on it fails from now on.
 * -ENOTCONN: no such association. -EAGAIN as in mr_listen(). */
MR_API int mr_shutdown(mr_context* context, mr_association association);

/* Ends an association at once (RFC 9260 9.1). The peer is told `reason`, any bytes, at most 1024
 * (User-Initiated Abort, RFC 9260 3.3.10.12). Completes with MR_EVENT_ASSOCIATION_DOWN, before
 * which unacknowledged messages may come back as MR_EVENT_SEND_FAILED. -ENOTCONN, -EMSGSIZE,
 * -EAGAIN. */
MR_API int mr_abort(mr_context* context, mr_association association, const void* reason,
                    size_t length);

/* Prefers a destination address of the peer (RFC 9260 11.1.5). Completes with
 * MR_EVENT_REQUEST_DONE. -ENOTCONN, -EAGAIN. */
MR_API int mr_set_primary(mr_context* context, mr_association association,
                          const struct mr_address* address);

#include "millrace_parameters.h"

/* Sets one. Completes with MR_EVENT_REQUEST_DONE. -EINVAL: no such parameter. -ENOTCONN, -EAGAIN.
 */
MR_API int mr_set_parameter(mr_context* context, mr_association association, int parameter,
                            uint32_t value);

/* Sets one for what the next mr_connect() or mr_listen() of this context makes, before its INIT or
 * INIT ACK goes out. A value that is out of range is told by the end of that request (-EINVAL). A
 * call that fails uses it up as well. Returns 0, or -EINVAL: no such parameter. */
MR_API int mr_preset(mr_context* context, int parameter, uint32_t value);

#define MR_ENGINE_ADDRESSES_MAX 62

/* The data of MR_EVENT_ENGINE: what an application may use, and what its associations get unless it
 * says otherwise. */
struct mr_engine {
  uint32_t parameters[MR_PARAMETERS]; /* by enum mr_parameter */
  uint16_t streams_out;
  uint16_t streams_in;
  uint32_t send_buffer; /* bytes of one association */
  uint32_t path_mtu;
  uint32_t address_count; /* without loopback addresses, which are always there */
  struct mr_address addresses[MR_ENGINE_ADDRESSES_MAX];
};

/* Asks for the engine's addresses and defaults. Completes with MR_EVENT_ENGINE. -EIO, -EAGAIN. */
MR_API int mr_get_engine(mr_context* context);

struct mr_path_status {
  struct mr_address address;
  uint8_t is_active;
  uint8_t is_confirmed; /* RFC 9260 5.4 */
  uint8_t is_primary;
  uint8_t is_potentially_failed; /* others are preferred while they answer (RFC 7829) */
  uint32_t error_count;          /* against MR_PATH_MAX_RETRANS */
  uint32_t cwnd;                 /* bytes, as are ssthresh, outstanding and mtu */
  uint32_t ssthresh;
  uint32_t outstanding;
  uint32_t mtu;
  uint32_t srtt_us;
  uint32_t rto_us;
};

/* The data of MR_EVENT_STATUS. */
struct mr_status {
  mr_association association;
  char state[24]; /* "ESTABLISHED" and so on (RFC 9260 section 4) */
  uint16_t local_port;
  uint16_t peer_port;
  uint16_t streams_out;
  uint16_t streams_in;
  uint32_t peer_rwnd;       /* bytes that the peer would take */
  uint32_t a_rwnd;          /* bytes that we advertise */
  uint32_t unacked_chunks;  /* DATA chunks sent, not cumulatively acknowledged */
  uint32_t queued_messages; /* accepted, not yet in a packet */
  uint32_t held_bytes;      /* received, not yet consumed here */
  uint32_t path_count;
  uint64_t messages_sent;
  uint64_t messages_received;
  uint64_t retransmissions;
  struct mr_path_status paths[MR_PATHS_MAX];
};

/* Asks for an association's state and paths. Completes with MR_EVENT_STATUS, or
 * MR_EVENT_REQUEST_DONE with a status when it is gone. -ENOTCONN, -EAGAIN. */
MR_API int mr_get_status(mr_context* context, mr_association association);

/* ---- send (RFC 9260 11.1.5, RFC 6458 9.12) --------------------------------------------------- */

#define MR_UNORDERED 1u    /* no order with other messages of the stream (RFC 9260 6.6) */
#define MR_SACK_AT_ONCE 2u /* the peer shall not delay its acknowledgement (RFC 7053) */
#define MR_MORE 4u         /* more follows at once, see mr_send() */

/* Sends one message of 1 to MR_MESSAGE_BYTES_MAX bytes, copied. Returns 0 when the library has
 * accepted it; from then on it arrives, or the association ends and it may come back as
 * MR_EVENT_SEND_FAILED with `context` in send_context.
 *
 * Without MR_MORE the message is on its way to the engine when the call returns, and a sleeping
 * engine was woken. With MR_MORE the library may keep it back to hand over several at once, until a
 * call of mr_send() or mr_send_batch() without the flag, mr_flush(), mr_receive() or mr_wait().
 * Messages that the engine finds together share packets (RFC 9260 6.10).
 *
 * -EAGAIN: no room: the association has its send buffer full of unacknowledged messages, or the
 * context's arena or ring is full. MR_EVENT_WRITABLE follows for this association as soon as there
 * is room again, and it makes mr_wait() and mr_fd() ready.
 * -ENOTCONN: no such association. -ESHUTDOWN: it was shut down, by us or by the peer.
 * -EINVAL: empty, stream not negotiated, or unknown flag. -EMSGSIZE: longer than
 * MR_MESSAGE_BYTES_MAX or than the association's send buffer. */
MR_API int mr_send(mr_context* context, mr_association association, const void* data, size_t length,
                   uint16_t stream, uint32_t ppid, uint32_t flags, uint64_t send_context);

/* One message of a batch. */
struct mr_message {
  mr_association association;
  const void* data;
  uint32_t length;
  uint32_t ppid;
  uint64_t send_context;
  uint16_t stream;
  uint16_t flags; /* MR_UNORDERED, MR_SACK_AT_ONCE */
  uint32_t reserved;
};

/* Sends messages in order and stops at the first that fails. Returns how many were accepted (> 0,
 * or 0 for an empty batch), or the first one's error, as in mr_send(). They may be of different
 * associations. The whole batch is handed over at once. */
MR_API int mr_send_batch(mr_context* context, const struct mr_message* messages, size_t count);

/* Hands over what MR_MORE kept back. Never fails. */
MR_API void mr_flush(mr_context* context);

/* Sending without a copy: fill a buffer of the shared arena in place, then submit it.
 *
 * mr_buffer_alloc() gives `length` bytes, or NULL when there is no room (mr_last_error() says).
 * The buffer is the caller's until it is submitted or freed, and it stays readable and writable
 * until then even if the engine is lost meanwhile. */
MR_API void* mr_buffer_alloc(mr_context* context, size_t length);
/* Gives an unsubmitted buffer back. */
MR_API void mr_buffer_free(mr_context* context, void* buffer);
/* Sends the first `length` bytes of a buffer; otherwise as mr_send(). On success the buffer belongs
 * to the engine and must not be touched; on failure it still is the caller's. */
MR_API int mr_send_buffer(mr_context* context, mr_association association, void* buffer,
                          size_t length, uint16_t stream, uint32_t ppid, uint32_t flags,
                          uint64_t send_context);

/* ---- receive (RFC 9260 11.1.6 and 11.2) ------------------------------------------------------ */

enum mr_event_type {
  MR_EVENT_LISTENING = 1,          /* answer to mr_listen(): status, local_port, context */
  MR_EVENT_REQUEST_DONE = 2,       /* a request ended: request, status, association, local_port */
  MR_EVENT_CONNECTING = 3,         /* the handle of an mr_connect(): association, context */
  MR_EVENT_ASSOCIATION_UP = 4,     /* association, context, flags (MR_PASSIVE), streams_out,
                                      streams_in, local_port, peer_port, address: the peer's primary,
                                      local, adaptation */
  MR_EVENT_ASSOCIATION_FAILED = 5, /* an mr_connect() came to nothing: association (0 if there was
                                      none), context, reason, status, cause, data, length */
  MR_EVENT_ASSOCIATION_DOWN = 6,   /* association, context, reason, cause, data, length; the handle
                                      is dead. After an ABORT of the peer's, data is that chunk
                                      (RFC 9260 3.3.7), with all causes and their texts; else NULL */
  MR_EVENT_MESSAGE = 7, /* association, context, stream, ssn, tsn, ppid, flags, data, length */
  MR_EVENT_SEND_FAILED =
      8,                   /* association, context, send_context, stream, ppid, reason, status,
                              flags (MR_UNSENT), data, length: the message that was not delivered */
  MR_EVENT_PATH_STATE = 9, /* association, context, address, path_state */
  MR_EVENT_RESTART = 10,   /* the peer restarted (RFC 9260 5.2.4): as MR_EVENT_ASSOCIATION_UP; the
                              sequence numbers start again, what was in flight is lost */
  MR_EVENT_PEER_SHUTDOWN = 11, /* association, context: the peer takes no more messages */
  MR_EVENT_SENDER_DRY = 12,    /* association, context: everything sent is acknowledged */
  MR_EVENT_STATUS = 13,        /* association, context, data: struct mr_status */
  MR_EVENT_WRITABLE = 14,      /* association, context: send again after -EAGAIN */
  MR_EVENT_ENGINE_LOST = 15,   /* the engine is gone. Before it comes the end of every association
                                  (reason MR_REASON_ENGINE_LOST). The library attaches again */
  MR_EVENT_ENGINE_BACK = 16, /* attached again; mr_listen()s are repeated, mr_connect()s are not */
  MR_EVENT_ENGINE = 32,      /* answer to mr_get_engine(): data: struct mr_engine */
  MR_EVENT_REMOTE_ERROR = 33 /* an ERROR of the peer's: data, length: its first cause, as sent */
};

/* Why an association or a message ended. */
enum mr_reason {
  MR_REASON_NONE = 0,
  MR_REASON_SHUTDOWN = 1,       /* SHUTDOWN ran its course, whoever began it */
  MR_REASON_PEER_ABORT = 2,     /* ABORT from the peer; cause is its first cause code */
  MR_REASON_LOCAL_ABORT = 3,    /* mr_abort(), or the operator */
  MR_REASON_UNREACHABLE = 4,    /* Association.Max.Retrans exceeded */
  MR_REASON_INIT_FAILED = 5,    /* no answer to INIT or COOKIE ECHO */
  MR_REASON_REFUSED = 6,        /* the peer answered INIT with ABORT */
  MR_REASON_PROTOCOL_ERROR = 7, /* the peer broke the protocol; cause was sent to it */
  MR_REASON_NO_RESOURCES = 8,   /* the engine ran out of something */
  MR_REASON_CLOSED = 9,         /* the association was going down when the request came */
  MR_REASON_ENGINE_LOST = 10
};

/* What mr_event.path_state says (RFC 9260 11.2.3, RFC 7829 7.1). */
enum mr_path_state {
  MR_PATH_ACTIVE = 0,
  MR_PATH_INACTIVE = 1,
  MR_PATH_CONFIRMED = 2,
  MR_PATH_UNCONFIRMED = 3,
  MR_PATH_POTENTIALLY_FAILED = 4 /* did not answer of late (RFC 7829) */
};

/* What mr_event.request says. */
enum mr_request {
  MR_REQUEST_LISTEN = 1,
  MR_REQUEST_UNLISTEN = 2,
  MR_REQUEST_CONNECT = 3,
  MR_REQUEST_SHUTDOWN = 6,
  MR_REQUEST_ABORT = 7,
  MR_REQUEST_SET_PRIMARY = 8,
  MR_REQUEST_SET_PARAMETER = 9,
  MR_REQUEST_GET_STATUS = 10,
  MR_REQUEST_HEARTBEAT = 13
};

/* In mr_event.flags; MR_UNORDERED too. */
#define MR_FIRST_PIECE 8u /* of MR_EVENT_MESSAGE: a message begins here */
#define MR_LAST_PIECE 16u /* of MR_EVENT_MESSAGE: and ends here */
#define MR_PASSIVE 32u    /* of MR_EVENT_ASSOCIATION_UP: it came to a listener of ours */
#define MR_UNSENT 64u     /* of MR_EVENT_SEND_FAILED: no part of it ever left */

/* In mr_event.local. */
#define MR_LOCAL_LOOPBACK 255u /* a loopback address */
#define MR_LOCAL_UNKNOWN 254u  /* the peer has sent nothing from its primary address yet */

/* One event. Only the fields named with its type above are set. */
struct mr_event {
  uint8_t type; /* enum mr_event_type */
  uint8_t flags;
  uint8_t reason;  /* enum mr_reason */
  uint8_t request; /* enum mr_request */
  uint16_t stream;
  uint16_t ssn;
  uint32_t ppid;
  uint32_t tsn; /* of the first DATA chunk */
  mr_association association;
  uint64_t context; /* of the association: from mr_connect() or mr_listen() */
  const void* data;
  uint32_t length;
  int32_t status; /* 0 or a negative errno */
  uint64_t send_context;
  uint16_t streams_out;
  uint16_t streams_in;
  uint16_t local_port;
  uint16_t peer_port;
  struct mr_address address;
  uint16_t cause; /* RFC 9260 3.3.10; 0: none given */
  uint8_t path_state;
  uint8_t local; /* MR_EVENT_ASSOCIATION_UP: which of mr_engine.addresses the peer's primary has
                    reached, or MR_LOCAL_* */
  uint32_t adaptation; /* the peer's indication (RFC 5061 4.2.6); 0: none */
};

/* Fetches up to `max` events in the order in which they happened (per association; associations of
 * different lcores of the engine are independent). Returns how many, 0 if there are none.
 *
 * What the events point to is valid until the next call of mr_receive(), mr_release() or mr_wait()
 * on the context: copy what has to last. That call also tells the engine that the messages are
 * consumed, which opens the receive windows again: an application that stops calling closes its
 * associations' windows and nobody else's.
 *
 * A message comes in one piece, MR_FIRST_PIECE and MR_LAST_PIECE both set, unless it is larger than
 * the partial delivery point that the operator set (RFC 9260 6.9), or than what its association may
 * hold of chunks and packets when many share the engine: then its pieces come in order,
 * and pieces of other streams' messages may come between them.
 * -EIO with MR_ATTACH_ONCE after MR_EVENT_ENGINE_LOST. */
MR_API int mr_receive(mr_context* context, struct mr_event* events, size_t max);

/* Is done with what the last mr_receive() gave, without fetching more. */
MR_API void mr_release(mr_context* context);

/* With MR_ATTACH_CREDITS: `bytes` of the association's messages have been dealt with, wherever they
 * were kept meanwhile. Handles that have ended are ignored. */
MR_API void mr_consumed(mr_context* context, mr_association association, uint32_t bytes);

/* Waits until mr_receive() has something or `timeout_us` have passed; a negative timeout waits for
 * ever. Returns 1 if there may be something, 0 if not. Like mr_receive(), it ends the validity of
 * what the last events point to. -EINTR: a signal came. -EIO as in mr_receive(). */
MR_API int mr_wait(mr_context* context, int64_t timeout_us);

/* A descriptor for poll, select and epoll: readable when mr_receive() may have something. It stays
 * the same for the life of the context. Call mr_receive() until it returns 0 before polling; only
 * then does the engine signal the descriptor. Do not read from it. A negative errno on failure. */
MR_API int mr_fd(mr_context* context);

#include "millrace_paths.h"

#ifdef __cplusplus
}
#endif

#endif
