/* millrace/sctp.h: the sockets API for SCTP (RFC 6458), served by the Millrace engine on this host.
 *
 * A program includes this instead of <netinet/sctp.h> and links libmillrace-sctp:
 *
 *   cc server.c $(pkg-config --cflags --libs millrace-sctp)
 *
 * Neither the kernel nor the host needs SCTP for it. socket(AF_INET or AF_INET6, SOCK_STREAM or
 * SOCK_SEQPACKET, IPPROTO_SCTP) then makes a socket of the engine's, and what RFC 6458 does with
 * such a descriptor is done by the usual functions: bind, listen, accept, connect, sendmsg,
 * recvmsg, getsockopt, close and so on. They pass every other descriptor on to the C library, at
 * the price of a comparison. poll, select and epoll take them all in one set. What is declared
 * below comes on top, under the names of RFC 6458 9 and libsctp, of which the symbols are our own:
 * a program may have libsctp too.
 *
 * Numbers and layouts are those of Linux. What Linux has no number for has one of ours, from 1000
 * on (millrace/sctp_options.h). docs/sockets.md lists every call and option, with its state.
 *
 * Errors: a call returns -1 and sets errno, as the kernel's does. EPROTONOSUPPORT from socket():
 * there is no engine at $MILLRACE_SOCKET, else /run/millrace/applications.sock. ENOPROTOOPT: an
 * option of an extension that the engine does not have. EOPNOTSUPP: it is there for the other model
 * of sockets, or this value of it is not served.
 *
 * Threads: every function may be called from any thread, at any time, on any socket, and while
 * others wait in calls on the same one. Calls are carried out one after the other; messages of one
 * thread keep their order. A blocked call sleeps; it ends with EINTR as a kernel's would. A signal
 * handler may leave a call by longjmp, but makes none on these sockets unless it interrupted no
 * malloc: they allocate memory.
 *
 * Processes: after fork() a child may use the sockets that it inherited (millrace-run(1)).
 *
 * PPIDs are passed through as they are: give htonl(number). Ports and addresses are sockaddrs'.
 */
#ifndef MILLRACE_SCTP_H
#define MILLRACE_SCTP_H

#if defined(_SCTP_H) || defined(__linux_sctp_h__)
#error "millrace/sctp.h stands for <netinet/sctp.h> and <linux/sctp.h>: include it first, or alone"
#endif
/* What includes them later finds that they have been. */
#define _SCTP_H
#define __linux_sctp_h__

#include <millrace/sctp_extensions.h>
#include <millrace/sctp_notifications.h>
#include <millrace/sctp_options.h>
#include <millrace/sctp_types.h>

/* What configure scripts look for. */
#define HAVE_SCTP
#define HAVE_SCTP_MULTIBUF
#define HAVE_SCTP_NOCONNECT
#define HAVE_SCTP_SENDV 1
#define HAVE_SCTP_PEELOFF_FLAGS 1
#define HAVE_SCTP_PRSCTP 1
#define HAVE_SCTP_STREAM_RECONFIG 1
#define HAVE_SCTP_STREAM_RESET_EVENT 1
#define HAVE_SCTP_AUTH_NO_AUTH 1
#define HAVE_SCTP_PDAPI_EVENT_PDAPI_STREAM 1
#define HAVE_SCTP_PDAPI_EVENT_PDAPI_SEQ 1
#define HAVE_SCTP_SPP_IPV6_FLOWLABEL 1
#define HAVE_SCTP_SPP_DSCP 1

#ifdef __cplusplus
extern "C" {
#endif

#define MR_SCTP_SYMBOL(name) __asm__("mr_" #name)

struct mmsghdr;
struct timespec;

/* ---- associations ---------------------------------------------------------------------------- */

/* flags of sctp_bindx() */
#define SCTP_BINDX_ADD_ADDR 0x01
#define SCTP_BINDX_REM_ADDR 0x02

/* Adds local addresses, or takes some away (RFC 6458 9.1). `addresses` lie one behind the other,
 * each as long as its family's. All have one port.
 * EINVAL: another flag, or addresses that contradict each other. EADDRNOTAVAIL: not an address of
 * the engine. EADDRINUSE: another socket has the port there. EOPNOTSUPP: the socket has an
 * association already. EBUSY: the last address stays. A failure changes nothing. */
int sctp_bindx(int socket, struct sockaddr* addresses, int count, int flags)
    MR_SCTP_SYMBOL(sctp_bindx);

/* connect() to a host with several addresses (RFC 6458 9.9); `id`, unless NULL, is the new
 * association's. Errors as connect()'s: EINPROGRESS, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH,
 * EISCONN, EALREADY, EADDRNOTAVAIL, EINVAL. */
int sctp_connectx(int socket, struct sockaddr* addresses, int count, sctp_assoc_t* id)
    MR_SCTP_SYMBOL(sctp_connectx);

/* Makes a one-to-one socket of an association of a one-to-many socket (RFC 6458 9.2) and returns
 * its descriptor. `flags`: SOCK_NONBLOCK, SOCK_CLOEXEC. EINVAL: no such association, or a
 * one-to-one socket. */
int sctp_peeloff(int socket, sctp_assoc_t id) MR_SCTP_SYMBOL(sctp_peeloff);
int sctp_peeloff_flags(int socket, sctp_assoc_t id, unsigned flags)
    MR_SCTP_SYMBOL(sctp_peeloff_flags);

/* The peer's addresses (RFC 6458 9.3), one behind the other; returns how many. They are freed by
 * sctp_freepaddrs(). EINVAL: no such association. ENOMEM. */
int sctp_getpaddrs(int socket, sctp_assoc_t id, struct sockaddr** addresses)
    MR_SCTP_SYMBOL(sctp_getpaddrs);
int sctp_freepaddrs(struct sockaddr* addresses) MR_SCTP_SYMBOL(sctp_freepaddrs);
/* Our addresses (RFC 6458 9.5): an association's, or with id 0 those that the socket is bound to,
 * which are all of the engine's for a wildcard. */
int sctp_getladdrs(int socket, sctp_assoc_t id, struct sockaddr** addresses)
    MR_SCTP_SYMBOL(sctp_getladdrs);
int sctp_freeladdrs(struct sockaddr* addresses) MR_SCTP_SYMBOL(sctp_freeladdrs);
/* Bytes of an address of a family; -1 and EINVAL if it is neither version of IP. */
int sctp_getaddrlen(sa_family_t family) MR_SCTP_SYMBOL(sctp_getaddrlen);

/* ---- options --------------------------------------------------------------------------------- */

/* getsockopt() for options that say in their value which association they mean (RFC 6458 8):
 * `id` is put there. Errors are getsockopt()'s. EINVAL: `*length` has no room for it. */
int sctp_opt_info(int socket, sctp_assoc_t id, int option, void* value, socklen_t* length)
    MR_SCTP_SYMBOL(sctp_opt_info);

/* ---- messages -------------------------------------------------------------------------------- */

/* Sends one message (RFC 6458 9.7, old). On a one-to-many socket an address of a host without an
 * association begins one. Returns `length`.
 * EAGAIN: no room, of a socket or call that must not wait. EMSGSIZE: larger than SO_SNDBUF allows.
 * EINVAL: empty, a stream that was not negotiated, an unknown flag. EPIPE: nothing to send through,
 * with SIGPIPE unless MSG_NOSIGNAL. A lifetime is ignored, as it is by Linux where one of the peers
 * has no partial reliability. */
int sctp_sendmsg(int socket, const void* message, size_t length, struct sockaddr* to,
                 socklen_t to_length, uint32_t ppid, uint32_t flags, uint16_t stream,
                 uint32_t time_to_live, uint32_t context) MR_SCTP_SYMBOL(sctp_sendmsg);
/* The same through an association that `info` names (RFC 6458 9.10, old). */
int sctp_send(int socket, const void* message, size_t length, const struct sctp_sndrcvinfo* info,
              int flags) MR_SCTP_SYMBOL(sctp_send);
/* Sends one message in parts (RFC 6458 9.12). `info` is what `info_type` (SCTP_SENDV_*) says;
 * `addresses` begins an association with a host that has several. Errors as sctp_sendmsg()'s. */
int sctp_sendv(int socket, const struct iovec* parts, int part_count, struct sockaddr* addresses,
               int address_count, void* info, socklen_t info_length, unsigned int info_type,
               int flags) MR_SCTP_SYMBOL(sctp_sendv);

/* The same without parts, and with the older structure (RFC 6458 9.11, old). */
int sctp_sendx(int socket, const void* message, size_t length, struct sockaddr* addresses,
               int address_count, struct sctp_sndrcvinfo* info, int flags)
    MR_SCTP_SYMBOL(sctp_sendx);

/* Receives a message, a piece of one, or a notification (RFC 6458 9.8, old). `*flags` is what
 * recv() would be given, and tells MSG_EOR and MSG_NOTIFICATION. `info` wants the option
 * SCTP_EVENTS with sctp_data_io_event. Returns bytes; 0: the peer has ended the association. */
int sctp_recvmsg(int socket, void* message, size_t room, struct sockaddr* from,
                 socklen_t* from_length, struct sctp_sndrcvinfo* info, int* flags)
    MR_SCTP_SYMBOL(sctp_recvmsg);
/* The same in parts (RFC 6458 9.13). `*info_type` says what was put into `info` (SCTP_RECVV_*),
 * which depends on the options SCTP_RECVRCVINFO and SCTP_RECVNXTINFO. */
int sctp_recvv(int socket, const struct iovec* parts, int part_count, struct sockaddr* from,
               socklen_t* from_length, void* info, socklen_t* info_length, unsigned int* info_type,
               int* flags) MR_SCTP_SYMBOL(sctp_recvv);

/* Many messages at once, shaped as sendmmsg() and recvmmsg(), which do the same on such a socket.
 * All of a batch is handed to the engine together, so that messages share packets (RFC 9260 6.10),
 * and the lock is taken once. Both return how many messages there were; -1 if there was an error
 * before the first. After a later one they return what was done, and the next call tells the error.
 *
 * sctp_sendmmsg() waits for room as sendmsg() does. sctp_recvmmsg() waits for the first message
 * only, unless `flags` or the socket say that it must not, and then takes what is there; `limit`,
 * unless NULL, is the longest that it waits. */
int sctp_sendmmsg(int socket, struct mmsghdr* messages, unsigned int count, int flags)
    MR_SCTP_SYMBOL(sctp_sendmmsg);
int sctp_recvmmsg(int socket, struct mmsghdr* messages, unsigned int count, int flags,
                  struct timespec* limit) MR_SCTP_SYMBOL(sctp_recvmmsg);

#ifdef __cplusplus
}
#endif

#endif
