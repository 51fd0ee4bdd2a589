// S3 always-on, S4 per-app VPNs, S5 to S7 device-wide VPNs.
#include <algorithm>
#include <bit>

#include "policy/judge.h"

namespace vpn::policy {

// --- S3 -------------------------------------------------------------------------------------------------------------

bool Judge::captive_exception(const Plan::AlwaysOn& a) {
  if (!d_.captive) {
    pass(Rule::S3a, "the network is not behind a captive portal");
    return false;
  }
  if (a.captive_websheet && has_role(Role::captive_websheet))
    return decided(Verdict::direct, Rule::S3a, a.captive_websheet_source);
  if (a.captive_all) {
    if (has_role(Role::captive_plugin)) return decided(Verdict::direct, Rule::S3a, a.captive_all_source);
  } else if (exceptions().captive_plugin != none) {
    return decided(Verdict::direct, Rule::S3a, exceptions().captive_plugin);
  }
  pass(Rule::S3a, "the app may not talk to the captive portal");
  return false;
}

bool Judge::service_exception(const Plan::AlwaysOn& a) {
  for (const Plan::ServiceException& s : a.services) {
    if (in(s.service)) return decided(s.drop ? Verdict::drop : Verdict::direct, Rule::S3b, s.source);
    pass(Rule::S3b, "the flow is not of the excepted service", none, s.source);
  }
  return false;
}

bool Judge::application_exception() {
  const Plan::AppExceptions& e = exceptions();
  if (e.any != none) return decided(Verdict::direct, Rule::S3c, e.any);
  const std::uint32_t limited = is(VPN_UDP) ? e.udp : e.tcp;
  if (limited != none && udp_or_tcp()) return decided(Verdict::direct, Rule::S3c, limited);
  if (e.udp != none || e.tcp != none)
    pass(Rule::S3c, "the app's exception is limited to another protocol", none, e.udp != none ? e.udp : e.tcp);
  return false;
}

bool Judge::always_on(const Plan::AlwaysOn& a) {
  if (has_app_ && (captive_exception(a) || service_exception(a) || application_exception())) return true;
  if (d_.carrier == nullptr) return decided(Verdict::drop, Rule::S3d, a.tunnels_source);
  const std::uint32_t tunnel = d_.carrier->tunnel;
  return decided(d_.tunnels[tunnel].connected() ? Verdict::tunnel : Verdict::drop, Rule::S3e, d_.carrier->source,
                 tunnel);
}

// --- S4 -------------------------------------------------------------------------------------------------------------

// For people: which governing VPNs were bypassed, and why.
void Judge::explain_bypassed(std::size_t word, std::uint64_t governed, std::uint64_t excluded) {
  if (passed_ == nullptr) return;
  for (; governed != 0; governed &= governed - 1) {
    const auto v = static_cast<std::size_t>(std::countr_zero(governed));
    const Plan::PerApp& vpn = plan_.per_app[word * 64 + v];
    const std::uint64_t mask = std::uint64_t{1} << v;
    if ((d_.bypassed[word] & mask) != 0) {
      pass(Rule::S4, "S4.a: the network's on-demand rule is Disconnect", vpn.tunnel, vpn.source);
    } else if ((excluded & mask) != 0) {
      pass(Rule::S4, "S4.b: the host name is in ExcludedDomains", vpn.tunnel, vpn.source);
    }
  }
}

bool Judge::per_app() {
  if (f_.owner == Owner::forwarded) return false;
  // It may be a governed app's, and a leak cannot be taken back.
  if (f_.owner == Owner::unattributed) return decided(Verdict::drop, Rule::S4, plan_.per_app[0].source);
  const std::uint32_t roles = app_class_->roles | spawner_class_->roles;
  const bool triggered = (roles & trigger_roles) != 0;
  bool governs = false;
  for (std::size_t w = 0; w < plan_.words; ++w) {
    const std::uint64_t by_app = plan_.mapped(app_, *app_class_, *spawner_class_, w);
    if (by_app == 0 && !triggered) continue;
    const Plan::NamedVpns by_name = plan_.named(situation_.policy().domains().lists(domain_class()), roles, w);
    const std::uint64_t governed = by_app | by_name.triggered;
    if (governed == 0) continue;
    governs = true;
    const std::uint64_t left = governed & ~d_.bypassed[w] & ~by_name.excluded;
    const std::uint64_t first = left & (~left + 1);
    explain_bypassed(w, left == 0 ? governed : governed & (first - 1), by_name.excluded);
    if (left == 0) continue;
    const Plan::PerApp& vpn = plan_.per_app[w * 64 + static_cast<std::size_t>(std::countr_zero(left))];
    if (!d_.tunnels[vpn.tunnel].connected()) return decided(Verdict::drop, Rule::S4e, vpn.source, vpn.tunnel);
    return through(vpn.tunnel, Rule::S4e, vpn.source, Verdict::drop);
  }
  if (!governs) pass(Rule::S4, "no per-app VPN governs the app for this host");
  return false;
}

// --- S5 to S7 -------------------------------------------------------------------------------------------------------

bool Judge::include_all(const Plan::Device& v) {
  if (has_app_) {
    if (d_.captive && (has_role(Role::captive_websheet) || has_role(Role::captive_plugin)))
      return decided(Verdict::direct, Rule::S5a, v.include_all_source);
    if (in(Service::companion)) return decided(Verdict::direct, Rule::S5b, v.include_all_source);
    if (v.exclude_device && in(Service::device_communication))
      return decided(Verdict::direct, Rule::S5b, v.exclude_device_source);
  }
  if (v.exclude_local) {
    if (local()) return decided(Verdict::direct, Rule::S5c, v.exclude_local_source);
    pass(Rule::S5c, "the destination is not in a local network", none, v.exclude_local_source);
  }
  if (has_app_) {
    if (v.exclude_cellular && (in(Service::cellular_services) || in(Service::voicemail)))
      return decided(Verdict::direct, Rule::S5d, v.exclude_cellular_source);
    if (v.exclude_apns && in(Service::apns)) return decided(Verdict::direct, Rule::S5e, v.exclude_apns_source);
  }
  if (!d_.tunnels[v.tunnel].connected()) return decided(Verdict::drop, Rule::S5f, v.include_all_source, v.tunnel);
  return through(v.tunnel, Rule::S5f, v.include_all_source, Verdict::drop);
}

bool Judge::enforced_routes() {
  for (const RoutePlan& plan : d_.enforced) {
    const Plan::Device& v = *plan.device;
    if (v.exclude_local && local()) {
      pass(Rule::S6b, "S6.a: the destination is in a local network", v.tunnel, v.exclude_local_source);
      return false;  // "go on to S7": past the other VPNs' S6 as well
    }
    switch (fact(plan.dimension)) {
      case route_excluded:
        return decided(Verdict::direct, Rule::S6b, v.enforce_source);
      case route_included:
        if (!d_.tunnels[v.tunnel].connected()) return decided(Verdict::drop, Rule::S6b, v.enforce_source, v.tunnel);
        return through(v.tunnel, Rule::S6b, v.enforce_source, Verdict::drop);
      default:
        pass(Rule::S6b, "no enforced route matches", v.tunnel, v.enforce_source);
    }
  }
  return false;
}

bool Judge::routes() {
  for (const RoutePlan& plan : d_.routed) {
    const Plan::Device& v = *plan.device;
    if (!f_.incoming && !f_.scope.empty()) return decided(Verdict::system, Rule::S7, v.source);
    switch (fact(plan.dimension)) {
      case route_included:
        return through(v.tunnel, Rule::S7, v.source, Verdict::system);
      case route_system:
      case route_excluded:
        return decided(Verdict::system, Rule::S7, v.source);
      default:
        pass(Rule::S7, "no route matches", v.tunnel, v.source);
    }
  }
  return false;
}

}  // namespace vpn::policy
