// The verdict of a flow: what it is, S0, the order of the rules, packets that arrive.
#include "policy/decide.h"

#include <algorithm>

#include "policy/judge.h"

namespace vpn::policy {

Judge::Judge(const Situation& situation, const Flow& flow, std::vector<Passed>* passed)
    : situation_(situation),
      d_(situation.data()),
      plan_(*d_.plan),
      f_(flow),
      passed_(passed),
      remote_(flow.remote.v6 ? embedded(flow.remote, d_.translation()) : flow.remote),
      has_app_(flow.owner == Owner::app || flow.owner == Owner::other) {
  // Both tables can be far larger than the caches: their first reads run side by side.
  d_.ranges.prefetch(remote_);
  const AppTable& apps = situation_.policy().apps();
  const bool named = f_.owner == Owner::app;
  const AppTable::Wanted app = named ? apps.prepare(f_.app) : AppTable::Wanted{};
  facts_ = d_.ranges.values(d_.ranges.find(remote_));
  if (named) app_ = apps.find(app);
  if (has_app_ && !f_.spawned_by.empty()) spawner_ = apps.find(f_.spawned_by);
  app_class_ = &plan_.class_of(app_);
  spawner_class_ = &plan_.class_of(spawner_);
}

// --- What a flow is -------------------------------------------------------------------------------------------------

void Judge::find_services() {
  services_known_ = true;
  if (!has_app_) return;
  if (f_.service) {
    services_ = *f_.service == Service::none ? Services{0} : service_bit(*f_.service);
    return;
  }
  const std::uint32_t roles = app_class_->roles;
  const std::span<const Plan::Selector> all(plan_.selectors);
  for (const Plan::Selector& s : (roles & plan_.selector_roles) == 0 ? all.first(plan_.open_selectors) : all) {
    // What seldom holds comes first: a branch that goes the same way for most flows costs nothing.
    if (s.roles != 0 && (roles & s.roles) == 0) continue;
    if (s.dimension != 0 && fact(s.dimension) == 0) continue;
    if (!plan_.fits(s, f_.protocol, f_.remote_port)) continue;
    if (s.local_only && !local()) continue;
    services_ = static_cast<Services>(services_ | s.service);
  }
}

std::string_view Judge::hostname(std::string& storage) const {
  std::string_view name;
  if (f_.hostname.empty() || normalise_name(f_.hostname, storage, name) != NameFault::none) return {};
  return name;
}

DomainClass Judge::domain_class() {
  if (!domain_known_) {
    domain_known_ = true;
    std::string storage;
    domain_ = f_.domain ? *f_.domain : situation_.policy().domains().lookup(hostname(storage));
  }
  return domain_;
}

// --- S0, and the order ----------------------------------------------------------------------------------------------

bool Judge::loopback() {
  if (fact(dim_self) == 0) return false;
  // Linux puts a flow to its own address on the wire when the socket is bound to a physical interface.
  const bool off_device =
      !f_.incoming && !f_.scope.empty() && f_.scope != "lo" && f_.scope != "lo0" && !d_.is_tunnel_interface(f_.scope);
  return decided(off_device ? Verdict::drop : Verdict::system, Rule::S0);
}

Decision Judge::outgoing() {
  if (loopback() || control_plane()) return out_;
  if (plan_.always_on) {
    always_on(*plan_.always_on);
  } else if (plan_.words != 0 && per_app()) {
    return out_;
  } else if (d_.engaged != nullptr) {
    include_all(*d_.engaged);
  } else if (!enforced_routes() && !routes()) {
    return {Verdict::system, Rule::S8, none, none};
  }
  return out_;
}

// --- Incoming -------------------------------------------------------------------------------------------------------

Decision Judge::judged_by_quote() {
  const vpn_packet p = packet(0);
  if (f_.quoted == nullptr || vpn_is_icmp_error(&p) == 0) return outgoing();
  Flow quoted = *f_.quoted;
  quoted.incoming = false;  // the device sent it: S1.b's types are those on the way out
  quoted.scope = {};        // scope apart, like every packet that arrives
  quoted.quoted = nullptr;
  return Judge(situation_, quoted, passed_).outgoing();
}

Decision Judge::incoming() {
  const std::string_view arrives_on = f_.arrives_on.empty() ? std::string_view(d_.primary) : f_.arrives_on;
  const bool from_tunnel = d_.is_tunnel_interface(arrives_on);
  if (vpn_is_encapsulation(f_.protocol) != 0 && !from_tunnel) {
    if (plan_.always_on) return {Verdict::drop, Rule::S3, none, plan_.always_on->source};
    if (d_.engaged != nullptr) return {Verdict::drop, Rule::S5, none, d_.engaged->include_all_source};
  }
  Decision out = judged_by_quote();
  bool accept = false;
  switch (out.verdict) {
    case Verdict::tunnel: {
      const std::string& own = d_.tunnels[out.tunnel].interface;
      accept = !own.empty() && arrives_on == own;
      break;
    }
    case Verdict::direct:
      accept = !from_tunnel;
      break;
    case Verdict::system:
      accept = true;
      break;
    case Verdict::proxy:  // what a proxy brings comes over loopback
    case Verdict::drop:
    case Verdict::accept:
      break;
  }
  const vpn_packet p = packet(0);
  out.verdict = accept && vpn_is_redirect(&p) == 0 ? Verdict::accept : Verdict::drop;
  return out;
}

Decision decide(const Situation& situation, const Flow& flow, std::vector<Passed>* passed) {
  Judge judge(situation, flow, passed);
  return flow.incoming ? judge.incoming() : judge.outgoing();
}

}  // namespace vpn::policy
