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

// Joins the run of `head`, which ends with `tail`, and the one that begins with `next`.
void append_run(RxChunk* head, RxChunk* tail, RxChunk* next) {
  RxChunk* end = next->run_end;
  tail->run_next = next;
  next->previous = tail;
  head->run_end = end;
  end->run_end = head;
  head->run_length += next->run_length;
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
  return begins(head) && ends(*head.run_end);
}

std::uint32_t turn_key(std::uint16_t stream, Ssn ssn) {
  return std::uint32_t{stream} << 16 | ssn.value;
}

// A fragment between an end and a beginning, or of another message than its neighbour, cannot be.
bool contradicts(const RxChunk& last, const RxChunk& first) {
  if (last.tsn.next() != first.tsn) return false;
  if (ends(last) != begins(first)) return true;
  return continues(last, first) && !is_one_message(last, first);
}

}  // namespace

void copy_payload(const Event& event, std::uint8_t* to) {
  copy_payload(*event.chunks, to);
}

Reassembly::Run Reassembly::add_run(ReassemblyMemory& memory, Buffer* buffer, Bytes rest, Tsn first,
                                    std::uint16_t streams, std::uint32_t held_max) {
  constexpr std::uint32_t kPlain = kDataFlagBegin | kDataFlagEnd;  // type and flags
  static_assert(static_cast<int>(ChunkType::kData) == 0);
  static_assert(kBufferStorage / (kDataHeaderBytes + 4) <= UINT8_MAX);  // RxChunk::followers
  Run run;
  if (delivering_partly_) return run;
  RxChunk* head = nullptr;
  InboundStream* stream = nullptr;
  std::uint32_t number = UINT32_MAX;  // of the stream
  std::uint32_t held = held_bytes_;
  const std::uint8_t* at = rest.data();
  for (std::size_t left = rest.size(); left > kDataHeaderBytes && held < held_max;) {
    const std::uint32_t word = load_be32(at);
    const std::size_t length = word & 0xffff;
    if (word >> 16 != kPlain || length <= kDataHeaderBytes || length > left) break;
    if (load_be32(at + 4) != first.value + run.chunks) break;
    const std::uint32_t turn = load_be32(at + 8);
    if (turn >> 16 != number) {
      number = turn >> 16;
      if (number >= streams) break;
      stream = streams_.get(memory.streams, static_cast<std::uint16_t>(number));
      if (stream == nullptr) break;
    }
    if (stream->next.value != (turn & 0xffff) || stream->waiting > 0) break;
    if (head == nullptr && (head = begin_run(memory, buffer, at)) == nullptr) break;
    stream->next = stream->next.next();
    held += static_cast<std::uint32_t>(length - kDataHeaderBytes);
    ++run.chunks;
    const std::size_t size = std::min(padded4(length), left);
    at += size;
    left -= size;
  }
  if (run.chunks > 1) {
    head->followers = static_cast<std::uint8_t>(run.chunks - 1);
    followers_ += run.chunks - 1;
  }
  held_bytes_ = held;
  run.bytes = static_cast<std::size_t>(at - rest.data());
  return run;
}

// A message that is ready, and that others behind it in the packet may be left to.
RxChunk* Reassembly::begin_run(ReassemblyMemory& memory, Buffer* buffer, const std::uint8_t* at) {
  RxChunk* head = memory.chunks.create();
  if (head == nullptr) return nullptr;
  head->buffer = buffer;
  head->run_end = head;
  describe(*head, at);
  if (memory.buffers.hold(*buffer)) ++held_buffers_;
  ++held_chunks_;
  ready_.push_back(head);
  return head;
}

void Reassembly::forget_followers(RxChunk& head, std::size_t keep) {
  RxChunk chunk = head;
  for (std::size_t i = 0; i < head.followers; ++i) {
    become_follower(chunk);
    if (i >= keep) held_bytes_ -= chunk.length;
  }
  if (head.followers <= keep) return;
  followers_ -= head.followers - static_cast<std::uint32_t>(keep);
  head.followers = static_cast<std::uint8_t>(keep);
}

Reassembly::Result Reassembly::on_fragment(ReassemblyMemory& memory, RxChunk* chunk,
                                           std::uint32_t partial_delivery_point) {
  RxChunk* head = join_run(memory.index, chunk);
  if (head == nullptr) {
    release_run(memory, chunk);
    return Result::kContradiction;
  }
  if (is_complete(*head)) {
    take_out(memory.index, head);
    return on_complete(memory, head);
  }
  if (head->run_length >= partial_delivery_point || delivering_partly_) {
    deliver_partly(memory, head);
  }
  return Result::kOk;
}

// Puts a fragment among the incomplete runs, joins it with its neighbours and returns the head of
// the run it became part of; nullptr if it contradicts a neighbour.
RxChunk* Reassembly::join_run(RxIndex& index, RxChunk* chunk) {
  RxChunk* before = find_end(index, chunk->tsn - 1);
  RxChunk* after = find_end(index, chunk->tsn.next());
  if (before != nullptr && contradicts(*before, *chunk)) return nullptr;
  if (after != nullptr && contradicts(*chunk, *after)) return nullptr;

  RxChunk* head = chunk;
  if (before != nullptr && continues(*before, *chunk)) {
    head = before->run_end;
    append_run(head, before, chunk);
  } else {
    partial_.push_back(chunk);
  }
  if (after != nullptr && continues(*chunk, *after)) {
    partial_.remove(after);
    append_run(head, chunk, after);
    if (open_ == after) open_ = head;
  }
  if (open_ != nullptr && open_ != head) index_ends(index, open_);
  open_ = head;
  return head;
}

// What has no neighbour on one side is an end of a run, so only ends are ever looked for. The run
// that grew last is not in the index: the fragments of one message mostly come one after the other.
RxChunk* Reassembly::find_end(RxIndex& index, Tsn tsn) {
  if (open_ != nullptr && open_->run_end->tsn == tsn) return open_->run_end;
  if (open_ != nullptr && open_->tsn == tsn) return open_;
  return partial_.size() > (open_ != nullptr ? 1u : 0u) ? index.find(partial_, tsn.value) : nullptr;
}

void Reassembly::index_ends(RxIndex& index, RxChunk* head) {
  for (RxChunk* end : {head, head->run_end}) {
    if (end->home == nullptr) index.insert(partial_, end->tsn.value, end);
  }
}

// A run leaves the incomplete ones.
void Reassembly::take_out(RxIndex& index, RxChunk* head) {
  partial_.remove(head);
  if (open_ == head) open_ = nullptr;
  for (RxChunk* chunk = head; chunk != nullptr; chunk = chunk->run_next) index.remove(chunk);
}

// One whose turn it is not yet, or whose turn others waited for.
Reassembly::Result Reassembly::on_ordered(ReassemblyMemory& memory, InboundStream* stream,
                                          RxChunk* head) {
  if (stream == nullptr) {
    release_run(memory, head);
    return Result::kNoMemory;
  }
  if (head->ssn == stream->next) {
    deliver_in_turn(memory.index, stream, head);
    return Result::kOk;
  }
  const std::uint32_t key = turn_key(head->stream, head->ssn);
  if (head->ssn < stream->next || memory.index.find(waiting_, key) != nullptr) {
    release_run(memory, head);
    return Result::kContradiction;
  }
  waiting_.push_back(head);
  memory.index.insert(waiting_, key, head);
  ++stream->waiting;
  return Result::kOk;
}

//= rfc9260 6.6
void Reassembly::deliver_in_turn(RxIndex& index, InboundStream* stream, RxChunk* head) {
  const std::uint16_t number = head->stream;
  ready_.push_back(head);
  stream->next = stream->next.next();
  while (stream->waiting > 0) {
    RxChunk* next = index.find(waiting_, turn_key(number, stream->next));
    if (next == nullptr) return;
    index.remove(next);
    waiting_.remove(next);
    ready_.push_back(next);
    --stream->waiting;
    stream->next = stream->next.next();
  }
}

bool Reassembly::contradicts_partial_delivery(const RxChunk& chunk) const {
  return contradicts(partly_last_, chunk);
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
  take_out(memory.index, head);
  delivering_partly_ = !ends(*head->run_end);
  partly_last_ = *head->run_end;
  if (!delivering_partly_ && stream != nullptr) {
    deliver_in_turn(memory.index, stream, head);
  } else {
    ready_.push_back(head);
  }
}

//= rfc9260 6.9
bool Reassembly::deliver_unfinished(ReassemblyMemory& memory, Tsn last) {
  const RxChunk* end = find_end(memory.index, last);
  if (end == nullptr) return false;
  const std::size_t before = ready_.size();
  deliver_partly(memory, end->run_end);
  return ready_.size() > before;
}

// The run whose end has the largest TSN, of those that came last and the one that grew last: what
// came is mostly in order, and a peer that sees to it that it is not gets no long search for it.
RxChunk* Reassembly::last_run() const {
  RxChunk* last = open_;
  for (const List<RxChunk>* list : {&partial_, &waiting_}) {
    RxChunk* run = list->back();
    for (int look = 0; run != nullptr && look < kRenegeLooks; ++look) {
      if (last == nullptr || last->run_end->tsn < run->run_end->tsn) last = run;
      run = List<RxChunk>::previous(run);
    }
  }
  return last;
}

//= rfc9260 6.2
std::optional<Tsn> Reassembly::renege(ReassemblyMemory& memory, Tsn behind) {
  RxChunk* head = last_run();
  if (head == nullptr || head->run_end->tsn <= behind) return std::nullopt;
  RxChunk* tail = head->run_end;
  const Tsn dropped = tail->tsn;
  if (is_complete(*head)) {  // a message whose turn it is not
    waiting_.remove(head);
    --streams_.get(memory.streams, head->stream)->waiting;
    memory.index.remove(head);
    if (tail != head) partial_.push_back(head);
  } else if (tail == head) {
    take_out(memory.index, head);
  }
  if (tail != head) {
    memory.index.remove(tail);
    RxChunk* end = tail->previous;
    end->run_next = nullptr;
    end->run_end = head;
    head->run_end = end;
    head->run_length -= tail->length;
    if (open_ != head) index_ends(memory.index, head);
  }
  release_run(memory, tail);
  return dropped;
}

void Reassembly::release_run(ReassemblyMemory& memory, RxChunk* head) {
  while (head != nullptr) {
    RxChunk* next = head->run_next;
    forget_followers(*head, 0);
    held_bytes_ -= head->length;
    memory.index.remove(head);
    if (memory.buffers.release(head->buffer)) --held_buffers_;
    memory.chunks.destroy(head);
    --held_chunks_;
    head = next;
  }
}

void Reassembly::release_list(ReassemblyMemory& memory, List<RxChunk>& list) {
  while (RxChunk* head = list.pop_front()) release_run(memory, head);
}

std::size_t Reassembly::drop_ready_after(ReassemblyMemory& memory, std::size_t count) {
  const std::size_t before = ready_count();
  std::size_t kept = 0;
  for (std::size_t i = ready_.size(); i > 0; --i) {
    RxChunk* head = ready_.pop_front();
    if (kept < count) {
      forget_followers(*head, count - kept - 1);
      kept += 1u + head->followers;
      ready_.push_back(head);
    } else {
      release_run(memory, head);
    }
  }
  return before - kept;
}

void Reassembly::restart(ReassemblyMemory& memory) {
  open_ = nullptr;
  release_list(memory, partial_);
  release_list(memory, waiting_);
  streams_.clear(memory.streams);
  delivering_partly_ = false;
}

void Reassembly::clear(ReassemblyMemory& memory) {
  restart(memory);
  while (RxChunk* head = ready_.pop_front()) release_run(memory, head);
}

}  // namespace millrace
