// What a network says of its captive portal: by what DHCP announced (RFC 8910), by the portal's API (RFC 8908), and by
// how it answers for somebody else.
#pragma once

#include <string>
#include <string_view>

#include "agent/network/http_fetch.h"

namespace vpn::agent {

enum class PortalAnswer : std::uint8_t { free, captive, unknown };

/// What a plain HTTP server that everybody knows answers when nobody stands in between.
struct PortalProbe {
  std::string url = "http://connectivity-check.ubuntu.com/";
  int status = 204;
  std::string body;  ///< what the answer has to begin with; empty: anything
  friend bool operator==(const PortalProbe&, const PortalProbe&) = default;
};

inline constexpr std::size_t largest_portal_answer = 4096;  ///< bytes of a body
inline constexpr std::string_view portal_media_type = "application/captive+json";

/// Whether an announced URI is one of an API to ask. RFC 8908 wants https; the URN of RFC 8910 (2) says `free`.
bool is_portal_api(std::string_view uri);
bool says_unrestricted(std::string_view uri);

PortalAnswer read_portal_api(const HttpAnswer& answer);
PortalAnswer read_portal_probe(const HttpAnswer& answer, const PortalProbe& expected);

}  // namespace vpn::agent
