/* millrace_paths.h: what an application says of one destination address, or of one association's
 * send buffer. A part of millrace.h, which includes it.
 */
#ifndef MILLRACE_PATHS_H
#define MILLRACE_PATHS_H

/* As mr_set_parameter(), for one destination address: MR_HEARTBEAT_INTERVAL_MS,
 * MR_PATH_MAX_RETRANS, MR_POTENTIALLY_FAILED_MAX_RETRANS, MR_PRIMARY_SWITCHOVER_MAX_RETRANS,
 * MR_PATH_MTU, MR_PATH_MTU_FIXED, MR_DSCP, MR_FLOW_LABEL and MR_HOP_LIMIT. What is set for the
 * association later is set for all of its paths. MR_EVENT_REQUEST_DONE says -EINVAL for another
 * parameter or address. */
MR_API int mr_set_path_parameter(mr_context* context, mr_association association,
                                 const struct mr_address* address, int parameter, uint32_t value);

/* Sends a heartbeat to a destination address, unless one is under way (RFC 9260 8.3). Completes
 * with MR_EVENT_REQUEST_DONE. -ENOTCONN, -EAGAIN. */
MR_API int mr_heartbeat(mr_context* context, mr_association association,
                        const struct mr_address* address);

/* As mr_send(), to one of the peer's addresses while that is usable. What is sent again may go
 * elsewhere (RFC 9260 6.4.1). An address that is not the peer's comes back as MR_EVENT_SEND_FAILED.
 */
MR_API int mr_send_to(mr_context* context, mr_association association,
                      const struct mr_address* address, const void* data, size_t length,
                      uint16_t stream, uint32_t ppid, uint32_t flags, uint64_t send_context);

/* From now on mr_send() has no room while so many bytes of the association lie unacknowledged. Not
 * more than the engine's send buffer, which is what it starts from. A message that is larger may go
 * when nothing else is under way. -ENOTCONN, -EIO. */
MR_API int mr_set_send_buffer(mr_context* context, mr_association association, uint32_t bytes);

#endif
