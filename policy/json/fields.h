// Reading members of a JSON object with errors that name the key. For policy/json only.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/flow.h"
#include "policy/result.h"

namespace vpn::policy::fields {

using Json = nlohmann::json;

/// The first thing that was wrong; later ones are not recorded.
struct Fault {
  std::string what;
  bool any() const { return !what.empty(); }
  void set(const std::string& where, std::string_view expected) {
    if (what.empty()) what = "'" + where + "' must be " + std::string(expected);
  }
};

/// Parsed text, or an Error (depth and duplicate keys included: the last of two counts, as everywhere in JSON).
Result<Json> parse_object(std::string_view text, std::string_view what);

/// The member, or null where it is absent or JSON null.
const Json* get(const Json& object, const char* key);

void read(const Json& object, const char* key, std::string& out, Fault& fault);
void read(const Json& object, const char* key, bool& out, Fault& fault);
void read_port(const Json& object, const char* key, std::uint16_t& out, Fault& fault);
/// Integer in [low, high]; false when absent or wrong.
bool read_number(const Json& object, const char* key, std::int64_t low, std::int64_t high, std::int64_t& out,
                 Fault& fault);
bool read_address(const Json& object, const char* key, Address& out, Fault& fault);
bool read_protocol(const Json& object, const char* key, std::uint8_t& out, Fault& fault);
void read_prefixes(const Json& object, const char* key, std::vector<Prefix>& out, Fault& fault);
void read_strings(const Json& object, const char* key, std::vector<std::string>& out, Fault& fault);
/// The array, or null where it is absent (a wrong type is a fault).
const Json* read_array(const Json& object, const char* key, Fault& fault);

inline constexpr std::array<std::string_view, 18> flow_keys{
    "app",        "spawned_by",  "uid",      "protocol",  "remote",    "remote_port",
    "local",      "local_port",  "hostname", "scope",     "service",   "direction",
    "arrives_on", "provider_of", "role",     "icmp_type", "hop_limit", "quotes"};
inline constexpr std::array<std::string_view, 8> state_keys{
    "primary_interface", "interfaces", "system_routes", "captive", "probing", "tunnels", "url_probes", "nat64_prefix"};
inline constexpr std::array<std::string_view, 7> interface_keys{
    "name", "type", "ssid", "addresses", "dns_servers", "search_domains", "dhcp_server"};
inline constexpr std::array<std::string_view, 5> tunnel_keys{"status", "interface", "endpoints", "included_routes",
                                                             "excluded_routes"};
inline constexpr std::array<std::string_view, 3> endpoint_keys{"address", "protocol", "port"};

/// Adds the object's keys that are not in `known` to `unknown`, with `where` in front.
void collect_unknown(const Json& object, std::span<const std::string_view> known, const std::string& where,
                     std::vector<std::string>* unknown);

}  // namespace vpn::policy::fields
