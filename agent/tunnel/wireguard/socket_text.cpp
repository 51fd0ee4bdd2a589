// wireguard-go's text: https://www.wireguard.com/xplatform/
#include <algorithm>
#include <cstring>

#include "agent/tunnel/wireguard/device.h"
#include "policy/ascii.h"

namespace vpn::agent::wireguard {
namespace {

std::string hex(const Key& key) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * key.bytes.size());
  for (const std::byte b : key.bytes) {
    out += digits[std::to_integer<unsigned>(b) >> 4];
    out += digits[std::to_integer<unsigned>(b) & 15];
  }
  return out;
}

int hex_digit(char c) {
  if (ascii::is_digit(c)) return c - '0';
  c = ascii::lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<Key> read_hex(std::string_view text) {
  Key out;
  if (text.size() != 2 * out.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.bytes.size(); ++i) {
    const int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out.bytes[i] = static_cast<std::byte>(high << 4 | low);
  }
  return out;
}

std::string with_port(const policy::Address& address, std::uint16_t port) {
  const std::string host = address.v6 ? "[" + address.to_string() + "]" : address.to_string();
  return host + ":" + std::to_string(port);
}

bool read_endpoint(std::string_view text, PeerStatus& out) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.address = policy::Address::parse(host.substr(0, host.find('%')));
  return out.address && ascii::read_number(text.substr(colon + 1), out.port);
}

}  // namespace

std::string set_text(const QuickConfig& config, const DeviceSettings& settings) {
  std::string out = "set=1\nprivate_key=" + hex(config.private_key);
  out += "\nlisten_port=" + std::to_string(config.listen_port) + "\nfwmark=" + std::to_string(settings.mark);
  out += "\nreplace_peers=true\n";
  for (std::size_t i = 0; i < config.peers.size(); ++i) {
    const Peer& peer = config.peers[i];
    out += "public_key=" + hex(peer.public_key) + "\n";
    if (peer.preshared_key) out += "preshared_key=" + hex(*peer.preshared_key) + "\n";
    if (i < settings.peers.size() && settings.peers[i])
      out += "endpoint=" + with_port(*settings.peers[i], peer.port) + "\n";
    out += "replace_allowed_ips=true\n";
    for (const policy::Prefix& prefix : peer.allowed)
      out += "allowed_ip=" + prefix.base.to_string() + "/" + std::to_string(prefix.length) + "\n";
  }
  return out + "\n" + poke_text(config);
}

// A keepalive that is switched on is sent at once. Two requests: the one for it, and the one for what is configured.
std::string poke_text(const QuickConfig& config) {
  std::string out;
  for (const bool now : {true, false}) {
    out += "set=1\n";
    for (const Peer& peer : config.peers) {
      out += "public_key=" + hex(peer.public_key) + "\nupdate_only=true\npersistent_keepalive_interval=";
      // To switch it on it has to be off.
      out += (now ? "0" : std::to_string(peer.keepalive)) + "\n";
      if (now) out += "public_key=" + hex(peer.public_key) + "\nupdate_only=true\npersistent_keepalive_interval=1\n";
    }
    out += "\n";
  }
  return out;
}

Result<DeviceStatus> read_answer(std::string_view text) {
  const auto bad = [](std::string what) {
    return fail(ErrorKind::environment, "wireguard-go's answer cannot be used: " + std::move(what));
  };
  DeviceStatus out;
  PeerStatus* peer = nullptr;
  bool ended = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
    std::int64_t number = 0;
    if (key == "errno") {
      if (!ascii::read_number(value, number)) return bad("no errno");
      if (number != 0)
        return fail(ErrorKind::environment, std::string("wireguard-go refuses: ") +
                                                std::strerror(static_cast<int>(number < 0 ? -number : number)));
      ended = true;
    } else if (key == "private_key") {
      if (const auto k = read_hex(value)) out.private_key = *k;
    } else if (key == "public_key") {
      const auto k = read_hex(value);
      if (!k || out.peers.size() == most_peers) return bad("its peers");
      peer = &out.peers.emplace_back();
      peer->public_key = *k;
    } else if (peer != nullptr && key == "endpoint") {
      if (!read_endpoint(value, *peer)) return bad("an endpoint");
    } else if (peer != nullptr && key.starts_with("last_handshake_time_")) {
      constexpr std::int64_t billion = 1'000'000'000;
      if (!ascii::read_number(value, number) || number < 0 || number > (std::int64_t{1} << 33)) return bad("a time");
      peer->handshake_ns += key.ends_with("_nsec") ? std::min(number, billion) : number * billion;
    }
  }
  if (!ended) return bad("it is cut short");
  return out;
}

}  // namespace vpn::agent::wireguard
