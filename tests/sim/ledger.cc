#include "tests/sim/ledger.h"

#include <algorithm>

#include "tests/sim/violation.h"

namespace millrace::sim {
namespace {

constexpr std::uint32_t kOffsets = 1u << 20;  // where a payload may start in the table

std::string name_of(const Flow& flow, std::uint32_t number) {
  const Flow::Message& message = flow.messages[number];
  return "message " + std::to_string(number) + " of flow " + std::to_string(flow.id) + " (host " +
         std::to_string(flow.host) + " to " + std::to_string(flow.peer_host) + ", stream " +
         std::to_string(message.stream) + (message.is_unordered ? " unordered, " : ", ") +
         std::to_string(message.length) + " bytes)";
}

}  // namespace

FlowId Ledger::open_flow(std::size_t host, std::size_t peer_host) {
  require(flows_.size() < kFlowsMax, "the simulation opens more flows than it has names for");
  auto flow = std::make_unique<Flow>();
  flow->id = static_cast<FlowId>(flows_.size());
  flow->host = host;
  flow->peer_host = peer_host;
  flows_.push_back(std::move(flow));
  return flows_.back()->id;
}

std::uint32_t Ledger::next_ppid(FlowId id) const {
  return id << kNumberBits | static_cast<std::uint32_t>(flows_[id]->messages.size());
}

Bytes Ledger::payload(std::uint32_t ppid, std::uint32_t length) const {
  return payload_table().subspan(Dice(ppid, 7).below(kOffsets), length);
}

void Ledger::on_accepted(FlowId id, std::uint16_t stream, bool is_unordered, std::uint32_t length) {
  Flow& flow = *flows_[id];
  const auto number = static_cast<std::uint32_t>(flow.messages.size());
  flow.messages.push_back({length, stream, is_unordered, false, false, Flow::Fate::kAccepted});
  if (!is_unordered) flow.ordered[stream].push_back(number);
  ++accepted_;
}

void Ledger::on_failed(std::uint32_t ppid, bool is_unsent, Bytes bytes) {
  const FlowId id = ppid >> kNumberBits;
  const std::uint32_t number = number_of(ppid);
  require(id < flows_.size() && number < flows_[id]->messages.size(),
          "a message that was never accepted is reported failed");
  Flow& flow = *flows_[id];
  Flow::Message& message = flow.messages[number];
  require(message.fate == Flow::Fate::kAccepted,
          name_of(flow, number) + " is reported failed twice");
  require(bytes.size() == message.length &&
              std::equal(bytes.begin(), bytes.end(), payload(ppid, message.length).begin()),
          name_of(flow, number) + " came back changed");
  message.fate = is_unsent ? Flow::Fate::kUnsent : Flow::Fate::kFailed;
  require(!is_unsent || !message.is_delivered,
          name_of(flow, number) + " was delivered, and is reported not to have been sent");
  ++failed_;
}

void Ledger::on_piece(Inbox& inbox, const Piece& piece) {
  const FlowId id = piece.ppid >> kNumberBits;
  const std::uint32_t number = number_of(piece.ppid);
  require(id < flows_.size() && number < flows_[id]->messages.size(),
          "a message arrived that nobody sent, PPID " + std::to_string(piece.ppid));
  Flow& flow = *flows_[id];
  if (inbox.flow == Inbox::kNoFlow) inbox.flow = id;
  require(inbox.flow == id, name_of(flow, number) + " arrived on an association that flow " +
                                std::to_string(inbox.flow) + " has");
  const Flow::Message& message = flow.messages[number];
  require(message.stream == piece.stream && message.is_unordered == piece.is_unordered,
          name_of(flow, number) + " arrived on stream " + std::to_string(piece.stream));
  if (piece.is_first) begin_message(inbox, flow, number);
  const auto at = inbox.pieces.find(number);
  require(at != inbox.pieces.end(), name_of(flow, number) + ": a piece without its beginning");
  const std::uint32_t offset = at->second;
  require(offset + piece.bytes.size() <= message.length,
          name_of(flow, number) + " arrived longer than it is");
  const Bytes expected = payload(piece.ppid, message.length).subspan(offset, piece.bytes.size());
  require(std::memcmp(piece.bytes.data(), expected.data(), expected.size()) == 0,
          name_of(flow, number) + " arrived with other bytes, in the piece at " +
              std::to_string(offset));
  at->second += static_cast<std::uint32_t>(piece.bytes.size());
  delivered_bytes_ += piece.bytes.size();
  if (piece.is_last) finish_message(inbox, flow, number);
}

void Ledger::begin_message(Inbox& inbox, Flow& flow, std::uint32_t number) {
  if (inbox.seen.size() < flow.messages.size()) inbox.seen.resize(flow.messages.size());
  require(!inbox.seen[number], name_of(flow, number) + " arrived twice");
  inbox.seen[number] = true;
  inbox.pieces[number] = 0;
  const Flow::Message& message = flow.messages[number];
  require(message.fate != Flow::Fate::kUnsent,
          name_of(flow, number) + " arrives, and was reported not to have been sent");
  if (message.is_unordered) return;
  require(inbox.open.count(message.stream) == 0,
          name_of(flow, number) + " arrived in the middle of another one of its stream");
  inbox.open[message.stream] = number;
  advance_order(inbox, flow, number);
}

// What is jumped over must turn out to have failed.
void Ledger::advance_order(Inbox& inbox, Flow& flow, std::uint32_t number) {
  const std::uint16_t stream = flow.messages[number].stream;
  const std::vector<std::uint32_t>& order = flow.ordered[stream];
  std::size_t& next = inbox.next[stream];
  while (next < order.size() && order[next] != number) {
    flow.messages[order[next++]].is_skipped = true;
  }
  require(next < order.size(), name_of(flow, number) + " arrived out of order");
  ++next;
}

void Ledger::finish_message(Inbox& inbox, Flow& flow, std::uint32_t number) {
  Flow::Message& message = flow.messages[number];
  require(inbox.pieces[number] == message.length, name_of(flow, number) + " arrived with only " +
                                                      std::to_string(inbox.pieces[number]) +
                                                      " bytes");
  inbox.pieces.erase(number);
  if (!message.is_unordered) inbox.open.erase(message.stream);
  message.is_delivered = true;
  ++delivered_;
}

void Ledger::on_death(std::size_t host) {
  deaths_.insert(host);
}

void Ledger::settle() const {
  for (const auto& flow : flows_) settle(*flow);
}

void Ledger::settle(const Flow& flow) const {
  // What a dead application had shut down goes on to its end, and nobody reads what arrives.
  const bool was_read = !flow.may_be_lost && deaths_.count(flow.peer_host) == 0;
  for (std::uint32_t i = 0; i < flow.messages.size(); ++i) {
    const Flow::Message& message = flow.messages[i];
    const bool has_failed = message.fate != Flow::Fate::kAccepted;
    require(!message.is_skipped || message.is_delivered || has_failed || flow.may_be_lost,
            name_of(flow, i) + " was left out, and did not fail");
    require(!(message.fate == Flow::Fate::kUnsent && message.is_delivered),
            name_of(flow, i) + " was delivered and reported not to have been sent");
    if (!flow.is_shut_down || !was_read || has_failed) continue;
    require(message.is_delivered,
            name_of(flow, i) + " was never delivered, and its association was shut down");
  }
}

// One for all simulations of a process: making it takes longer than many a simulation.
Bytes Ledger::payload_table() {
  static const std::vector<std::uint8_t> table = [] {
    std::vector<std::uint8_t> bytes(kOffsets + kLengthMax);
    Dice dice(1, 8);
    for (std::size_t i = 0; i < bytes.size(); i += 8) store_be64(&bytes[i], dice.next());
    return bytes;
  }();
  return table;
}

}  // namespace millrace::sim
