#include "agent/network/captive_portal.h"

#include <nlohmann/json.hpp>

namespace vpn::agent {

bool is_portal_api(std::string_view uri) {
  const auto url = parse_http_url(uri);
  return url && url->tls;
}

bool says_unrestricted(std::string_view uri) { return uri == "urn:ietf:params:capport:unrestricted"; }

PortalAnswer read_portal_api(const HttpAnswer& answer) {
  if (answer.status != 200 || answer.content_type != portal_media_type) return PortalAnswer::unknown;
  const nlohmann::json object = nlohmann::json::parse(answer.body, nullptr, false);
  if (!object.is_object()) return PortalAnswer::unknown;
  const auto captive = object.find("captive");
  if (captive == object.end() || !captive->is_boolean()) return PortalAnswer::unknown;
  return captive->get<bool>() ? PortalAnswer::captive : PortalAnswer::free;
}

PortalAnswer read_portal_probe(const HttpAnswer& answer, const PortalProbe& expected) {
  if (answer.status == 0 || answer.status == 407 || (answer.status >= 500 && answer.status != 511))
    return PortalAnswer::unknown;  // a server that is ill is no portal
  const bool as_expected = answer.status == expected.status && answer.body.starts_with(expected.body);
  return as_expected ? PortalAnswer::free : PortalAnswer::captive;
}

}  // namespace vpn::agent
