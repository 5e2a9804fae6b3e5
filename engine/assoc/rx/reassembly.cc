#include "engine/assoc/rx/reassembly.h"

#include <algorithm>
#include <cstring>

#include "engine/wire/chunk.h"

namespace millrace {
namespace {

bool begins(const RxChunk& chunk) {
  return chunk.flags & kDataFlagBegin;
}
bool ends(const RxChunk& chunk) {
  return chunk.flags & kDataFlagEnd;
}
bool is_unordered(const RxChunk& chunk) {
  return chunk.flags & kDataFlagUnordered;
}

// Neighbours by TSN that belong to one message.
bool continues(const RxChunk& last, const RxChunk& first) {
  return last.tsn.next() == first.tsn && !ends(last) && !begins(first);
}

bool is_one_message(const RxChunk& a, const RxChunk& b) {
  return a.stream == b.stream && is_unordered(a) == is_unordered(b) &&
         (is_unordered(a) || a.ssn == b.ssn);
}

bool is_complete(const RxChunk& head) {
  return begins(head) && ends(*head.run_last);
}

// A fragment between an end and a beginning, or of another message than its neighbour, cannot be.
bool contradicts(const RxChunk& last, const RxChunk& first) {
  if (last.tsn.next() != first.tsn) return false;
  if (ends(last) != begins(first)) return true;
  return continues(last, first) && !is_one_message(last, first);
}

}  // namespace

void copy_payload(const Event& event, std::uint8_t* to) {
  for (const RxChunk* chunk = event.chunks; chunk != nullptr; chunk = chunk->run_next) {
    std::memcpy(to, chunk->payload, chunk->length);
    to += chunk->length;
  }
}

std::uint8_t Reassembly::flags_of(const RxChunk& head) {
  return static_cast<std::uint8_t>((begins(head) ? kFirstPiece : 0) |
                                   (ends(*head.run_last) ? kLastPiece : 0) |
                                   (is_unordered(head) ? kUnordered : 0));
}

Reassembly::Result Reassembly::add(ReassemblyMemory& memory, const RxChunk& chunk,
                                   std::uint32_t partial_delivery_point) {
  if (contradicts_partial_delivery(chunk)) return Result::kContradiction;
  RxChunk* added = memory.chunks.create(chunk);
  if (added == nullptr) return Result::kNoMemory;
  added->run_last = added;
  added->run_length = added->length;
  if (memory.buffers.hold(*added->buffer)) ++held_buffers_;
  held_bytes_ += added->length;
  ++held_chunks_;

  if (begins(*added) && ends(*added)) return on_complete(memory, added);
  RxChunk* head = join_run(added);
  if (head == nullptr) {
    release_run(memory, added);
    return Result::kContradiction;
  }
  if (is_complete(*head)) {
    partial_.remove(head);
    return on_complete(memory, head);
  }
  if (head->run_length >= partial_delivery_point || delivering_partly_) {
    deliver_partly(memory, head);
  }
  return Result::kOk;
}

// Puts a fragment among the incomplete runs, joins it with its neighbours and returns the head of
// the run it became part of; nullptr if it contradicts a neighbour.
RxChunk* Reassembly::join_run(RxChunk* chunk) {
  RxChunk* before = partial_.back();
  while (before != nullptr && before->tsn > chunk->tsn) before = List<RxChunk>::previous(before);
  RxChunk* after = before == nullptr ? partial_.front() : List<RxChunk>::next(before);
  if (before != nullptr && contradicts(*before->run_last, *chunk)) return nullptr;
  if (after != nullptr && contradicts(*chunk, *after)) return nullptr;

  RxChunk* head = chunk;
  if (before != nullptr && continues(*before->run_last, *chunk)) {
    head = before;
    head->run_last->run_next = chunk;
    head->run_last = chunk;
    head->run_length += chunk->length;
  } else {
    partial_.insert_before(after, chunk);
  }
  if (after != nullptr && continues(*chunk, *after)) {
    partial_.remove(after);
    head->run_last->run_next = after;
    head->run_last = after->run_last;
    head->run_length += after->run_length;
  }
  return head;
}

// A whole message, or (its head does not begin one) the last piece of one that is delivered in
// pieces.
Reassembly::Result Reassembly::on_complete(ReassemblyMemory& memory, RxChunk* head) {
  if (is_unordered(*head)) {
    ready_.push_back(head);
    return Result::kOk;
  }
  InboundStream* stream = streams_.get(memory.streams, head->stream);
  if (stream == nullptr) {
    release_run(memory, head);
    return Result::kNoMemory;
  }
  if (head->ssn == stream->next) {
    deliver_in_turn(stream, head);
    return Result::kOk;
  }
  RxChunk* before = stream->waiting.back();
  while (before != nullptr && before->ssn > head->ssn) before = List<RxChunk>::previous(before);
  if (head->ssn < stream->next || (before != nullptr && before->ssn == head->ssn)) {
    release_run(memory, head);
    return Result::kContradiction;
  }
  stream->waiting.insert_before(
      before == nullptr ? stream->waiting.front() : List<RxChunk>::next(before), head);
  return Result::kOk;
}

//= rfc9260 6.6
void Reassembly::deliver_in_turn(InboundStream* stream, RxChunk* head) {
  ready_.push_back(head);
  stream->next = stream->next.next();
  while (!stream->waiting.empty() && stream->waiting.front()->ssn == stream->next) {
    ready_.push_back(stream->waiting.pop_front());
    stream->next = stream->next.next();
  }
}

bool Reassembly::contradicts_partial_delivery(const RxChunk& chunk) const {
  return delivering_partly_ && contradicts(partly_last_, chunk);
}

// Hands over what is there of a message that is too long to be held as a whole (RFC 9260 6.9).
void Reassembly::deliver_partly(ReassemblyMemory& memory, RxChunk* head) {
  const bool starts = !delivering_partly_ && begins(*head);
  const bool goes_on = delivering_partly_ && continues(partly_last_, *head);
  if (!starts && !goes_on) return;
  InboundStream* stream = nullptr;
  if (!is_unordered(*head)) {
    stream = streams_.get(memory.streams, head->stream);
    if (stream == nullptr || head->ssn != stream->next) return;
  }
  partial_.remove(head);
  delivering_partly_ = !ends(*head->run_last);
  partly_last_ = *head->run_last;
  if (!delivering_partly_ && stream != nullptr) {
    deliver_in_turn(stream, head);
  } else {
    ready_.push_back(head);
  }
}

void Reassembly::pop(ReassemblyMemory& memory) {
  release_run(memory, ready_.pop_front());
}

void Reassembly::release_run(ReassemblyMemory& memory, RxChunk* head) {
  while (head != nullptr) {
    RxChunk* next = head->run_next;
    held_bytes_ -= head->length;
    if (memory.buffers.release(head->buffer)) --held_buffers_;
    memory.chunks.destroy(head);
    --held_chunks_;
    head = next;
  }
}

void Reassembly::release_list(ReassemblyMemory& memory, List<RxChunk>& list) {
  while (RxChunk* head = list.pop_front()) release_run(memory, head);
}

void Reassembly::restart(ReassemblyMemory& memory) {
  release_list(memory, partial_);
  streams_.for_each([&](InboundStream& stream) { release_list(memory, stream.waiting); });
  streams_.clear(memory.streams);
  delivering_partly_ = false;
}

void Reassembly::clear(ReassemblyMemory& memory) {
  restart(memory);
  release_list(memory, ready_);
}

}  // namespace millrace
