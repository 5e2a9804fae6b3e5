// An association between two shards under a script: an attacker who knows ports and tags, a network
// that drops and corrupts, applications that send, stall, end and connect again, and time. Whatever
// the script: nothing crashes, and when the applications have gone, so has everything that was held
// for them.
//
// The input is a list of records: one byte says what happens, one or more say how.
#include <algorithm>
#include <cstdlib>

#include "engine/wire/chunk.h"
#include "tests/support/shard_pair.h"

namespace millrace::test {
namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

Parameters impatient() {
  Parameters parameters;
  parameters.rto_initial = milliseconds(50);
  parameters.rto_min = milliseconds(20);
  parameters.rto_max = milliseconds(200);
  parameters.heartbeat_interval = milliseconds(300);
  parameters.cookie_lifetime = seconds(2);
  parameters.receive_buffer = 32 << 10;
  parameters.send_buffer = 64 << 10;
  parameters.partial_delivery_point = 8 << 10;
  parameters.association_max_retrans = 6;
  parameters.path_max_retrans = 2;
  parameters.streams_in = 8;
  parameters.streams_out = 8;
  return parameters;
}

/// Takes bytes off the input; zeros when there are none left.
class Script {
 public:
  explicit Script(Bytes bytes) : rest_(bytes) {}
  bool is_at_end() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  Bytes bytes(std::size_t most) {
    const Bytes taken = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  Bytes rest_;
};

class Run {
 public:
  Run()
      : pair_(impatient(), {address("10.0.0.1"), address("10.0.1.1")},
              {address("10.0.0.2"), address("10.0.1.2")}, kBuffers) {
    pair_.from_a = [this](const PacketOut& out, Bytes packet) {
      return pass(pair_.b, out, packet);
    };
    pair_.from_b = [this](const PacketOut& out, Bytes packet) {
      return pass(pair_.a, out, packet);
    };
    pair_.traces = false;
    handle_ = pair_.associate();
  }

  void step(Script& script) {
    const std::uint8_t what = script.byte();
    const std::uint8_t how = script.byte();
    End& end = (what & 0x80) != 0 ? pair_.b : pair_.a;
    switch (what & 0x0f) {
      case 0:
      case 1:
        return pair_.run_for(milliseconds(how));
      case 2:
        return pair_.run_for(milliseconds(how * 50));
      case 3:
      case 4:
        return send(end, what, how);
      case 5:
      case 6:
      case 7:
        return inject(end, script.bytes(how * 6u));
      case 8:
        corruptions_ = how;
        corruption_ = script.byte();
        return;
      case 9:
        drops_ = how;
        return;
      case 10:
        end.reads = !end.reads;
        return;
      default:
        return ask(end, what & 0x0f, how);
    }
  }

  /// A script that asks for hours, or for many associations that probe their paths meanwhile, would
  /// take seconds and show nothing that it has not shown.
  bool has_had_enough() const { return packets_ >= 10000; }

  void finish() {
    drops_ = corruptions_ = 0;
    for (End* end : {&pair_.a, &pair_.b}) end->shard().drop_owner(pair_.now, End::kOwner, false);
    pair_.run_for(seconds(30));
    for (End* end : {&pair_.a, &pair_.b}) {
      require(end->shard().associations() == 0);
      require(end->shard().owned(End::kOwner) == 0);
      require(end->payloads_held() == 0);
      require(end->has_all_buffers());
    }
  }

 private:
  static constexpr std::size_t kBuffers = 256;

  /// A handle that the end has, or had.
  AssociationHandle handle_of(const End& end) const {
    if (&end == &pair_.a) return handle_;
    for (auto told = end.told.rbegin(); told != end.told.rend(); ++told) {
      if (told->type == EventType::kUp) return told->handle;
    }
    return {};
  }

  void send(End& end, std::uint8_t what, std::uint8_t how) {
    const std::size_t length = std::size_t{how} * how / 4 + 1;
    const std::uint8_t flags = (what & 0x40) != 0 ? kUnordered : 0;
    end.send(pair_.now, handle_of(end), std::string(length, 'x'), (what >> 4) & 3, flags);
  }

  void ask(End& end, unsigned what, std::uint8_t how) {
    Shard& shard = end.shard();
    const AssociationHandle handle = handle_of(end);
    switch (what) {
      case 11:
        shard.shutdown(pair_.now, End::kOwner, handle);
        return;
      case 12:
        shard.abort(pair_.now, End::kOwner, handle, Bytes(&how, 1));
        return;
      case 13:
        shard.set_primary(pair_.now, End::kOwner, handle,
                          address((how & 1) != 0 ? "10.0.0.2" : "10.0.1.2"));
        return;
      case 14:
        return connect();
      default:
        shard.consumed(pair_.now, End::kOwner, handle, how * 100u);
    }
  }

  void connect() {
    ConnectRequest request;
    request.owner = End::kOwner;
    request.peer_port = 3868;
    request.peers = pair_.b.addresses();
    AssociationHandle handle;
    if (pair_.a.shard().connect(pair_.now, request, handle) == Status::kOk) handle_ = handle;
  }

  /// What the network does to a packet on its way to `to`.
  bool pass(End& to, const PacketOut& out, Bytes packet) {
    (&to == &pair_.a ? header_to_a_ : header_to_b_) = CommonHeader::read(packet);
    ++packets_;
    if (drops_ > 0 && drops_-- > 0) return false;
    if (corruptions_ == 0) return true;
    --corruptions_;
    std::vector<std::uint8_t> copy(packet.begin(), packet.end());
    copy[corruption_ % copy.size()] ^= static_cast<std::uint8_t>(corruptions_ | 1);
    corruption_ = corruption_ * 1103515245u + 12345u;
    arrive(to, out.source, out.destination, copy);
    return false;
  }

  /// Chunks from somebody who knows the association's ports and tag.
  void inject(End& to, Bytes chunks) {
    const bool is_a = &to == &pair_.a;
    const CommonHeader& header = is_a ? header_to_a_ : header_to_b_;
    std::vector<std::uint8_t> packet(kCommonHeaderBytes + chunks.size());
    store_be16(packet.data(), header.source_port);
    store_be16(packet.data() + 2, header.destination_port);
    const bool is_init = !chunks.empty() && chunks[0] == 1;
    store_be32(packet.data() + 4, is_init ? 0 : header.verification_tag);
    std::copy(chunks.begin(), chunks.end(), packet.begin() + kCommonHeaderBytes);
    arrive(to, address(is_a ? "10.0.0.2" : "10.0.0.1"), address(is_a ? "10.0.0.1" : "10.0.0.2"),
           packet);
  }

  void arrive(End& to, const IpAddress& source, const IpAddress& destination, Bytes packet) {
    Buffer* buffer = to.buffers().acquire();
    if (buffer == nullptr) return;
    std::memcpy(buffer->data, packet.data(), packet.size());
    buffer->length = static_cast<std::uint32_t>(packet.size());
    to.shard().on_packet(pair_.now, buffer, source, destination, buffer->bytes());
  }

  ShardPair pair_;
  AssociationHandle handle_;
  CommonHeader header_to_a_, header_to_b_;
  unsigned packets_ = 0;  // of both, on their way to the other
  unsigned drops_ = 0;
  unsigned corruptions_ = 0;
  unsigned corruption_ = 0;
};

}  // namespace
}  // namespace millrace::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace millrace::test;
  Run run;
  Script script({data, size});
  for (int steps = 0; steps < 200 && !script.is_at_end() && !run.has_had_enough(); ++steps)
    run.step(script);
  run.finish();
  return 0;
}
