// Flows and device states written as the readers of policy/json read them; what has its default is left out.
#include <nlohmann/json.hpp>

#include "policy/json/json.h"

namespace vpn::policy {
namespace {

using Written = nlohmann::ordered_json;

std::string one_line(const Written& json) { return json.dump(-1, ' ', false, Written::error_handler_t::replace); }

void put_text(Written& out, const char* key, std::string_view text) {
  if (!text.empty()) out[key] = text;
}

void put_prefixes(Written& out, const char* key, const std::vector<Prefix>& prefixes) {
  for (const Prefix& p : prefixes) out[key].push_back(p.to_string());
}

Written written_flow(const Flow& f) {
  Written out = Written::object();
  switch (f.owner) {
    case Owner::app:
      out["app"] = f.app;
      break;
    case Owner::unattributed:
      out["app"] = "unattributed";
      break;
    case Owner::forwarded:
      out["app"] = "forwarded";
      break;
    case Owner::other:
      break;
  }
  put_text(out, "spawned_by", f.spawned_by);
  if (f.agent) out["role"] = "agent";
  put_text(out, "provider_of", f.provider_of);
  if (f.uid != 0) out["uid"] = f.uid;
  if (f.incoming) out["direction"] = "in";
  put_text(out, "arrives_on", f.arrives_on);
  out["protocol"] = protocol_name(f.protocol);
  out["remote"] = f.remote.to_string();
  if (f.remote_port != 0) out["remote_port"] = f.remote_port;
  if (f.local_port != 0) out["local_port"] = f.local_port;
  if (f.has_icmp_type) out["icmp_type"] = f.icmp_type;
  if (f.hop_limit >= 0) out["hop_limit"] = f.hop_limit;
  put_text(out, "hostname", f.hostname);
  put_text(out, "scope", f.scope);
  if (f.service) out["service"] = to_string(*f.service);
  if (f.quoted != nullptr) out["quotes"] = written_flow(*f.quoted);
  return out;
}

Written written_interface(const InterfaceState& i) {
  Written out{{"name", i.name}, {"type", to_string(i.type)}};
  put_text(out, "ssid", i.ssid);
  for (const auto& [address, length] : i.addresses)
    out["addresses"].push_back(address.to_string() + "/" + std::to_string(length));
  for (const std::string& s : i.dns_server_texts) out["dns_servers"].push_back(s);
  for (const std::string& d : i.search_domains) out["search_domains"].push_back(d);
  if (i.dhcp_server) out["dhcp_server"] = i.dhcp_server->to_string();
  return out;
}

Written written_tunnel(const TunnelState& t) {
  Written out{{"status", to_string(t.status)}};
  put_text(out, "interface", t.interface);
  for (const Endpoint& e : t.endpoints) {
    Written& endpoint = out["endpoints"].emplace_back(
        Written{{"address", e.address.to_string()}, {"protocol", protocol_name(e.protocol)}});
    if (e.port != 0) endpoint["port"] = e.port;
  }
  put_prefixes(out, "included_routes", t.included_routes);
  put_prefixes(out, "excluded_routes", t.excluded_routes);
  return out;
}

}  // namespace

std::string flow_json(const Flow& flow) { return one_line(written_flow(flow)); }

std::string state_json(const DeviceState& state) {
  Written out = Written::object();
  put_text(out, "primary_interface", state.primary_interface);
  for (const InterfaceState& i : state.interfaces) out["interfaces"].push_back(written_interface(i));
  for (const SystemRoute& r : state.system_routes) {
    Written& route = out["system_routes"].emplace_back(Written{{"destination", r.destination.to_string()}});
    put_text(route, "interface", r.interface);
  }
  if (state.captive) out["captive"] = true;
  if (state.probing) out["probing"] = true;
  for (const TunnelState& t : state.tunnels) out["tunnels"][t.id] = written_tunnel(t);
  for (const auto& [url, status] : state.url_probes) out["url_probes"][url] = status;
  if (state.nat64) out["nat64_prefix"] = state.nat64->to_string();
  return one_line(out);
}

}  // namespace vpn::policy
