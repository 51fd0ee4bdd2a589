// The text of a wg-quick file, as profiles of com.wireguard.* bring it (VendorConfig.WgQuickConfig). It holds a private
// key: errors name lines and keys, never values.
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/tunnel/provider.h"
#include "policy/address.h"
#include "policy/result.h"

namespace vpn::agent::wireguard {

inline constexpr std::size_t most_peers = 64;

/// A key of Curve25519, or a shared one; wiped in the end.
struct Key {
  std::array<std::byte, 32> bytes{};
  Key() = default;
  Key(const Key&) = default;
  Key& operator=(const Key&) = default;
  ~Key() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  friend bool operator==(const Key& a, const Key& b) {
    return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
  }
};

/// 43 characters of Base64 and a '='; nothing where it is none.
std::optional<Key> read_key(std::string_view base64);

struct Peer {
  Key public_key;
  std::optional<Key> preshared_key;
  std::string host;  ///< of Endpoint: a name or an address; empty: it has none, and only answers
  std::uint16_t port = 0;
  std::vector<policy::Prefix> allowed;
  std::uint16_t keepalive = 0;  ///< seconds; 0: off
};

struct QuickConfig {
  Key private_key;
  std::uint16_t listen_port = 0;  ///< 0: any
  std::vector<std::pair<policy::Address, std::uint8_t>> addresses;
  DnsSettings dns;
  std::uint32_t mtu = 0;  ///< bytes; 0: not said
  std::vector<Peer> peers;
};

/// Errors: invalid_input: what wg-quick(8) does not know either, what is missing, and what would have the agent run
/// commands or make routes of the file's own (PostUp, Table …).
Result<QuickConfig> read_quick_config(std::string_view text);

}  // namespace vpn::agent::wireguard
