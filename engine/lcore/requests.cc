#include "engine/lcore/requests.h"

#include <algorithm>
#include <cstring>

#include "engine/lcore/association_name.h"
#include "engine/lcore/parameters.h"
#include "engine/lcore/translate.h"
#include "engine/shard/forecast.h"

namespace millrace {
namespace {

ipc::CompletionEntry answer_to(const ipc::SubmissionEntry& request, ipc::Event event,
                               Status status) {
  ipc::CompletionEntry entry{};
  entry.event = event;
  entry.operation = request.operation;
  entry.association = request.association;
  entry.context = request.context;
  entry.status = errno_of(status);
  entry.peer_port = request.peer_port;
  entry.local_port = request.local_port;
  return entry;
}

// A message may come to be as long as the receive window: it must fit where it is delivered, or
// its association would wait for room for ever.
void fit_to_arena(const Context& context, Parameters& parameters) {
  parameters.receive_buffer = std::min(parameters.receive_buffer, context.channel->payload_max());
}

std::uint8_t message_flags(std::uint8_t from) {
  static_assert(static_cast<int>(kUnordered) == ipc::kSendUnordered &&
                static_cast<int>(kSackImmediately) == ipc::kSendImmediateSack << 2);
  return static_cast<std::uint8_t>((from & ipc::kSendUnordered) | (from & ipc::kSendImmediateSack)
                                                                      << 2);
}

IpAddress address_in(const ipc::SubmissionEntry& request) {
  IpAddress address;
  std::memcpy(address.bytes.data(), request.address, sizeof request.address);
  return address;
}

}  // namespace

std::size_t Requests::serve(Time now, Context& context) {
  if (context.answers > 0 && !post_waiting(context)) return 0;
  std::array<ipc::SubmissionEntry, ipc::Channel::kTakeMax> requests;
  const std::size_t count = context.channel->take(requests);
  foresee(std::span(requests).first(count));
  for (std::size_t i = 0; i < count;) {
    if (requests[i].operation == ipc::Operation::send) [[likely]] {
      i += send_run(context, std::span(requests).subspan(i, count - i));
    } else {
      handle(now, context, requests[i++]);
    }
  }
  return count;
}

// A batch that begins and ends with one association is mostly all its: the first request brings
// what the others touch.
void Requests::foresee(std::span<const ipc::SubmissionEntry> requests) const {
  if (requests.empty() || requests.front().association == requests.back().association) return;
  Forecast forecast(shard_);
  std::uint64_t last = 0;
  for (const ipc::SubmissionEntry& request : requests) {
    if (request.association != last) forecast.add(handle_here(request.association));
    last = request.association;
  }
  forecast.fetch();
}

void Requests::handle(Time now, Context& context, const ipc::SubmissionEntry& request) {
  const AssociationHandle handle = handle_here(request.association);
  const Owner owner = context.owner;
  switch (request.operation) {
    case ipc::Operation::send:
      send_run(context, {&request, 1});
      return;
    case ipc::Operation::consumed:
      // A handle that died meanwhile is no fault: the application has yet to read of it.
      shard_.consumed(now, owner, handle, request.value);
      return;
    case ipc::Operation::listen:
      return listen(context, request);
    case ipc::Operation::unlisten:
      return done(context, request, shard_.unlisten(owner, request.local_port, request.context));
    case ipc::Operation::connect:
      return connect(now, context, request);
    case ipc::Operation::shutdown:
      return refuse_if_bad(context, request, shard_.shutdown(now, owner, handle));
    case ipc::Operation::abort:
      return refuse_if_bad(context, request,
                           shard_.abort(now, owner, handle, context.channel->payload(request)));
    case ipc::Operation::set_primary:
      return done(context, request, shard_.set_primary(now, owner, handle, address_in(request)));
    case ipc::Operation::set_parameter:
      return done(context, request, set_parameter(now, context, request));
    case ipc::Operation::get_status:
      return answer(context, answer_to(request, ipc::Event::status, Status::kOk));
    case ipc::Operation::preset:
      return preset(context, request);
    case ipc::Operation::get_engine:
      return answer(context, answer_to(request, ipc::Event::engine, Status::kOk));
    case ipc::Operation::heartbeat:
      return done(context, request, shard_.heartbeat(now, owner, handle, address_in(request)));
  }
}

// The sends that `requests` begins with, as far as they are for one association; returns how many.
std::size_t Requests::send_run(Context& context, std::span<const ipc::SubmissionEntry> requests) {
  const std::uint64_t name = requests[0].association;
  Sends sends = shard_.sends_to(context.owner, handle_here(name));
  std::size_t count = 0;
  for (; count < requests.size(); ++count) {
    const ipc::SubmissionEntry& request = requests[count];
    if (request.operation != ipc::Operation::send || request.association != name) break;
    SendRequest message;
    message.stream = request.stream;
    message.flags = message_flags(request.flags);
    message.ppid = request.ppid;
    message.context = request.context;
    message.token = request.slot;
    message.payload = context.channel->payload(request);
    IpAddress destination;
    if ((request.flags & ipc::kSendToAddress) != 0) [[unlikely]] {
      destination = address_in(request);
      message.to = &destination;
    }
    const Status status = sends.send(message);
    if (status != Status::kOk) [[unlikely]]
      refuse_send(context, request, status);
  }
  return count;
}

void Requests::refuse_send(Context& context, const ipc::SubmissionEntry& request, Status status) {
  counters_.add(Counter::requests_refused);
  ipc::CompletionEntry entry = answer_to(request, ipc::Event::send_failed, status);
  entry.flags = ipc::kSendFailedUnsent;
  entry.reason = refusal_of(status);
  entry.stream = request.stream;
  entry.offset = request.slot;
  entry.length = request.length;
  entry.value = request.ppid;
  answer(context, entry);
}

void Requests::listen(Context& context, const ipc::SubmissionEntry& request) {
  std::array<IpAddress, kListenAddressesMax> addresses;
  Parameters parameters;
  const Status ready = take_preset(context, request, parameters);
  ListenRequest listener;
  listener.owner = context.owner;
  listener.port = request.local_port;
  listener.addresses = {addresses.data(), context.channel->addresses(request, addresses)};
  listener.is_shared = (request.flags & ipc::kListenShared) != 0;
  listener.context = request.context;
  listener.parameters = &parameters;
  const Status status = ready == Status::kOk ? shard_.listen(listener) : ready;
  if (status != Status::kOk) counters_.add(Counter::requests_refused);
  answer(context, answer_to(request, ipc::Event::listening, status));
}

// Routes do not change: what is not reachable now would only time out.
bool Requests::has_route(const ConnectRequest& wanted) const {
  return std::any_of(wanted.peers.begin(), wanted.peers.end(),
                     [this](const IpAddress& peer) { return stack_.route_mtu({}, peer) != 0; });
}

void Requests::connect(Time now, Context& context, const ipc::SubmissionEntry& request) {
  // The peer's addresses, then ours; Channel has checked how many of each.
  std::array<IpAddress, kPathsMax + kAssociationLocalsMax> addresses;
  const std::size_t count = context.channel->addresses(request, addresses);
  Parameters parameters;
  const Status ready = take_preset(context, request, parameters);
  ConnectRequest wanted;
  wanted.owner = context.owner;
  wanted.local_port = request.local_port;
  wanted.claims_port = (request.flags & ipc::kConnectAnyPort) == 0;
  wanted.peer_port = request.peer_port;
  wanted.peers = std::span(addresses).first(request.value);
  wanted.locals = std::span(addresses).subspan(request.value, count - request.value);
  wanted.context = request.context;
  wanted.parameters = &parameters;
  AssociationHandle handle;
  Status status = ready;
  if (status == Status::kOk && !has_route(wanted)) status = Status::kNoRoute;
  if (status == Status::kOk) status = shard_.connect(now, wanted, handle);
  if (status != Status::kOk) counters_.add(Counter::requests_refused);
  const bool accepted = status == Status::kOk;
  if (accepted) marks_.at(handle).is_ours = true;
  ipc::CompletionEntry entry = answer_to(
      request, accepted ? ipc::Event::connecting : ipc::Event::association_failed, status);
  entry.association = accepted ? name_of(lcore_, handle) : 0;
  if (!accepted) entry.reason = refusal_of(status);
  answer(context, entry);
}

// What is set for an association is set for each of its paths, whatever these have of their own.
//= rfc6458 8.1.12
Status Requests::set_parameter(Time now, Context& context, const ipc::SubmissionEntry& request) {
  const IpAddress peer = address_in(request);
  const bool is_of_paths = is_of_path(request.parameter);
  if (peer != IpAddress{} && !is_of_paths) return Status::kBadArgument;
  const Status status = set_parameter_at(now, context, request, peer);
  if (status != Status::kOk || peer != IpAddress{} || !is_of_paths) return status;
  AssociationStatus association;
  shard_.status(context.owner, handle_here(request.association), association);
  for (std::size_t i = 0; i < association.path_count; ++i)
    set_parameter_at(now, context, request, association.paths[i].address);
  return Status::kOk;
}

Status Requests::set_parameter_at(Time now, Context& context, const ipc::SubmissionEntry& request,
                                  const IpAddress& peer) {
  const AssociationHandle handle = handle_here(request.association);
  Parameters parameters;
  const Status found = shard_.parameters(context.owner, handle, parameters, peer);
  if (found != Status::kOk) return found;
  if (!apply_parameter(request.parameter, request.value, parameters)) return Status::kBadArgument;
  fit_to_arena(context, parameters);
  return shard_.set_parameters(now, context.owner, handle, parameters, peer);
}

void Requests::preset(Context& context, const ipc::SubmissionEntry& request) {
  if (!context.has_preset) context.preset = defaults_;
  context.has_preset = true;
  if (!apply_parameter(request.parameter, request.value, context.preset))
    context.has_bad_preset = true;
}

/// The parameters of an association that is to come: the engine's, with what the application wants
/// to be different.
Status Requests::take_preset(Context& context, const ipc::SubmissionEntry& request,
                             Parameters& parameters) {
  const Status status = context.has_bad_preset ? Status::kBadArgument : Status::kOk;
  parameters = context.has_preset ? context.preset : defaults_;
  context.has_preset = context.has_bad_preset = false;
  apply_streams(request, parameters);
  fit_to_arena(context, parameters);
  return status;
}

AssociationHandle Requests::handle_here(std::uint64_t name) const {
  return lcore_of(name) == lcore_ ? handle_of(name) : AssociationHandle{};
}

void Requests::done(Context& context, const ipc::SubmissionEntry& request, Status status) {
  if (status != Status::kOk) counters_.add(Counter::requests_refused);
  answer(context, answer_to(request, ipc::Event::request_done, status));
}

void Requests::refuse_if_bad(Context& context, const ipc::SubmissionEntry& request, Status status) {
  if (status != Status::kOk) done(context, request, status);
}

void Requests::answer(Context& context, const ipc::CompletionEntry& entry) {
  if (context.answers == 0 && post(context, entry)) return;
  MR_ASSERT(context.answers < context.waiting.size());  // serve() takes no more than fit
  context.waiting[context.answers++] = entry;
}

bool Requests::post(Context& context, const ipc::CompletionEntry& entry) {
  if (entry.event == ipc::Event::status) return post_status(context, entry);
  if (entry.event == ipc::Event::engine) return post_engine(context, entry);
  return context.channel->post(entry);
}

// With a payload in the receive arena; false if there is no room for it.
template <class Payload>
bool Requests::post_with(Context& context, const ipc::CompletionEntry& entry,
                         const Payload& payload) {
  std::uint8_t* to = context.channel->reserve(sizeof payload);
  if (to == nullptr) return false;
  std::memcpy(to, &payload, sizeof payload);
  ipc::CompletionEntry full = entry;
  full.length = sizeof payload;
  context.channel->post_message(full);
  return true;
}

bool Requests::post_engine(Context& context, const ipc::CompletionEntry& entry) {
  ipc::EngineStatus payload{};
  describe(defaults_, shard_.local_addresses(), payload);
  return post_with(context, entry, payload);
}

bool Requests::post_status(Context& context, const ipc::CompletionEntry& entry) {
  AssociationStatus status;
  const Status found = shard_.status(context.owner, handle_here(entry.association), status);
  if (found != Status::kOk) {
    ipc::CompletionEntry refusal = entry;
    refusal.event = ipc::Event::request_done;
    refusal.status = errno_of(found);
    return context.channel->post(refusal);
  }
  ipc::AssociationStatus payload;
  translate(lcore_, status, payload);
  return post_with(context, entry, payload);
}

bool Requests::post_waiting(Context& context) {
  std::uint16_t posted = 0;
  while (posted < context.answers && post(context, context.waiting[posted])) ++posted;
  const auto first = context.waiting.begin();
  std::copy(first + posted, first + context.answers, first);
  context.answers = static_cast<std::uint16_t>(context.answers - posted);
  return context.answers == 0;
}

}  // namespace millrace
