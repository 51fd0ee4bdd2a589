#include "compiler/model/builder.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

namespace fb = policy::fb;

std::uint32_t declared_idle_seconds(Reader& reader, Dict payload) {
  const Dict idle = reader.dict(payload, "Idle");
  return reader.truth(idle, "Disconnect") ? reader.number(idle, "Timer", 0) : 0;
}

void read_declared_provider(Reader& reader, Dict payload, Tunnel& tunnel) {
  const Dict provider = reader.dict(payload, "Provider");
  tunnel.app_proxy = reader.text(provider, "Type") == "app-proxy";
  tunnel.provider_bundle = reader.text(provider, "ComposedIdentifier");
}

}  // namespace

void Builder::read_declared_plugin(Reader& reader, Dict payload, Vpn& vpn) {
  Tunnel& tunnel = vpn.tunnel;
  tunnel.subtype = reader.text(payload, "SubType");
  tunnel.provider = provider_of(tunnel.subtype);
  const Dict authentication = reader.dict(payload, "Authentication");
  const auto account = identities_.credentials(reader, authentication, "CredentialsAssetReference");
  Login login;
  login.method = reader.text(authentication, "Method", login.method);
  login.user = account.user;
  login.password = account.password;
  login.credentials = account.asset;
  login.certificate = identities_.asset(reader, authentication, "IdentityAssetReference");
  tunnel.login = login;
  const Dict vendor_config = reader.dict(payload, "VendorConfig");
  tunnel.settings = flatten(reader, vendor_config);
  tunnel.endpoints = read_endpoints(reader, vendor_config, tunnel.provider);
}

void Builder::read_always_on_declaration(Reader& reader, Dict payload, const std::string& id, PlaceId place) {
  if (model_.always_on) return;  // one on a device, the first counts
  AlwaysOn always_on = read_always_on(reader, payload, place);
  const List configurations = reader.list(payload, "TunnelConfigurations");
  always_on.tunnels_place = configurations ? reader.place(payload, "TunnelConfigurations") : place;
  for (std::uint32_t i = 0; i < configurations.size(); ++i) {
    const Dict configuration = reader.dict(configurations, i);
    const Dict settings = reader.dict(configuration, "IKEV2");
    Tunnel tunnel;
    tunnel.id = id + "#" + std::to_string(i);
    tunnel.kind = Kind::always_on;
    tunnel.provider = number(fb::Provider::ikev2);
    tunnel.name = reader.text(payload, "VisibleName");
    tunnel.server = reader.text(settings, "HostName");
    tunnel.ike = read_declared_ike(reader, settings, identities_);
    tunnel.dns = read_declared_dns(reader, payload, identities_);
    tunnel.proxies = read_declared_proxies(reader, payload, identities_);
    tunnel.place = reader.place(configurations, i);
    const PlaceId at = tunnel.place;
    always_on.tunnels.push_back({add_tunnel(std::move(tunnel)), read_interfaces(reader, configuration), at});
  }
  model_.always_on = std::move(always_on);
}

void Builder::read_vpn_declaration(Reader& reader, Dict declaration, std::string_view kind) {
  const Dict payload = reader.dict(declaration, "Payload");
  const PlaceId place =
      payload ? reader.place(declaration, "Payload") : reader.place(declaration.path, declaration.value->span);
  const std::string id = fallback_id(reader.text(declaration, "Identifier"));
  if (kind == "always-on") {
    read_always_on_declaration(reader, payload, id, place);
    return;
  }
  if (kind != "ikev2" && kind != "ipsec" && kind != "vpn-plugin") return;
  Vpn vpn;
  Tunnel& tunnel = vpn.tunnel;
  tunnel.id = id;
  tunnel.name = reader.text(payload, "VisibleName");
  tunnel.server = reader.text(payload, "HostName");
  tunnel.place = place;
  tunnel.idle_seconds = declared_idle_seconds(reader, payload);
  vpn.device.place = place;
  vpn.device.override_primary = {false, false, place};
  vpn.on_demand = read_declared_on_demand(reader, payload, place);
  if (kind == "ikev2") {
    tunnel.provider = number(fb::Provider::ikev2);
    tunnel.ike = read_declared_ike(reader, payload, identities_);
    read_declared_provider(reader, payload, tunnel);
  } else if (kind == "ipsec") {
    tunnel.provider = number(fb::Provider::ipsec);
    tunnel.ike = read_declared_ipsec(reader, payload, identities_);
    vpn.device.override_primary = reader.flag(payload, "OverridePrimary", false, place);
  } else {
    read_declared_plugin(reader, payload, vpn);
    read_declared_provider(reader, payload, tunnel);
  }
  read_routing(reader, kind == "ipsec" ? Dict{} : reader.dict(payload, "NetworkRouting"), place, vpn.device);
  tunnel.dns = read_declared_dns(reader, payload, identities_);
  tunnel.proxies = read_declared_proxies(reader, payload, identities_);
  add_device(std::move(vpn));
}

}  // namespace vpn::model
