#include "engine/assoc/cookie.h"

#include "engine/base/assert.h"

namespace millrace {
namespace {

// A sealed cookie: the nonce, the body (fixed fields, addresses), the MAC of the body.
constexpr std::size_t kFixedBytes = 84;
constexpr std::size_t kAddressBytes = 16;

// Writes and reads the fields in the same order.
class FieldWriter {
 public:
  explicit FieldWriter(std::uint8_t* at) : at_(at) {}
  void operator()(std::uint64_t value) { store_be64(advance(8), value); }
  void operator()(std::uint32_t value) { store_be32(advance(4), value); }
  void operator()(std::uint16_t value) { store_be16(advance(2), value); }
  void operator()(const IpAddress& address) {
    std::memcpy(advance(kAddressBytes), address.bytes.data(), kAddressBytes);
  }

 private:
  std::uint8_t* advance(std::size_t count) {
    std::uint8_t* at = at_;
    at_ += count;
    return at;
  }
  std::uint8_t* at_;
};

class FieldReader {
 public:
  explicit FieldReader(const std::uint8_t* at) : at_(at) {}
  void operator()(std::uint64_t& value) { value = load_be64(advance(8)); }
  void operator()(std::uint32_t& value) { value = load_be32(advance(4)); }
  void operator()(std::uint16_t& value) { value = load_be16(advance(2)); }
  void operator()(IpAddress& address) { address = IpAddress::v6(advance(kAddressBytes)); }

 private:
  const std::uint8_t* advance(std::size_t count) {
    const std::uint8_t* at = at_;
    at_ += count;
    return at;
  }
  const std::uint8_t* at_;
};

template <class Visit, class AnyCookie>
void visit_fixed_fields(Visit&& visit, AnyCookie& cookie) {
  visit(cookie.local_tag);
  visit(cookie.peer_tag);
  visit(cookie.local_tie_tag);
  visit(cookie.peer_tie_tag);
  visit(cookie.local_tsn.value);
  visit(cookie.peer_tsn.value);
  visit(cookie.peer_rwnd);
  visit(cookie.peer_adaptation);
  visit(cookie.listener);
  visit(cookie.streams_out);
  visit(cookie.streams_in);
  visit(cookie.local_port);
  visit(cookie.peer_port);
  visit(cookie.local_address);
}

std::size_t body_size(std::size_t peers) {
  return kFixedBytes + kAddressBytes * peers;
}

}  // namespace

CookieJar::CookieJar(const MacKey& first_secret, std::uint32_t number)
    : secret_(first_secret), number_(number) {
  current_.set_key(first_secret);
  previous_.set_key(first_secret);
}

void CookieJar::rotate(const MacKey& secret) {
  previous_.set_key(secret_);
  current_.set_key(secret);
  secret_ = secret;
}

std::size_t CookieJar::seal(const Cookie& cookie, std::array<std::uint8_t, kCookieBytesMax>& to) {
  MacNonce nonce;
  FieldWriter write_nonce(nonce.data());
  write_nonce(number_);
  write_nonce(sealed_++);
  std::memcpy(to.data(), nonce.data(), nonce.size());

  std::uint8_t* body = to.data() + nonce.size();
  FieldWriter write(body);
  write(static_cast<std::uint64_t>(cookie.created.ns));
  write(static_cast<std::uint64_t>(cookie.lifetime.ns));
  visit_fixed_fields(write, cookie);
  write(static_cast<std::uint64_t>(cookie.peer_count));
  for (std::size_t i = 0; i < cookie.peer_count; ++i) write(cookie.peers[i]);
  const std::size_t size = body_size(cookie.peer_count);
  const Mac mac = current_.sign(nonce, {body, size});
  std::memcpy(body + size, mac.data(), mac.size());
  return nonce.size() + size + mac.size();
}

//= rfc9260 5.1.5
std::optional<Cookie> CookieJar::open(Bytes sealed) const {
  if (sealed.size() < sizeof(MacNonce) + body_size(1) + sizeof(Mac) ||
      sealed.size() > kCookieBytesMax) {
    return std::nullopt;
  }
  MacNonce nonce;
  std::memcpy(nonce.data(), sealed.data(), nonce.size());
  const Bytes mac = sealed.last(sizeof(Mac));
  const Bytes body = sealed.subspan(nonce.size(), sealed.size() - nonce.size() - mac.size());
  if (!macs_are_equal(mac, current_.sign(nonce, body)) &&
      !macs_are_equal(mac, previous_.sign(nonce, body))) {
    return std::nullopt;
  }
  Cookie cookie;
  FieldReader read(body.data());
  std::uint64_t created, lifetime, peers;
  read(created);
  read(lifetime);
  visit_fixed_fields(read, cookie);
  read(peers);
  cookie.created = Time{static_cast<std::int64_t>(created)};
  cookie.lifetime = Duration{static_cast<std::int64_t>(lifetime)};
  cookie.peer_count = peers;
  MR_ASSERT(peers <= kPathsMax && body.size() == body_size(peers));
  for (std::size_t i = 0; i < cookie.peer_count; ++i) read(cookie.peers[i]);
  return cookie;
}

}  // namespace millrace
