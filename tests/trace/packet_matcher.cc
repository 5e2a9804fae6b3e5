#include "tests/trace/packet_matcher.h"

#include "engine/wire/chunks.h"
#include "engine/wire/parameter.h"
#include "tests/trace/packet_writer.h"

namespace millrace::trace {
namespace {

// One thing that a chunk says, as text that reads like a script's.
struct Fact {
  enum class Kind : std::uint8_t { kNumber, kBytes, kText, kTlv };
  std::string name;
  Kind kind = Kind::kNumber;
  std::uint32_t number = 0;
  Octets bytes;
  std::string text;
};
using Facts = std::vector<Fact>;

Octets octets(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}
void add(Facts& facts, const char* name, std::uint32_t number) {
  facts.push_back({name, Fact::Kind::kNumber, number, {}, std::to_string(number)});
}
void add(Facts& facts, const char* name, Bytes bytes) {
  facts.push_back({name, Fact::Kind::kBytes, 0, octets(bytes), to_hex(octets(bytes))});
}
void add_text(Facts& facts, const char* name, const std::string& text) {
  facts.push_back({name, Fact::Kind::kText, 0, {}, text});
}
void add_tlv(Facts& facts, const char* name, TlvView tlv) {
  const Octets value = octets(tlv.value());
  facts.push_back({name, Fact::Kind::kTlv, tlv.type(), value,
                   std::to_string(tlv.type()) + (value.empty() ? "" : ":" + to_hex(value))});
}
// TSNs count from 1 in scripts; a cumulative ack of nothing is 0, and -1 lies before.
void add_tsn(Facts& facts, const Symbols& symbols, const char* name, const char* base, Tsn tsn) {
  const std::uint32_t relative = tsn.value - symbols.get(base).number + 1;
  facts.push_back({name,
                   Fact::Kind::kNumber,
                   relative,
                   {},
                   std::to_string(static_cast<std::int32_t>(relative))});
}

std::string data_flags(std::uint8_t flags) {
  std::string text;
  if (flags & kDataFlagImmediate) text += 'I';
  if (flags & kDataFlagUnordered) text += 'U';
  if (flags & kDataFlagBegin) text += 'B';
  if (flags & kDataFlagEnd) text += 'E';
  return text.empty() ? "0" : text;
}

void add_data(Facts& facts, const Symbols& symbols, ChunkView chunk) {
  const auto data = DataView::parse(chunk);
  if (!data) return;
  add_tsn(facts, symbols, "tsn", kOurTsn, data->tsn);
  add(facts, "sid", data->stream);
  add(facts, "ssn", data->ssn.value);
  add(facts, "ppid", data->ppid);
  add(facts, "len", static_cast<std::uint32_t>(data->payload.size()));
  add(facts, "data", data->payload);
  add_text(facts, "flags", data_flags(data->flags));
}

void add_init(Facts& facts, Symbols& symbols, ChunkView chunk) {
  const auto init = InitView::parse(chunk);
  if (!init) return;
  symbols.set("us", init->initiate_tag);
  symbols.set(kOurTsn, init->initial_tsn.value);
  add(facts, "tag", init->initiate_tag);
  add(facts, "rwnd", init->a_rwnd);
  add(facts, "os", init->streams_out);
  add(facts, "mis", init->streams_in);
  add(facts, "tsn", init->initial_tsn.value);
  std::uint32_t addresses = 0;
  std::uint32_t parameters = 0;
  TlvReader reader(init->parameters);
  while (const auto parameter = reader.next()) {
    ++parameters;
    if (const auto address = address_in(*parameter)) {
      ++addresses;
      add_text(facts, "addr", address->to_string());
    } else if (parameter->type() == static_cast<std::uint16_t>(ParameterType::kStateCookie)) {
      add(facts, "cookie", parameter->value());
      symbols.set("cookie", octets(parameter->value()));
    }
    add_tlv(facts, "param", *parameter);
  }
  add(facts, "addrs", addresses);
  add(facts, "params", parameters);
}

void add_sack(Facts& facts, const Symbols& symbols, ChunkView chunk) {
  const auto sack = SackView::parse(chunk);
  if (!sack) return;
  add_tsn(facts, symbols, "cum", kPeerTsn, sack->cumulative_tsn_ack);
  add(facts, "rwnd", sack->a_rwnd);
  std::string gaps;
  for (std::size_t i = 0; i < sack->gap_count; ++i) {
    const SackView::Gap gap = sack->gap(i);
    gaps += (i > 0 ? "," : "") + std::to_string(gap.start) + "-" + std::to_string(gap.end);
  }
  std::string duplicates;
  for (std::size_t i = 0; i < sack->duplicate_count; ++i) {
    const std::uint32_t tsn = sack->duplicate(i).value - symbols.get(kPeerTsn).number + 1;
    duplicates += (i > 0 ? "," : "") + std::to_string(static_cast<std::int32_t>(tsn));
  }
  add_text(facts, "gaps", gaps.empty() ? "none" : gaps);
  add_text(facts, "dups", duplicates.empty() ? "none" : duplicates);
  add(facts, "ngaps", sack->gap_count);
}

void add_causes(Facts& facts, ChunkView chunk) {
  TlvReader reader(chunk.value());
  std::uint32_t causes = 0;
  for (; const auto cause = reader.next(); ++causes) add_tlv(facts, "cause", *cause);
  add(facts, "causes", causes);
}

Facts facts_of(Symbols& symbols, ChunkView chunk) {
  Facts facts;
  switch (chunk.type()) {
    case ChunkType::kData:
      add_data(facts, symbols, chunk);
      break;
    case ChunkType::kInit:
    case ChunkType::kInitAck:
      add_init(facts, symbols, chunk);
      break;
    case ChunkType::kSack:
      add_sack(facts, symbols, chunk);
      break;
    case ChunkType::kShutdown:
      if (const auto tsn = parse_shutdown(chunk)) {
        add_tsn(facts, symbols, "cum", kPeerTsn, *tsn);
      }
      break;
    case ChunkType::kAbort:
    case ChunkType::kError:
      add_causes(facts, chunk);
      break;
    case ChunkType::kHeartbeat:
    case ChunkType::kHeartbeatAck:
      if (chunk.value().size() >= kTlvHeaderBytes) {
        add(facts, "info", chunk.value().subspan(kTlvHeaderBytes));
        if (chunk.type() == ChunkType::kHeartbeat) symbols.set("hb", facts.back().bytes);
      }
      break;
    case ChunkType::kCookieEcho:
      add(facts, "cookie", chunk.value());
      break;
    default:
      break;
  }
  if (chunk.type() != ChunkType::kData) {
    const bool reflects = chunk.flags() == kFlagReflectedTag;
    add_text(facts, "flags", reflects ? "T" : std::to_string(chunk.flags()));
  }
  add(facts, "length", static_cast<std::uint32_t>(chunk.bytes.size()));
  add(facts, "value", chunk.value());
  return facts;
}

bool is_number(const Symbols& symbols, const std::string& text, std::uint32_t number) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return symbols.number(text) == number;
  return number >= symbols.number(text.substr(0, dots)) &&
         number <= symbols.number(text.substr(dots + 2));
}

bool agrees(Symbols& symbols, const std::string& wanted, const Fact& fact) {
  if (wanted[0] == '?') {
    if (fact.kind == Fact::Kind::kNumber) {
      symbols.set(wanted.substr(1), fact.number);
    } else {
      symbols.set(wanted.substr(1), fact.bytes);
    }
    return true;
  }
  if (wanted[0] == '!') return !agrees(symbols, wanted.substr(1), fact);
  switch (fact.kind) {
    case Fact::Kind::kNumber:
      return is_number(symbols, wanted, fact.number);
    case Fact::Kind::kBytes:
      return symbols.bytes(wanted) == fact.bytes;
    case Fact::Kind::kText:
      return wanted == fact.text;
    case Fact::Kind::kTlv: {
      const std::size_t colon = wanted.find(':');
      if (symbols.number(wanted.substr(0, colon)) != fact.number) return false;
      return colon == std::string::npos || symbols.bytes(wanted.substr(colon + 1)) == fact.bytes;
    }
  }
  return false;
}

// The fact that the field `index` of a chunk speaks of: a field that comes twice means two.
const Fact* fact_for(const Facts& facts, const Fields& fields, std::size_t index) {
  std::size_t skip = 0;
  for (std::size_t i = 0; i < index; ++i) skip += fields[i].name == fields[index].name ? 1 : 0;
  for (const Fact& fact : facts) {
    if (fact.name == fields[index].name && skip-- == 0) return &fact;
  }
  return nullptr;
}

std::optional<std::string> chunk_mismatch(Symbols& symbols, const Chunk& expected,
                                          ChunkView chunk) {
  const std::uint8_t type = chunk.bytes[0];
  const Facts facts = facts_of(symbols, chunk);
  if (expected.name == "CHUNK") return std::nullopt;
  if (chunk_type(expected.name) != type) return "expected " + expected.name;
  for (std::size_t i = 0; i < expected.fields.size(); ++i) {
    const Field& field = expected.fields[i];
    const Fact* fact = fact_for(facts, expected.fields, i);
    if (fact == nullptr) return expected.name + " has no " + field.name + " as expected";
    if (!agrees(symbols, field.value, *fact)) {
      return expected.name + ": expected " + field.name + "=" + field.value + ", got " + fact->text;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> mismatch(Symbols& symbols, const Line& expected, Bytes packet) {
  const CommonHeader header = CommonHeader::read(packet);
  ChunkReader reader(packet);
  for (const Chunk& wanted : expected.chunks) {
    for (std::size_t i = 0; i < wanted.repeat; ++i) {
      const auto chunk = reader.next();
      if (!chunk) return "expected " + wanted.name + " and the packet ends";
      if (auto differs = chunk_mismatch(symbols, wanted, *chunk)) return differs;
    }
  }
  if (!expected.more_may_follow && reader.next()) return "there is another chunk";
  if (reader.is_malformed()) return "it is malformed";
  const Field* tag = find_field(expected.fields, "tag");
  const std::string wanted_tag = tag != nullptr ? tag->value : "$peer";
  if (symbols.number(wanted_tag) != header.verification_tag) {
    return "expected the tag " + wanted_tag + " = " + std::to_string(symbols.number(wanted_tag)) +
           ", got " + std::to_string(header.verification_tag);
  }
  const Field* size = find_field(expected.fields, "size");
  if (size != nullptr &&
      !is_number(symbols, size->value, static_cast<std::uint32_t>(packet.size()))) {
    return "expected a packet of " + size->value + " bytes, got " + std::to_string(packet.size());
  }
  return std::nullopt;
}

}  // namespace millrace::trace
