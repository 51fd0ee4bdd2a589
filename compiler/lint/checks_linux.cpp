// VP17xx: what a Linux device cannot do, and what an external provider has to.
#include <algorithm>
#include <utility>

#include "compiler/lint/checks.h"
#include "compiler/lint/formats.h"
#include "compiler/lint/lookup.h"
#include "policy/address.h"

namespace vpn::lint {
namespace {

// Whether findings for Linux are asked for.
bool for_linux(const Context& context) {
  const auto& platforms = context.options.platforms;
  return std::find(platforms.begin(), platforms.end(), policy::Platform::linux) != platforms.end();
}

bool is_served(std::string_view subtype) {
  return subtype.starts_with("com.wireguard.") || subtype.starts_with("net.openvpn.");
}

// A proxy that the profile names needs no client (docs/app-proxy.md).
bool is_own_proxy(const Item& item, const Section& section) {
  Path path, vendor_path;
  const bool proxy =
      item.selector == "TransparentProxy" || text(child(section, item.selector, path), "ProviderType") == "app-proxy";
  return proxy && !text(child(section, "VendorConfig", vendor_path), "ProxyType").empty();
}

void check_provider(Context& context, const Item& item, const Section& payload) {
  const bool plugin = item.selector == "VPN" || item.selector == "TransparentProxy";
  Path path;
  const bool declared_plugin = item.is_declaration && item.type.ends_with(".vpn-plugin");
  const Section section = item.is_declaration ? child(payload, "Payload", path) : payload;
  if (plugin || declared_plugin) {
    const Member* const subtype = text_member(section, declared_plugin ? "SubType" : "VPNSubType");
    if (subtype == nullptr || subtype->value.size == 0 || is_served(subtype->value.string())) return;
    if (is_own_proxy(item, section)) return;
    Finding& f = context.at_value(
        Code::external_provider, section, *subtype,
        "no provider here serves " + quoted(subtype->value.string()) + "; it is left to an external one");
    f.help = "connect the client through the provider 'external'";
    return;
  }
  if (!for_linux(context) || (item.selector != "L2TP" && item.selector != "PPTP")) return;
  const Member* const type = text_member(section, "VPNType");
  if (type != nullptr)
    context.at_value(Code::external_provider, section, *type,
                     "no provider on Linux serves " + std::string(item.selector) + "; it is left to an external one");
}

/// Services whose traffic is told by the app's role alone.
void check_service_roles(Context& context, const Section& settings) {
  for_each_dictionary(context, settings, "ServiceExceptions", [&](const Section& exception) {
    const Member* const service = text_member(exception, "ServiceName");
    if (service == nullptr) return;
    const std::string_view name = service->value.string();
    if (name != "VoiceMail" && name != "DeviceCommunication" && name != "CellularServices") return;
    Finding& f = context.at_value(Code::limited_on_linux, exception, *service,
                                  quoted(name) + " is empty on Linux until the app map gives an app that role");
    f.severity = Severity::note;
  });
}

void check_mapped_apps(Context& context, const Section& payload) {
  for_each_dictionary(context, payload, "AppLayerVPNMapping", [&](const Section& mapping) {
    const Member* const app = text_member(mapping, "Identifier");
    if (app == nullptr || mapping.has("Path")) return;
    const auto apps = schema::known_apps();
    const std::string_view name = app->value.string();
    const auto known =
        std::find_if(apps.begin(), apps.end(), [name](const schema::KnownApp& a) { return a.identifier == name; });
    if (known != apps.end() && !(known->paths.empty() && known->flatpak.empty() && known->snap.empty())) return;
    Finding& f =
        context.at_value(Code::limited_on_linux, mapping, *app,
                         "Linux does not know the executable of " + quoted(name) + " without 'Path' or the app map");
    f.help = "name it in the app map";
  });
}

/// Nobody sets them there, so they would be passed over in silence.
void check_proxies(Context& context, const Item& item, const Section& payload) {
  Path declared_path, path, protocol_path, http_path, https_path;
  const Section content = item.is_declaration ? child(payload, "Payload", declared_path) : payload;
  const Section proxies = child(content, "Proxies", path);
  if (!proxies) return;
  const Section protocol = child(proxies, "Protocol", protocol_path);
  const std::pair<const Section, std::string_view> switches[] = {
      {proxies, "HTTPEnable"},
      {proxies, "HTTPSEnable"},
      {proxies, "ProxyAutoConfigEnable"},
      {proxies, "ProxyAutoDiscoveryEnable"},
      {proxies, "AutoConfigEnable"},
      {proxies, "AutoDiscoveryEnable"},
      {child(protocol, "HTTP", http_path), "Enable"},
      {child(protocol, "HTTPS", https_path), "Enable"},
  };
  for (const auto& [section, name] : switches) {
    if (!is_set(section, name)) continue;
    Finding& f = context.at_value(Code::proxies_on_linux, section, *section.find(name),
                                  "no proxy is set on Linux, so apps would do without it");
    f.help = "take 'Proxies' out of the profile for Linux, and tell apps of their proxy by other means";
    return;
  }
}

}  // namespace

bool cannot_be_looked_up(const Context& context, const Section& dns) {
  if (!for_linux(context)) return false;
  const bool https = text(dns, "DNSProtocol") == "HTTPS" || text(dns, "Protocol") == "HTTPS";
  const bool tls = text(dns, "DNSProtocol") == "TLS" || text(dns, "Protocol") == "TLS";
  std::string_view host = https ? parse_url(text(dns, "ServerURL")).host : text(dns, "ServerName");
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return (https || tls) && !host.empty() && !policy::Address::parse(host);
}

void check_linux(Context& context, const Item& item, const Section& payload) {
  const bool is_vpn = item.kind == ItemKind::device_vpn || item.kind == ItemKind::per_app_vpn;
  if (is_vpn) check_provider(context, item, payload);
  if (!for_linux(context)) return;
  if (is_vpn || item.kind == ItemKind::always_on) check_proxies(context, item, payload);
  if (item.kind == ItemKind::always_on) {
    Path path;
    check_service_roles(context, child(payload, item.is_declaration ? "Payload" : "AlwaysOn", path));
  } else if (item.kind == ItemKind::mapping) {
    check_mapped_apps(context, payload);
  } else if (item.type.ends_with(".scep") || item.type.ends_with(".acme")) {
    Finding& f = context.at_value(Code::limited_on_linux, payload, *item.type_member,
                                  "on Linux a program of the administrator's enrols this identity; where the agent has "
                                  "none, what refers to it cannot connect");
    f.help = "name the program as 'enrolment.program' in agent.yaml, or give the identity as PKCS#12";
  }
}

}  // namespace vpn::lint
