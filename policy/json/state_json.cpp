#include <algorithm>

#include "policy/json/fields.h"
#include "policy/json/json.h"
#include "policy/plan.h"

namespace vpn::policy {
namespace {

using fields::Fault;
using fields::Json;

void read_addresses(const Json& object, InterfaceState& out, Fault& fault) {
  const Json* list = fields::read_array(object, "addresses", fault);
  if (list == nullptr) return;
  for (const Json& item : *list) {
    constexpr std::string_view wanted = "an array of addresses with prefix lengths, such as \"192.168.1.20/24\"";
    if (!item.is_string()) return fault.set("addresses", wanted);
    const std::string_view text = item.get_ref<const std::string&>();
    const auto address = Address::parse(text.substr(0, text.find('/')));
    const auto prefix = Prefix::parse(text);
    if (!address || !prefix) return fault.set("addresses", wanted);
    out.addresses.emplace_back(*address, prefix->length);
  }
}

InterfaceState read_interface(const Json& object, Fault& fault, std::vector<std::string>* unknown) {
  InterfaceState out;
  if (!object.is_object()) {
    fault.set("interfaces", "an array of objects");
    return out;
  }
  fields::collect_unknown(object, fields::interface_keys, "interfaces[].", unknown);
  std::string type = "other";
  fields::read(object, "name", out.name, fault);
  fields::read(object, "type", type, fault);
  fields::read(object, "ssid", out.ssid, fault);
  if (out.name.empty()) fault.set("interfaces[].name", "a non-empty string");
  if (!parse(type, out.type)) fault.set("interfaces[].type", "'wifi', 'cellular', 'ethernet' or 'other'");
  read_addresses(object, out, fault);
  fields::read_strings(object, "dns_servers", out.dns_server_texts, fault);
  for (const std::string& text : out.dns_server_texts) {
    const auto address = Address::parse(text);
    if (!address) fault.set("dns_servers", "an array of addresses");
    if (address) out.dns_servers.push_back(*address);
  }
  fields::read_strings(object, "search_domains", out.search_domains, fault);
  Address server;
  if (fields::read_address(object, "dhcp_server", server, fault)) out.dhcp_server = server;
  return out;
}

Endpoint read_endpoint(const Json& object, Fault& fault, std::vector<std::string>* unknown) {
  Endpoint out;
  if (!object.is_object() || !fields::read_address(object, "address", out.address, fault) ||
      !fields::read_protocol(object, "protocol", out.protocol, fault)) {
    fault.set("endpoints", "an array of objects with 'address', 'protocol' and 'port'");
    return out;
  }
  fields::collect_unknown(object, fields::endpoint_keys, "tunnels.*.endpoints[].", unknown);
  fields::read_port(object, "port", out.port, fault);
  return out;
}

TunnelState read_tunnel(const std::string& id, const Json& object, Fault& fault, std::vector<std::string>* unknown) {
  TunnelState out;
  out.id = id;
  if (!object.is_object()) {
    fault.set("tunnels", "an object of objects");
    return out;
  }
  fields::collect_unknown(object, fields::tunnel_keys, "tunnels." + id + ".", unknown);
  std::string status = "disconnected";
  fields::read(object, "status", status, fault);
  if (!parse(status, out.status))
    fault.set("tunnels." + id + ".status",
              "'invalid', 'disconnected', 'connecting', 'connected', 'reasserting' or 'disconnecting'");
  fields::read(object, "interface", out.interface, fault);
  if (const Json* list = fields::read_array(object, "endpoints", fault))
    for (const Json& e : *list) out.endpoints.push_back(read_endpoint(e, fault, unknown));
  fields::read_prefixes(object, "included_routes", out.included_routes, fault);
  fields::read_prefixes(object, "excluded_routes", out.excluded_routes, fault);
  return out;
}

void read_tunnels(const Json& tunnels, DeviceState& out, Fault& fault, std::vector<std::string>* unknown) {
  for (const auto& [id, tunnel] : tunnels.items()) out.tunnels.push_back(read_tunnel(id, tunnel, fault, unknown));
  std::vector<std::string_view> ids;
  for (const TunnelState& t : out.tunnels) ids.push_back(t.id);
  std::sort(ids.begin(), ids.end(), [](std::string_view a, std::string_view b) { return compare_ids(a, b) < 0; });
  const auto same = std::adjacent_find(ids.begin(), ids.end(),
                                       [](std::string_view a, std::string_view b) { return compare_ids(a, b) == 0; });
  if (same != ids.end()) fault.set("tunnels." + std::string(*same), "there once; names are compared without case");
}

void read_system_routes(const Json& object, DeviceState& out, Fault& fault) {
  const Json* list = fields::read_array(object, "system_routes", fault);
  if (list == nullptr) return;
  for (const Json& item : *list) {
    SystemRoute route;
    const Json* destination = item.is_object() ? fields::get(item, "destination") : nullptr;
    const auto prefix = destination != nullptr && destination->is_string()
                            ? Prefix::parse(destination->get_ref<const std::string&>())
                            : std::nullopt;
    if (!prefix) return fault.set("system_routes[].destination", "a prefix such as \"10.9.0.0/16\"");
    route.destination = *prefix;
    fields::read(item, "interface", route.interface, fault);
    out.system_routes.push_back(std::move(route));
  }
}

void read_probes(const Json& object, DeviceState& out, Fault& fault) {
  const Json* probes = fields::get(object, "url_probes");
  if (probes == nullptr) return;
  if (!probes->is_object()) return fault.set("url_probes", "an object of URL to HTTP status");
  for (const auto& [url, status] : probes->items()) {
    if (!status.is_number_integer()) return fault.set("url_probes", "an object of URL to HTTP status");
    out.url_probes.emplace(url, status.get<int>());
  }
}

}  // namespace

Result<DeviceState> parse_state(std::string_view text, std::vector<std::string>* unknown) {
  const auto json = fields::parse_object(text, "device state");
  if (!json) return tl::unexpected(json.error());
  fields::collect_unknown(*json, fields::state_keys, {}, unknown);
  DeviceState out;
  Fault fault;
  fields::read(*json, "primary_interface", out.primary_interface, fault);
  if (const Json* list = fields::read_array(*json, "interfaces", fault))
    for (const Json& i : *list) out.interfaces.push_back(read_interface(i, fault, unknown));
  read_system_routes(*json, out, fault);
  fields::read(*json, "captive", out.captive, fault);
  fields::read(*json, "probing", out.probing, fault);
  if (const Json* tunnels = fields::get(*json, "tunnels")) {
    if (!tunnels->is_object())
      fault.set("tunnels", "an object of tunnel name to state");
    else
      read_tunnels(*tunnels, out, fault, unknown);
  }
  read_probes(*json, out, fault);
  std::string nat64;
  fields::read(*json, "nat64_prefix", nat64, fault);
  if (!nat64.empty()) {
    out.nat64 = Prefix::parse(nat64);
    constexpr std::uint8_t lengths[] = {32, 40, 48, 56, 64, 96};  // RFC 6052, 2.2
    if (!out.nat64 || !out.nat64->base.v6 ||
        std::find(std::begin(lengths), std::end(lengths), out.nat64->length) == std::end(lengths))
      fault.set("nat64_prefix", "an IPv6 prefix of length 32, 40, 48, 56, 64 or 96");
  }
  if (fault.any()) return fail(ErrorKind::invalid_input, fault.what, {}, "docs/cli.md describes the device state");
  return out;
}

std::vector<std::string> strange_tunnels(const Policy& policy, const DeviceState& state) {
  const auto* own = policy.body().tunnels();
  std::vector<std::string> out;
  for (const TunnelState& t : state.tunnels) {
    const bool known = own != nullptr && std::any_of(own->begin(), own->end(), [&](const fb::Tunnel* o) {
                         return compare_ids(o->id()->string_view(), t.id) == 0;
                       });
    if (!known) out.push_back(t.id);
  }
  return out;
}

}  // namespace vpn::policy
