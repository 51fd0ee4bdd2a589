#include "policy/file_checker.h"

namespace vpn::policy {

// Each tunnel belongs to one VPN, and is of that VPN's kind: verdicts, states and the agent rely on it.
bool Checker::use(const Where& parent, std::uint32_t tunnel, fb::VpnKind kind) {
  const Where where{&parent, "tunnel"};
  if (!index(where, tunnel, size(policy_.tunnels()), "tunnels")) return false;
  if (policy_.tunnels()->Get(tunnel)->kind() != kind)
    return fault(where, "the tunnel is of another kind than the VPN that uses it");
  if (used_[tunnel]) return fault(where, "two VPNs use one tunnel");
  used_[tunnel] = true;
  return true;
}

bool Checker::used_once() {
  for (std::uint32_t i = 0; i < used_.size(); ++i) {
    if (!used_[i]) return fault({nullptr, "tunnels", i}, "no VPN uses the tunnel");
  }
  return true;
}

bool Checker::always_on() {
  const fb::AlwaysOn* a = policy_.always_on();
  if (a == nullptr) return true;
  const Where where{nullptr, "always_on"};
  for (std::uint32_t i = 0; i < size(a->tunnels()); ++i) {
    const Where at{&where, "tunnels", i};
    const fb::AlwaysOnTunnel& t = *a->tunnels()->Get(i);
    if (!use(at, t.tunnel(), fb::VpnKind::always_on) || !source(at, t.source())) return false;
    if (t.interfaces() > 3) return fault({&at, "interfaces"}, "only Wi-Fi and cellular can be named");
  }
  for (std::uint32_t i = 0; i < size(a->services()); ++i) {
    const Where at{&where, "services", i};
    const fb::ServiceException& s = *a->services()->Get(i);
    if (s.service() == 0 || s.service() >= service_count) return fault({&at, "service"}, "no service has this number");
    if (s.action() > fb::ServiceAction::drop) return fault({&at, "action"}, "no action has this number");
    if (!source(at, s.source())) return false;
  }
  return source(where, a->source()) && source(where, a->tunnels_source(), "tunnels_source") &&
         source(where, a->captive_websheet_source(), "captive_websheet_source") &&
         source(where, a->captive_all_source(), "captive_all_source");
}

bool Checker::per_app() {
  if (size(policy_.per_app()) > most_per_app) return fault({nullptr, "per_app"}, "there are too many per-app VPNs");
  for (std::uint32_t i = 0; i < size(policy_.per_app()); ++i) {
    const Where where{nullptr, "per_app", i};
    const fb::PerApp& v = *policy_.per_app()->Get(i);
    if (!use(where, v.tunnel(), fb::VpnKind::per_app) || !on_demand(where, v.tunnel(), v.on_demand()) ||
        !source(where, v.source()))
      return false;
  }
  return true;
}

bool Checker::devices() {
  if (size(policy_.devices()) > most_devices) return fault({nullptr, "devices"}, "there are too many device-wide VPNs");
  for (std::uint32_t i = 0; i < size(policy_.devices()); ++i) {
    const Where where{nullptr, "devices", i};
    const fb::Device& d = *policy_.devices()->Get(i);
    if (!use(where, d.tunnel(), fb::VpnKind::device) || !on_demand(where, d.tunnel(), d.on_demand())) return false;
    if (d.include_all() && d.enforce_routes())
      return fault({&where, "enforce_routes"}, "it is void under include_all (S6) and must not be set");
    if (!source(where, d.source()) || !source(where, d.include_all_source(), "include_all_source") ||
        !source(where, d.enforce_source(), "enforce_source") ||
        !source(where, d.exclude_local_source(), "exclude_local_source") ||
        !source(where, d.exclude_cellular_source(), "exclude_cellular_source") ||
        !source(where, d.exclude_apns_source(), "exclude_apns_source") ||
        !source(where, d.exclude_device_source(), "exclude_device_source")) {
      return false;
    }
  }
  return true;
}

bool Checker::on_demand(const Where& parent, std::uint32_t tunnel, const fb::OnDemand* on_demand) {
  if (on_demand == nullptr) return true;
  const Where where{&parent, "on_demand"};
  for (std::uint32_t i = 0; i < size(on_demand->rules()); ++i) {
    if (!rule({&where, "rules", i}, tunnel, *on_demand->rules()->Get(i))) return false;
  }
  return true;
}

bool Checker::rule(const Where& where, std::uint32_t tunnel, const fb::OnDemandRule& r) {
  if (r.action() > fb::OnDemandAction::allow) return fault({&where, "action"}, "no action has this number");
  if (r.interface_type() != 255 && r.interface_type() > static_cast<std::uint8_t>(InterfaceType::other)) {
    return fault({&where, "interface_type"}, "no type of interface has this number");
  }
  if (!texts(where, r.ssids(), "ssids") || !texts(where, r.dns_domains(), "dns_domains") ||
      !texts(where, r.dns_servers(), "dns_servers") || !text(where, r.url_probe(), "url_probe") ||
      !source(where, r.source())) {
    return false;
  }
  for (std::uint32_t i = 0; i < size(r.parameters()); ++i) {
    const Where at{&where, "parameters", i};
    const fb::EvaluateParameter& p = *r.parameters()->Get(i);
    if (!list(at, p.domains(), "domains", fb::ListKind::evaluate, tunnel) ||
        !texts(at, p.dns_servers(), "dns_servers") || !text(at, p.url_probe(), "url_probe") ||
        !source(at, p.source())) {
      return false;
    }
  }
  return true;
}

}  // namespace vpn::policy
