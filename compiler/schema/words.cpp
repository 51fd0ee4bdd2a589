// Words of the schemas, shared by the library and the generator.
#include <charconv>
#include <iterator>

#include "compiler/schema/schema.h"

namespace vpn::schema {

bool Version::parse(std::string_view text, Version& out) {
  std::uint16_t parts[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0;; ++i) {
    if (i == 3) return false;
    const auto [next, error] = std::from_chars(at, end, parts[i]);
    if (error != std::errc{}) return false;
    if (next == end) break;
    if (*next != '.') return false;
    at = next + 1;
  }
  out = {parts[0], parts[1], parts[2]};
  return true;
}

std::string Version::to_string() const {
  std::string text = std::to_string(major) + '.' + std::to_string(minor);
  if (patch != 0) text += '.' + std::to_string(patch);
  return text;
}

std::string_view to_string(Format format) {
  constexpr std::string_view words[] = {"none",
                                        "uuid",
                                        "host",
                                        "address",
                                        "address_wildcard",
                                        "domain",
                                        "domain_wildcard",
                                        "domain_or_empty",
                                        "url",
                                        "https_url",
                                        "probe_url",
                                        "bundle_id",
                                        "reverse_dns",
                                        "cidr",
                                        "email",
                                        "oid",
                                        "non_empty",
                                        "base64_secret"};
  static_assert(std::size(words) == format_count);
  return words[static_cast<std::size_t>(format)];
}

std::string_view to_string(Reference reference) {
  constexpr std::string_view words[] = {"none",           "identity",         "certificate",      "per_app_vpn",
                                        "identity_asset", "credential_asset", "certificate_asset"};
  static_assert(std::size(words) == reference_count);
  return words[static_cast<std::size_t>(reference)];
}

}  // namespace vpn::schema
