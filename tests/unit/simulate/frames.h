// Frames made by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"

namespace vpn::simulate::test {

using Made = std::vector<std::uint8_t>;

inline void put(Made& out, std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * bytes)));
}
inline void put(Made& out, const Made& more) { out.insert(out.end(), more.begin(), more.end()); }
inline Made made(std::string_view text) { return {text.begin(), text.end()}; }

inline policy::Address address(std::string_view text) { return policy::Address::parse(text).value(); }

struct Ends {
  std::string_view source, destination;
  std::uint16_t source_port = 50000, destination_port = 443;
  Ends back() const { return {destination, source, destination_port, source_port}; }
};

inline Made ip(std::string_view source, std::string_view destination, std::uint8_t protocol, const Made& body,
               unsigned fragment = 0) {
  const policy::Address a = address(source), b = address(destination);
  Made out;
  if (a.v6) {
    put(out, 0x60000000, 4);
    put(out, body.size(), 2);
    put(out, protocol, 1);
    put(out, 64, 1);
    for (const policy::Address& x : {a, b}) {
      put(out, x.high, 8);
      put(out, x.low, 8);
    }
  } else {
    put(out, 0x4500, 2);
    put(out, 20 + body.size(), 2);
    put(out, 7, 2);
    put(out, fragment, 2);
    put(out, 64, 1);
    put(out, protocol, 1);
    put(out, 0, 2);
    put(out, a.low, 4);
    put(out, b.low, 4);
  }
  put(out, body);
  return out;
}

inline Made udp(const Ends& e, const Made& payload = {}) {
  Made body;
  put(body, e.source_port, 2);
  put(body, e.destination_port, 2);
  put(body, 8 + payload.size(), 2);
  put(body, 0, 2);
  put(body, payload);
  return ip(e.source, e.destination, 17, body);
}

inline Made tcp(const Ends& e, const Made& payload = {}, std::uint32_t sequence = 1, std::uint8_t flags = 0x18) {
  Made body;
  put(body, e.source_port, 2);
  put(body, e.destination_port, 2);
  put(body, sequence, 4);
  put(body, 0, 4);
  put(body, 0x50, 1);
  put(body, flags, 1);
  put(body, 0, 6);
  put(body, payload);
  return ip(e.source, e.destination, 6, body);
}

inline Made dns(std::string_view name, const std::vector<std::string_view>& addresses, std::uint32_t seconds = 60) {
  Made out;
  put(out, 7, 2);
  put(out, addresses.empty() ? 0x0100 : 0x8180, 2);
  put(out, 1, 2);
  put(out, addresses.size(), 2);
  put(out, 0, 4);
  for (std::string_view left = name; !left.empty(); left.remove_prefix(std::min(left.find('.'), left.size() - 1) + 1)) {
    const std::string_view label = left.substr(0, left.find('.'));
    put(out, label.size(), 1);
    put(out, made(label));
  }
  put(out, 0, 1);
  put(out, 0x00010001, 4);
  for (const std::string_view a : addresses) {
    put(out, 0xc00c, 2);
    put(out, 0x00010001, 4);
    put(out, seconds, 4);
    put(out, 4, 2);
    put(out, address(a).low, 4);
  }
  return out;
}

inline Made client_hello(std::string_view name, std::size_t padding = 0) {
  Made extensions;
  if (padding != 0) {
    put(extensions, 21, 2);
    put(extensions, padding, 2);
    extensions.resize(extensions.size() + padding);
  }
  put(extensions, 0, 2);
  put(extensions, name.size() + 5, 2);
  put(extensions, name.size() + 3, 2);
  put(extensions, 0, 1);
  put(extensions, name.size(), 2);
  put(extensions, made(name));
  Made body(34, 3);
  put(body, 0x00, 1);
  put(body, 0x00021301, 4);
  put(body, 0x0100, 2);
  put(body, extensions.size(), 2);
  put(body, extensions);
  Made out;
  put(out, 0x160301, 3);
  put(out, body.size() + 4, 2);
  put(out, 1, 1);
  put(out, body.size(), 3);
  put(out, body);
  return out;
}

}  // namespace vpn::simulate::test
