#include "agent/tunnel/wireguard/quick_config.h"

#include <algorithm>
#include <utility>

#include "policy/ascii.h"

namespace vpn::agent::wireguard {
namespace {

using policy::Address;
using policy::Prefix;

constexpr std::size_t longest_text = std::size_t{1} << 20, most_prefixes = 1024, most_addresses = 32;

int digit_of(char c) {
  if (ascii::is_upper(c)) return c - 'A';
  if (ascii::is_lower(c)) return c - 'a' + 26;
  if (ascii::is_digit(c)) return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/// The items of a list that commas divide; an empty list has none.
template <class Visit>
bool each_item(std::string_view list, Visit visit) {
  list = ascii::trimmed(list);
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (!visit(ascii::trimmed(list.substr(0, comma)))) return false;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return true;
}

struct Length {
  Address address;
  std::uint8_t bits = 0;
};

/// An address with its prefix length, which is the whole address's where it is not there.
std::optional<Length> read_address(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned bits = address->v6 ? 128 : 32;
  const unsigned most = bits;
  if (slash != std::string_view::npos && (!ascii::read_number(text.substr(slash + 1), bits) || bits > most))
    return std::nullopt;
  return Length{*address, static_cast<std::uint8_t>(bits)};
}

class Reader {
 public:
  Result<QuickConfig> read(std::string_view text) {
    if (text.size() > longest_text) return refuse("the configuration is longer than a mebibyte");
    while (!text.empty()) {
      const auto end = text.find('\n');
      ++line_;
      if (const char* fault = line(ascii::trimmed(text.substr(0, std::min(end, text.find('#')))))) return refuse(fault);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    line_ = 0;
    if (!has_key_) return refuse("[Interface] has no PrivateKey");
    if (out_.addresses.empty()) return refuse("[Interface] has no Address");
    if (out_.peers.empty()) return refuse("there is no [Peer]");
    for (std::size_t i = 0; i < out_.peers.size(); ++i) {
      if (!peer_has_key_[i]) return refuse("a [Peer] has no PublicKey");
      for (std::size_t j = 0; j < i; ++j)
        if (out_.peers[i].public_key == out_.peers[j].public_key) return refuse("two [Peer] have the same PublicKey");
    }
    return std::move(out_);
  }

 private:
  tl::unexpected<Error> refuse(const std::string& what) const {
    std::string where = "WgQuickConfig";
    if (line_ != 0) where += ", line " + std::to_string(line_);
    if (line_ != 0 && !key_.empty()) where += ", " + key_;
    return fail(ErrorKind::invalid_input, what, std::move(where));
  }

  /// What is wrong with it; null: nothing.
  const char* line(std::string_view text) {
    key_.clear();
    if (text.empty()) return nullptr;
    if (text.front() == '[') return section(text);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return "neither a section nor KEY = VALUE";
    const std::string_view key = ascii::trimmed(text.substr(0, equals)),
                           value = ascii::trimmed(text.substr(equals + 1));
    if (in_ == Section::none) return "stands before [Interface]";
    // A key may hold a value that was mistyped: it is shown only where it is a known one.
    const auto is = [&](const char* name) {
      if (!ascii::equal_without_case(key, name)) return false;
      key_ = name;
      return true;
    };
    return in_ == Section::interface ? of_interface(is, value) : of_peer(is, value);
  }

  const char* section(std::string_view text) {
    if (ascii::equal_without_case(text, "[Interface]")) {
      in_ = Section::interface;
      return nullptr;
    }
    if (!ascii::equal_without_case(text, "[Peer]")) return "no section of this name; there are [Interface] and [Peer]";
    if (out_.peers.size() == most_peers) return "more than 64 peers";
    in_ = Section::peer;
    out_.peers.emplace_back();
    peer_has_key_.push_back(false);
    return nullptr;
  }

  template <class Is>
  const char* of_interface(const Is& is, std::string_view value) {
    if (is("PrivateKey")) {
      const auto key = read_key(value);
      if (!key) return "not a key: 44 characters of Base64";
      out_.private_key = *key;
      has_key_ = true;
      return nullptr;
    }
    if (is("ListenPort")) return ascii::read_number(value, out_.listen_port) ? nullptr : "a port is expected here";
    if (is("MTU")) {
      return ascii::read_number(value, out_.mtu) && out_.mtu >= 1280 && out_.mtu <= 65535
                 ? nullptr
                 : "1280 to 65535 is expected here";
    }
    if (is("Address")) {
      return each_item(value,
                       [&](std::string_view item) {
                         const auto address = read_address(item);
                         if (address) out_.addresses.emplace_back(address->address, address->bits);
                         return address.has_value() && out_.addresses.size() <= most_addresses;
                       })
                 ? nullptr
                 : "addresses with their prefix lengths are expected here, 32 at most";
    }
    if (is("DNS")) {
      return each_item(value, [&](std::string_view item) { return add_dns(item); })
                 ? nullptr
                 : "addresses of resolvers and search domains are expected here, 32 at most";
    }
    for (const char* command : {"PreUp", "PostUp", "PreDown", "PostDown"})
      if (is(command)) return "the agent runs no commands from profiles: remove it";
    for (const char* own : {"Table", "FwMark", "SaveConfig"})
      if (is(own)) return "routes and marks are the agent's: remove it";
    return "no key of [Interface]";
  }

  template <class Is>
  const char* of_peer(const Is& is, std::string_view value) {
    Peer& peer = out_.peers.back();
    if (is("PublicKey") || is("PresharedKey")) {
      const auto key = read_key(value);
      if (!key) return "not a key: 44 characters of Base64";
      if (key_ == "PublicKey") {
        peer.public_key = *key;
        peer_has_key_.back() = true;
      } else {
        peer.preshared_key = *key;
      }
      return nullptr;
    }
    if (is("Endpoint")) return endpoint(value, peer) ? nullptr : "HOST:PORT is expected here";
    if (is("AllowedIPs")) {
      return each_item(value,
                       [&](std::string_view item) {
                         const auto prefix = read_address(item);
                         if (prefix) peer.allowed.push_back(Prefix::of(prefix->address, prefix->bits));
                         return prefix.has_value() && ++prefixes_ <= most_prefixes;
                       })
                 ? nullptr
                 : "prefixes are expected here, 1024 at most";
    }
    if (is("PersistentKeepalive")) {
      if (ascii::equal_without_case(value, "off")) return nullptr;
      return ascii::read_number(value, peer.keepalive) ? nullptr : "seconds are expected here, 65535 at most";
    }
    return "no key of [Peer]";
  }

  bool add_dns(std::string_view item) {
    if (out_.dns.servers.size() + out_.dns.search_domains.size() == most_addresses || item.empty()) return false;
    if (const auto address = Address::parse(item)) {
      out_.dns.servers.push_back(*address);
    } else {
      out_.dns.search_domains.emplace_back(item);
    }
    return true;
  }

  static bool endpoint(std::string_view text, Peer& peer) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || !ascii::read_number(text.substr(colon + 1), peer.port) || peer.port == 0)
      return false;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
      if (!Address::parse(host)) return false;
    }
    peer.host = ascii::lower_case(host);
    return !host.empty() && host.size() <= 253;
  }

  enum class Section : std::uint8_t { none, interface, peer } in_ = Section::none;
  QuickConfig out_;
  std::vector<bool> peer_has_key_;
  std::size_t prefixes_ = 0, line_ = 0;
  std::string key_;
  bool has_key_ = false;
};

}  // namespace

std::optional<Key> read_key(std::string_view base64) {
  constexpr std::size_t size = 44;
  if (base64.size() != size || base64.back() != '=') return std::nullopt;
  Key out;
  std::uint32_t bits = 0;
  unsigned have = 0;
  std::size_t at = 0;
  for (const char c : base64.substr(0, size - 1)) {
    const int digit = digit_of(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out.bytes[at++] = static_cast<std::byte>(bits >> have);
  }
  // Two bits are left over, and must be none.
  if ((bits & 3) != 0) return std::nullopt;
  return out;
}

Result<QuickConfig> read_quick_config(std::string_view text) { return Reader().read(text); }

}  // namespace vpn::agent::wireguard
