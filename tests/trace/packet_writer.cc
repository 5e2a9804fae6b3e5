#include "tests/trace/packet_writer.h"

#include <array>

#include "engine/wire/chunk.h"
#include "engine/wire/parameter.h"

namespace millrace::trace {
namespace {

constexpr std::array<const char*, 15> kNames{
    "DATA",          "INIT",       "INIT_ACK", "SACK",         "HEARTBEAT",
    "HEARTBEAT_ACK", "ABORT",      "SHUTDOWN", "SHUTDOWN_ACK", "ERROR",
    "COOKIE_ECHO",   "COOKIE_ACK", "ECNE",     "CWR",          "SHUTDOWN_COMPLETE"};

void put16(Octets& to, std::uint32_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}
void put32(Octets& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
void put(Octets& to, const Octets& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void pad(Octets& to) {
  while (to.size() % 4 != 0) to.push_back(0);
}

void put_tlv(Octets& to, std::uint32_t type, const Octets& value) {
  pad(to);
  put16(to, type);
  put16(to, static_cast<std::uint32_t>(4 + value.size()));
  put(to, value);
}

// `type`, or `type:bytes`.
void put_described_tlv(const Symbols& symbols, Octets& to, const std::string& text) {
  const std::size_t colon = text.find(':');
  const Octets value =
      colon == std::string::npos ? Octets{} : symbols.bytes(text.substr(colon + 1));
  put_tlv(to, symbols.number(text.substr(0, colon)), value);
}

// Reads the fields of one chunk by name; what has no name in it is the default.
class Reader {
 public:
  Reader(Symbols& symbols, const Chunk& chunk) : symbols_(symbols), fields_(chunk.fields) {}

  const Field* find(const char* name) const { return find_field(fields_, name); }
  std::uint32_t number(const char* name, std::uint32_t otherwise) const {
    const Field* field = find(name);
    return field != nullptr ? symbols_.number(field->value) : otherwise;
  }
  Octets bytes(const char* name) const {
    const Field* field = find(name);
    return field != nullptr ? symbols_.bytes(field->value) : Octets{};
  }
  std::uint32_t tsn(const char* base, const std::string& text) const {
    return symbols_.number(std::string("$") + base) + symbols_.number(text) - 1;
  }
  Symbols& symbols() const { return symbols_; }
  const Fields& all() const { return fields_; }

 private:
  Symbols& symbols_;
  const Fields& fields_;
};

std::uint8_t flags_of(const Reader& reader, const char* otherwise) {
  const Field* field = reader.find("flags");
  const std::string text = field != nullptr ? field->value : otherwise;
  if (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0]))) {
    return static_cast<std::uint8_t>(reader.symbols().number(text));
  }
  unsigned flags = 0;
  for (const char letter : text) {
    if (letter == 'E') flags |= kDataFlagEnd;
    if (letter == 'B') flags |= kDataFlagBegin;
    if (letter == 'U') flags |= kDataFlagUnordered;
    if (letter == 'I') flags |= kDataFlagImmediate;
    if (letter == 'T') flags |= kFlagReflectedTag;
  }
  return static_cast<std::uint8_t>(flags);
}

Octets data_value(const Reader& reader) {
  const Field* tsn = reader.find("tsn");
  const std::string number = tsn != nullptr ? tsn->value : "1";
  Octets value;
  put32(value, reader.tsn(kPeerTsn, number));
  put16(value, reader.number("sid", 0));
  put16(value, reader.number("ssn", reader.symbols().number(number) - 1));
  put32(value, reader.number("ppid", 0));
  put(value, reader.bytes("data"));
  const std::size_t filler = reader.number("len", reader.find("data") != nullptr ? 0 : 10);
  value.insert(value.end(), filler, 'd');
  return value;
}

void put_init_parameters(const Reader& reader, Octets& value) {
  Symbols& symbols = reader.symbols();
  for (const Field& field : reader.all()) {
    if (field.name == "addr") {
      const IpAddress address = parse_address(field.value);
      const Bytes bytes = address.wire_bytes();
      put_tlv(value, address.is_v4() ? 5 : 6, {bytes.begin(), bytes.end()});
    } else if (field.name == "cookie") {
      put_tlv(value, 7, symbols.bytes(field.value));
    } else if (field.name == "types") {
      Octets types;
      for (const std::string& type : split(field.value, ',')) put16(types, symbols.number(type));
      put_tlv(value, 12, types);
    } else if (field.name == "hostname") {
      put_tlv(value, 11, symbols.bytes(field.value));
    } else if (field.name == "param") {
      put_described_tlv(symbols, value, field.value);
    } else if (field.name == "tail") {
      pad(value);
      put(value, symbols.bytes(field.value));
    }
  }
}

Octets init_value(const Reader& reader) {
  Symbols& symbols = reader.symbols();
  const std::uint32_t tag = reader.number("tag", 0x11223344);
  const std::uint32_t tsn = reader.number("tsn", 5000);
  symbols.set("peer", tag);
  symbols.set(kPeerTsn, tsn);
  Octets value;
  put32(value, tag);
  put32(value, reader.number("rwnd", 100000));
  put16(value, reader.number("os", 10));
  put16(value, reader.number("mis", 10));
  put32(value, tsn);
  put_init_parameters(reader, value);
  return value;
}

Octets sack_value(const Reader& reader) {
  Octets blocks;
  std::uint32_t gaps = 0;
  std::uint32_t duplicates = 0;
  if (const Field* field = reader.find("gaps")) {
    for (const std::string& gap : split(field->value, ',')) {
      const std::vector<std::string> ends = split(gap, '-');
      put16(blocks, reader.symbols().number(ends[0]));
      put16(blocks, reader.symbols().number(ends.back()));
      ++gaps;
    }
  }
  if (const Field* field = reader.find("dups")) {
    for (const std::string& tsn : split(field->value, ',')) {
      put32(blocks, reader.tsn(kOurTsn, tsn));
      ++duplicates;
    }
  }
  const Field* cumulative = reader.find("cum");
  Octets value;
  put32(value, reader.tsn(kOurTsn, cumulative != nullptr ? cumulative->value : "0"));
  put32(value, reader.number("rwnd", 100000));
  put16(value, reader.number("ngaps", gaps));
  put16(value, reader.number("ndups", duplicates));
  put(value, blocks);
  return value;
}

Octets causes_value(const Reader& reader) {
  Octets value;
  for (const Field& field : reader.all()) {
    if (field.name == "cause") put_described_tlv(reader.symbols(), value, field.value);
    if (field.name == "tail") put(value, reader.symbols().bytes(field.value));
  }
  return value;
}

Octets chunk_value(const Reader& reader, ChunkType type) {
  switch (type) {
    case ChunkType::kData:
      return data_value(reader);
    case ChunkType::kInit:
    case ChunkType::kInitAck:
      return init_value(reader);
    case ChunkType::kSack:
      return sack_value(reader);
    case ChunkType::kShutdown: {
      const Field* cumulative = reader.find("cum");
      Octets value;
      put32(value, reader.tsn(kOurTsn, cumulative != nullptr ? cumulative->value : "0"));
      return value;
    }
    case ChunkType::kAbort:
    case ChunkType::kError:
      return causes_value(reader);
    case ChunkType::kHeartbeat:
    case ChunkType::kHeartbeatAck: {
      Octets value;
      if (reader.find("info") != nullptr) put_tlv(value, 1, reader.bytes("info"));
      return value;
    }
    case ChunkType::kCookieEcho:
      return reader.find("cookie") != nullptr ? reader.bytes("cookie")
                                              : reader.symbols().get("cookie").bytes;
    default:
      return {};
  }
}

}  // namespace

std::uint8_t chunk_type(const std::string& name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<std::uint8_t>(i);
  }
  throw Failure("`" + name + "` is no chunk");
}

Octets write_chunk(Symbols& symbols, const Chunk& chunk) {
  const Reader reader(symbols, chunk);
  if (chunk.name == "RAW") return reader.bytes("bytes");
  const bool is_numbered = chunk.name == "CHUNK";
  const std::uint8_t type =
      is_numbered ? static_cast<std::uint8_t>(reader.number("type", 0)) : chunk_type(chunk.name);
  const bool is_given = is_numbered || reader.find("value") != nullptr;
  const Octets value =
      is_given ? reader.bytes("value") : chunk_value(reader, static_cast<ChunkType>(type));
  const bool is_data = type == 0 && !is_numbered;
  Octets bytes{type, flags_of(reader, is_data ? "BE" : "")};
  put16(bytes, reader.number("length", static_cast<std::uint32_t>(4 + value.size())));
  put(bytes, value);
  if (reader.find("pad") != nullptr) {
    put(bytes, reader.bytes("pad"));
  } else {
    pad(bytes);
  }
  return bytes;
}

Octets write_packet(Symbols& symbols, const std::vector<Chunk>& chunks, std::uint16_t source_port,
                    std::uint16_t destination_port, std::uint32_t tag) {
  Octets packet;
  put16(packet, source_port);
  put16(packet, destination_port);
  put32(packet, tag);
  put32(packet, 0);
  for (const Chunk& chunk : chunks) {
    for (std::size_t i = 0; i < chunk.repeat; ++i) put(packet, write_chunk(symbols, chunk));
  }
  return packet;
}

IpAddress parse_address(const std::string& text) {
  const auto address = IpAddress::parse(text);
  if (!address) throw Failure("`" + text + "` is no address");
  return *address;
}

}  // namespace millrace::trace
