// The C functions of millrace.h. They check pointers, put arguments together, and call the context.
#include "api/millrace.h"

#include <errno.h>

#include <memory>
#include <utility>

#include "api/context.h"
#include "engine/ipc/attach_client.h"

using millrace::api::Context;
using millrace::api::failed;

namespace {

constexpr std::uint32_t kSendFlags = MR_UNORDERED | MR_SACK_AT_ONCE | MR_MORE;

mr_message message_of(mr_association association, const void* data, size_t length, uint16_t stream,
                      uint32_t ppid, uint32_t flags, uint64_t send_context) {
  mr_message message;
  message.association = association;
  message.data = data;
  message.length = length > MR_MESSAGE_BYTES_MAX ? ~0u : static_cast<uint32_t>(length);
  message.ppid = ppid;
  message.send_context = send_context;
  message.stream = stream;
  message.flags = static_cast<uint16_t>(flags & ~MR_MORE);
  message.reserved = 0;
  return message;
}

}  // namespace

namespace millrace::api {

mr_context* make_local_context(ipc::ClientMemory memory) {
  Context::Options options;
  options.flags = MR_ATTACH_ONCE;
  return new mr_context{{std::move(options), std::move(memory)}};
}

}  // namespace millrace::api

extern "C" {

int mr_attach(const mr_attach_options* options, mr_context** context) {
  if (context == nullptr) return failed(-EINVAL, "nowhere to put the context");
  *context = nullptr;
  Context::Options own;
  own.socket =
      options != nullptr && options->socket != nullptr ? options->socket : MR_DEFAULT_SOCKET;
  own.name = options != nullptr && options->name != nullptr ? options->name
                                                            : program_invocation_short_name;
  if (options != nullptr) {
    own.flags = options->flags;
    own.spin_us = options->spin_us;
    if (options->patience_ms != 0) own.patience_ms = options->patience_ms;
  }
  millrace::ipc::AttachResult result =
      millrace::ipc::attach(own.socket, own.name, millrace::milliseconds(own.patience_ms));
  if (result.status != 0) return failed(result.status, result.error);
  *context = new mr_context{{std::move(own), std::move(result.memory)}};
  return 0;
}

void mr_detach(mr_context* context) {
  delete context;
}

int mr_listen(mr_context* context, const mr_listen_options* options) {
  return options != nullptr ? context->context.listen(*options) : failed(-EINVAL, "no options");
}

int mr_unlisten(mr_context* context, uint16_t port, uint64_t listen_context) {
  return context->context.unlisten(port, listen_context);
}

int mr_connect(mr_context* context, const mr_connect_options* options) {
  return options != nullptr ? context->context.connect(*options) : failed(-EINVAL, "no options");
}

int mr_shutdown(mr_context* context, mr_association association) {
  return context->context.shutdown(association);
}

int mr_abort(mr_context* context, mr_association association, const void* reason, size_t length) {
  if (reason == nullptr && length > 0) return failed(-EINVAL, "no reason");
  return context->context.abort(association, reason, length);
}

int mr_set_primary(mr_context* context, mr_association association, const mr_address* address) {
  return address != nullptr ? context->context.set_primary(association, *address)
                            : failed(-EINVAL, "no address");
}

int mr_set_parameter(mr_context* context, mr_association association, int parameter,
                     uint32_t value) {
  return context->context.set_parameter(association, parameter, value);
}

int mr_preset(mr_context* context, int parameter, uint32_t value) {
  return context->context.preset(parameter, value);
}

int mr_set_path_parameter(mr_context* context, mr_association association,
                          const mr_address* address, int parameter, uint32_t value) {
  return context->context.set_parameter(association, parameter, value, address);
}

int mr_heartbeat(mr_context* context, mr_association association, const mr_address* address) {
  return context->context.heartbeat(association, *address);
}

int mr_get_engine(mr_context* context) {
  return context->context.get_engine();
}

int mr_get_status(mr_context* context, mr_association association) {
  return context->context.get_status(association);
}

int mr_send(mr_context* context, mr_association association, const void* data, size_t length,
            uint16_t stream, uint32_t ppid, uint32_t flags, uint64_t send_context) {
  if ((flags & ~kSendFlags) != 0) return failed(-EINVAL, "unknown flag");
  return context->context.send(
      message_of(association, data, length, stream, ppid, flags, send_context),
      (flags & MR_MORE) != 0);
}

int mr_send_to(mr_context* context, mr_association association, const mr_address* address,
               const void* data, size_t length, uint16_t stream, uint32_t ppid, uint32_t flags,
               uint64_t send_context) {
  if ((flags & ~kSendFlags) != 0) return failed(-EINVAL, "unknown flag");
  return context->context.send_to(
      message_of(association, data, length, stream, ppid, flags, send_context), *address,
      (flags & MR_MORE) != 0);
}

int mr_set_send_buffer(mr_context* context, mr_association association, uint32_t bytes) {
  return context->context.set_send_buffer(association, bytes);
}

int mr_send_batch(mr_context* context, const mr_message* messages, size_t count) {
  return context->context.send_batch(messages, count);
}

void mr_flush(mr_context* context) {
  context->context.flush();
}

void* mr_buffer_alloc(mr_context* context, size_t length) {
  return context->context.buffer_alloc(length);
}

void mr_buffer_free(mr_context* context, void* buffer) {
  context->context.buffer_free(buffer);
}

int mr_send_buffer(mr_context* context, mr_association association, void* buffer, size_t length,
                   uint16_t stream, uint32_t ppid, uint32_t flags, uint64_t send_context) {
  if ((flags & ~kSendFlags) != 0) return failed(-EINVAL, "unknown flag");
  return context->context.send_buffer(
      message_of(association, buffer, length, stream, ppid, flags, send_context), buffer,
      (flags & MR_MORE) != 0);
}

int mr_receive(mr_context* context, mr_event* events, size_t max) {
  return max > 0 ? context->context.receive(events, max) : 0;
}

void mr_release(mr_context* context) {
  context->context.release();
}

void mr_consumed(mr_context* context, mr_association association, uint32_t bytes) {
  context->context.consumed(association, bytes);
}

int mr_wait(mr_context* context, int64_t timeout_us) {
  return context->context.wait(timeout_us);
}

int mr_fd(mr_context* context) {
  return context->context.descriptor();
}

}  // extern "C"
