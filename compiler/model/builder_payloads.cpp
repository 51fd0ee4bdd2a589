#include "compiler/document/coerce.h"
#include "compiler/model/builder.h"
#include "policy/ascii.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

namespace fb = policy::fb;

/// The block that a VPNType reads; those of other types are not looked at.
std::string_view block_name(std::string_view vpn_type) {
  if (vpn_type == "L2TP" || vpn_type == "PPTP") return "PPP";
  return vpn_type;
}

std::uint32_t idle_seconds(Reader& reader, Dict block) {
  return reader.truth(block, "DisconnectOnIdle") ? reader.number(block, "DisconnectOnIdleTimer", 0) : 0;
}

void read_provider(Reader& reader, Dict block, Tunnel& tunnel) {
  tunnel.app_proxy = reader.text(block, "ProviderType") == "app-proxy";
  tunnel.provider_bundle = reader.text(block, "ProviderBundleIdentifier");
  tunnel.provider_requirement = reader.text(block, "ProviderDesignatedRequirement");
}

// What of PPP is no account and no server goes to the provider as it is.
void add_ppp_settings(Reader& reader, Dict ppp, Tunnel& tunnel) {
  for (const std::string_view key :
       {"AuthEAPPlugins", "AuthProtocol", "CCPEnabled", "CCPMPPE128Enabled", "CCPMPPE40Enabled", "TokenCard"}) {
    if (const List list = reader.list(ppp, key)) {
      std::uint32_t i = 0;
      for (const std::string_view text : reader.texts(ppp, key)) {
        tunnel.settings.push_back({"PPP." + std::string(key) + "." + std::to_string(i++), std::string(text), none});
      }
    } else if (Reader::find(ppp, key) != nullptr) {
      tunnel.settings.push_back({"PPP." + std::string(key), reader.truth(ppp, key) ? "1" : "0", none});
    }
  }
}

void read_ppp(Reader& reader, Dict ppp, Tunnel& tunnel) {
  Login login;
  login.user = reader.text(ppp, "AuthName");
  login.password = reader.secret(ppp, "AuthPassword");
  tunnel.login = login;
  tunnel.server = reader.text(ppp, "CommRemoteAddress");
  add_ppp_settings(reader, ppp, tunnel);
}

}  // namespace

std::uint8_t number(fb::Provider provider) { return static_cast<std::uint8_t>(provider); }

std::uint8_t provider_of(std::string_view subtype) {
  if (subtype.starts_with("com.wireguard.")) return number(fb::Provider::wireguard);
  if (subtype.starts_with("net.openvpn.")) return number(fb::Provider::openvpn);
  return number(fb::Provider::external);
}

void Builder::read_plugin(Reader& reader, Dict payload, Dict block, Vpn& vpn) {
  Tunnel& tunnel = vpn.tunnel;
  tunnel.provider = provider_of(tunnel.subtype);
  tunnel.server = reader.text(block, "RemoteAddress");
  Login login;
  login.method = reader.text(block, "AuthenticationMethod", login.method);
  login.user = reader.text(block, "AuthName");
  login.password = reader.secret(block, "Password");
  if (login.password == none) login.password = reader.secret(block, "AuthPassword");
  login.certificate = identities_.payload(reader, block, "PayloadCertificateUUID");
  tunnel.login = login;
  const Dict vendor_config = reader.dict(payload, "VendorConfig");
  tunnel.settings = flatten(reader, vendor_config);
  tunnel.endpoints = read_endpoints(reader, vendor_config, tunnel.provider);
}

void Builder::read_block(Reader& reader, Dict payload, std::string_view vpn_type, Vpn& vpn) {
  const Dict block = reader.dict(payload, block_name(vpn_type));
  Tunnel& tunnel = vpn.tunnel;
  tunnel.idle_seconds = idle_seconds(reader, block);
  vpn.on_demand = read_on_demand(reader, block, tunnel.place);
  Dict routing = block;
  if (vpn_type == "IKEv2") {
    tunnel.provider = number(fb::Provider::ikev2);
    tunnel.server = reader.text(block, "RemoteAddress");
    tunnel.ike = read_ike(reader, block, identities_);
    read_provider(reader, block, tunnel);
  } else if (vpn_type == "IPSec" || vpn_type == "L2TP") {
    const Dict ipsec = reader.dict(payload, "IPSec");
    tunnel.provider = number(vpn_type == "L2TP" ? fb::Provider::l2tp : fb::Provider::ipsec);
    tunnel.ike = read_ipsec(reader, ipsec, identities_);
    if (vpn_type == "L2TP") read_ppp(reader, block, tunnel);
    if (vpn_type == "L2TP") vpn.on_demand = read_on_demand(reader, ipsec, tunnel.place);
    if (tunnel.server.empty()) tunnel.server = reader.text(ipsec, "RemoteAddress");
    vpn.device.override_primary = reader.flag(reader.dict(payload, "IPv4"), "OverridePrimary", false, tunnel.place);
    routing = {};  // neither IncludeAllNetworks nor EnforceRoutes exist for these
  } else if (vpn_type == "PPTP") {
    read_ppp(reader, block, tunnel);
    routing = {};
  } else {
    read_plugin(reader, payload, block, vpn);
    read_provider(reader, block, tunnel);
  }
  const bool transparent = vpn_type == "TransparentProxy";
  read_routing(reader, transparent ? Dict{} : routing, tunnel.place, vpn.device);
  if (!transparent) return;
  tunnel.app_proxy = true;
  vpn.device.transparent = true;
  vpn.device.enforce_routes =
      reader.flag(block, "EnforceRoutes", false, tunnel.place);  // the only one of these keys it has
  if (const document::Value* order = Reader::find(block, "Order")) vpn.device.order = document::meant_integer(*order);
}

void Builder::add_per_app(Reader& reader, Dict payload, Dict block, Vpn vpn) {
  constexpr std::pair<std::string_view, fb::ListKind> lists[] = {{"ExcludedDomains", fb::ListKind::excluded},
                                                                 {"SafariDomains", fb::ListKind::safari},
                                                                 {"MailDomains", fb::ListKind::mail},
                                                                 {"CalendarDomains", fb::ListKind::calendar},
                                                                 {"ContactsDomains", fb::ListKind::contacts},
                                                                 {"SMBDomains", fb::ListKind::smb},
                                                                 {"AssociatedDomains", fb::ListKind::associated}};
  PerApp out;
  out.vpn_uuid = vpn.tunnel.id;
  out.place = vpn.tunnel.place;
  out.on_demand = std::move(vpn.on_demand);
  // S4.a: OnDemandMatchAppEnabled where present, else OnDemandEnabled. Some profiles have it in the VPN block.
  const Dict match = Reader::find(payload, "OnDemandMatchAppEnabled") != nullptr ? payload : block;
  out.match_app = reader.truth(match, "OnDemandMatchAppEnabled");
  out.on_demand.enabled = reader.truth(match, "OnDemandMatchAppEnabled", out.on_demand.enabled);
  for (const auto& [key, kind] : lists) {
    DomainList list = reader.domains(payload, key, static_cast<std::uint8_t>(kind));
    if (list.array != nullptr) out.lists.push_back(list);
  }
  out.tunnel = add_tunnel(std::move(vpn.tunnel));
  model_.per_app.push_back(std::move(out));
}

void Builder::read_always_on_payload(Reader& reader, Dict payload, const std::string& id, PlaceId place) {
  // One always-on VPN on a device: lint has reported a second one, and the first counts.
  if (model_.always_on) return;
  const Dict block = reader.dict(payload, "AlwaysOn");
  AlwaysOn always_on = read_always_on(reader, block, block ? reader.place(payload, "AlwaysOn") : place);
  const List configurations = reader.list(block, "TunnelConfigurations");
  always_on.tunnels_place = configurations ? reader.place(block, "TunnelConfigurations") : always_on.place;
  for (std::uint32_t i = 0; i < configurations.size(); ++i) {
    const Dict configuration = reader.dict(configurations, i);
    Dict settings = reader.dict(configuration, "IKEv2");  // flat in practice, but some nest it
    if (!settings) settings = configuration;
    Tunnel tunnel;
    tunnel.id = id + "#" + std::to_string(i);
    tunnel.kind = Kind::always_on;
    tunnel.provider = number(fb::Provider::ikev2);
    tunnel.name = reader.text(payload, "UserDefinedName");
    tunnel.server = reader.text(settings, "RemoteAddress");
    tunnel.ike = read_ike(reader, settings, identities_);
    tunnel.dns = read_dns(reader, payload, identities_);
    tunnel.proxies = read_proxies(reader, payload);
    tunnel.place = reader.place(configurations, i);
    const PlaceId at = tunnel.place;
    always_on.tunnels.push_back({add_tunnel(std::move(tunnel)), read_interfaces(reader, configuration), at});
  }
  model_.always_on = std::move(always_on);
}

void Builder::read_vpn_payload(Reader& reader, Dict payload, bool per_app) {
  const PlaceId place = reader.place(payload.path, payload.value->span);
  const std::string_view vpn_type = reader.text(payload, "VPNType");
  const std::string id = fallback_id(ascii::upper_case(reader.text(payload, per_app ? "VPNUUID" : "PayloadUUID")));
  if (vpn_type == "AlwaysOn") {
    read_always_on_payload(reader, payload, fallback_id(ascii::upper_case(reader.text(payload, "PayloadUUID"))), place);
    return;
  }
  Vpn vpn;
  vpn.tunnel.id = id;
  vpn.tunnel.kind = per_app ? Kind::per_app : Kind::device;
  vpn.tunnel.name = reader.text(payload, "UserDefinedName");
  vpn.tunnel.subtype = reader.text(payload, "VPNSubType");
  vpn.tunnel.place = place;
  vpn.device.place = place;
  vpn.device.override_primary = {false, false, place};
  read_block(reader, payload, vpn_type, vpn);
  vpn.tunnel.dns = read_dns(reader, payload, identities_);
  vpn.tunnel.proxies = read_proxies(reader, payload);
  if (per_app) {
    add_per_app(reader, payload, reader.dict(payload, block_name(vpn_type)), std::move(vpn));
  } else {
    add_device(std::move(vpn));
  }
}

}  // namespace vpn::model
