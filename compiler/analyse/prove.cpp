#include "compiler/analyse/prove.h"

#include <algorithm>

#include "compiler/analyse/prover.h"
#include "policy/kernel/packet.h"

namespace vpn::analyse {

using policy::Rule;
using policy::Verdict;

namespace {

bool is_control_plane(Rule rule) { return rule <= Rule::S1f; }  // S0, and S1 with its letters

bool is_outside(Verdict v) { return v == Verdict::direct || v == Verdict::system; }

/// What the profile lets pass beside a tunnel: the exceptions of S3 and of S5.
bool is_exception(Rule rule) {
  switch (rule) {
    case Rule::S3a:
    case Rule::S3b:
    case Rule::S3c:
    case Rule::S5a:
    case Rule::S5b:
    case Rule::S5c:
    case Rule::S5d:
    case Rule::S5e:
      return true;
    default:
      return false;
  }
}

bool is_connected(const State& state) {
  return std::find(state.statuses.begin(), state.statuses.end(), policy::TunnelStatus::connected) !=
         state.statuses.end();
}

template <class T>
bool holds(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

// --- Selectors -------------------------------------------------------------------------------------------------------

bool Prover::selects(const FlowSelector& s, const Who& who, const View::Traffic& traffic,
                     const policy::Decision& decision) const {
  if (!s.rules.empty() && !holds(s.rules, decision.rule)) return false;
  if (!s.apps.empty()) {
    std::string app = who.owner == policy::Owner::forwarded      ? "forwarded"
                      : who.owner == policy::Owner::unattributed ? "unattributed"
                      : who.owner == policy::Owner::other
                          ? "other"
                          : std::string(space_.owners()[who.members.front().owner].example);
    if (!holds(s.apps, app)) return false;
  }
  if (!s.hosts.empty()) {
    if (who.members.empty()) return false;
    const HostPart& host = space_.hosts()[who.members.front().host];
    const bool any = std::any_of(s.hosts.begin(), s.hosts.end(), [&](const std::string& h) {
      const auto& all = space_.refinement().hosts;
      const auto at = static_cast<std::size_t>(std::find(all.begin(), all.end(), h) - all.begin());
      return at < host.selected.size() && host.selected[at];
    });
    if (!any) return false;
  }
  const Place& place = space_.places()[traffic.place];
  const Port& port = space_.ports()[traffic.port];
  if (!s.addresses.empty() && std::none_of(s.addresses.begin(), s.addresses.end(),
                                           [&](const policy::Prefix& p) { return p.contains(place.example); }))
    return false;
  return s.ports.empty() || std::any_of(s.ports.begin(), s.ports.end(), [&](const PortRange& r) {
           const bool fits =
               r.protocol == 0 ? port.protocol == VPN_TCP || port.protocol == VPN_UDP : port.protocol == r.protocol;
           return fits && port.remote >= r.first && port.remote <= r.last;
         });
}

bool Prover::selects(const StateSelector& s, const State& state, const policy::DeviceState& device) const {
  if (s.captive && *s.captive != state.captive) return false;
  if (s.connected) {
    std::size_t relevant = 0, connected = 0;
    for (std::size_t t = 0; t < space_.tunnels().size(); ++t) {
      const bool up = state.statuses[t] == policy::TunnelStatus::connected;
      relevant += space_.tunnels()[t].statuses.empty() && !up ? 0u : 1u;
      connected += up ? 1u : 0u;
    }
    using Connected = StateSelector::Connected;
    if (*s.connected == Connected::none && connected != 0) return false;
    if (*s.connected == Connected::any && connected == 0) return false;
    if (*s.connected == Connected::all && connected != relevant) return false;
  }
  for (const StateSelector::OfTunnel& wanted : s.tunnels)
    for (std::size_t t = 0; t < space_.tunnels().size(); ++t)
      if (is_called(space_.tunnels()[t], wanted.id) && !holds(wanted.statuses, state.statuses[t])) return false;
  const policy::InterfaceState* primary = nullptr;
  for (const policy::InterfaceState& i : device.interfaces)
    if (i.name == device.primary_interface) primary = &i;
  const std::string type = primary == nullptr ? "none" : std::string(to_string(primary->type));
  if (!s.networks.empty() && !holds(s.networks, type)) return false;
  return s.ssids.empty() || (primary != nullptr && holds(s.ssids, primary->ssid));
}

// --- Properties ------------------------------------------------------------------------------------------------------

Prover::Outcome Prover::judge(const Property& p, const View& view, const Who& who, const View::Traffic& traffic,
                              const policy::Decision& decision, const Governed& by) const {
  const bool outside = is_outside(decision.verdict);
  const bool free = is_control_plane(decision.rule);
  switch (p.kind) {
    case Property::Kind::no_leak:
      if (is_connected(view.state())) return Outcome::beside;
      if (!outside || free) return Outcome::holds;
      return is_exception(decision.rule) ? Outcome::excepted : Outcome::broken;
    case Property::Kind::no_leak_governed:
      if (!by.by_any()) return Outcome::beside;
      if (!outside || free) return Outcome::holds;
      return is_exception(decision.rule) ? Outcome::excepted : Outcome::broken;
    case Property::Kind::excluded_only:
      if (!by.by_any_before_bypass()) return Outcome::beside;
      if (!outside || free) return Outcome::holds;
      return is_exception(decision.rule) || !by.by_any() ? Outcome::excepted : Outcome::broken;
    case Property::Kind::captive_bounded: {
      if (decision.rule != Rule::S3a && decision.rule != Rule::S5a) return Outcome::holds;
      const bool is_app = who.owner == policy::Owner::app;
      return view.state().captive && is_app ? Outcome::excepted : Outcome::broken;
    }
    case Property::Kind::own:
      break;
    case Property::Kind::no_shadow:
      return Outcome::beside;
  }
  if (!selects(p.flows, who, traffic, decision)) return Outcome::beside;
  if (p.control_plane_apart && free) return Outcome::holds;
  bool allowed = holds(p.verdicts, decision.verdict);
  if (allowed && !p.through.empty() && (decision.verdict == Verdict::tunnel || decision.verdict == Verdict::proxy)) {
    const auto& tunnels = space_.tunnels();
    allowed = std::any_of(tunnels.begin(), tunnels.end(),
                          [&](const Tunnel& t) { return t.index[0] == decision.tunnel && is_called(t, p.through); });
  }
  if (allowed) return Outcome::holds;
  const bool excepted = std::any_of(p.except.begin(), p.except.end(),
                                    [&](const FlowSelector& e) { return selects(e, who, traffic, decision); });
  return excepted ? Outcome::excepted : Outcome::broken;
}

// --- All of them -----------------------------------------------------------------------------------------------------

namespace {

/// How much a person has to read to understand a flow in a state.
unsigned cost_of(const Space& space, const State& state, const Who& who, const View::Traffic& traffic) {
  unsigned cost = 0;
  if (state.given != policy::none) return state.given;
  const Network& network = space.networks()[state.network];
  cost += network.present ? 0 : 3;
  cost += static_cast<unsigned>(2 * (network.interface.search_domains.size() +
                                     network.interface.dns_server_texts.size() + network.url_probes.size()));
  cost += network.interface.ssid.empty() ? 0u : 2u;
  cost += network.interface.type == policy::InterfaceType::wifi ? 0 : 1;
  cost += state.captive ? 2 : 0;
  cost += state.default_route == policy::none ? 0 : 1;
  for (const policy::TunnelStatus s : state.statuses)
    cost += s == policy::TunnelStatus::disconnected ? 0 : s == policy::TunnelStatus::invalid ? 5 : 2;
  cost += who.scoped ? 2 : 0;
  cost += who.owner == policy::Owner::other ? 0 : who.owner == policy::Owner::app ? 1 : 2;
  if (!who.members.empty()) {
    const Who::Member& m = who.members.front();
    cost += space.spawners()[m.spawner].example.empty() ? 0u : 2u;
    cost += space.hosts()[m.host].example.empty() ? 0u : 1u;
  }
  const Place& place = space.places()[traffic.place];
  cost += place.kind == Place::Kind::elsewhere ? 0 : 1;
  cost += place.example.v6 ? 1 : 0;
  const Port& port = space.ports()[traffic.port];
  cost += port.protocol == VPN_TCP && port.remote == 443 ? 0 : 1;
  return cost;
}

}  // namespace

void Prover::record(std::size_t p, Outcome outcome, const View& view, std::uint32_t who, const View::Traffic& traffic,
                    const policy::Decision& decision, const Governed& by) {
  if (outcome == Outcome::beside) return;
  ++proofs_[p].applied;
  const Who& sender = space_.whos()[who];
  if (outcome == Outcome::broken) {
    const unsigned cost = cost_of(space_, view.state(), sender, traffic);
    if (best_[p].state == nullptr || cost < best_[p].cost) best_[p] = {cost, &view.state(), who, traffic, decision};
  } else if (outcome == Outcome::excepted) {
    const bool is_bypassed = proofs_[p].property.kind == Property::Kind::excluded_only && !by.by_any();
    const std::uint32_t source = is_bypassed ? bypass_source(view, by) : decision.source;
    auto [it, is_new] = exceptions_[p].try_emplace({is_bypassed ? Rule::S4 : decision.rule, source});
    if (is_new)
      it->second = policy::flow_json(
          space_.flow(sender, space_.places()[traffic.place], space_.ports()[traffic.port], view.state()));
  }
}

void Prover::go_through(const View& view, Shadows* shadows) {
  const policy::DeviceState device = space_.device_state(view.state(), 0);
  std::vector<std::size_t> asked;
  for (std::size_t p = 0; p < proofs_.size(); ++p)
    if (selects(proofs_[p].property.states, view.state(), device)) asked.push_back(p);
  for (std::uint32_t w = 0; w < space_.whos().size(); ++w) {
    const Who& who = space_.whos()[w];
    if (who.scoped && device.primary_interface.empty()) continue;
    const Governed by = governed(space_, view, 0, who);
    if (shadows != nullptr) shadows->see(view, who, by);
    for (const View::Traffic& traffic : view.traffic()) {
      const policy::Decision decision = view.decide(0, who, traffic);
      ++decisions_;
      if (shadows != nullptr) shadows->see(who, decision);
      for (const std::size_t p : asked)
        record(p, judge(proofs_[p].property, view, who, traffic, decision, by), view, w, traffic, decision, by);
    }
  }
}

Result<std::vector<Proof>> Prover::run(std::span<const Property> properties) {
  best_.resize(properties.size());
  exceptions_.resize(properties.size());
  for (const Property& p : properties) proofs_.emplace_back().property = p;
  const bool wants_shadows = std::any_of(properties.begin(), properties.end(),
                                         [](const Property& p) { return p.kind == Property::Kind::no_shadow; });
  Shadows shadows(space_);
  std::optional<View> before;
  for (const State& state : space_.states()) {
    View view(space_, state, before ? &*before : nullptr);
    go_through(view, wants_shadows ? &shadows : nullptr);
    before.emplace(std::move(view));
  }
  for (std::size_t p = 0; p < proofs_.size(); ++p) {
    Proof& proof = proofs_[p];
    proof.coverage = {space_.states().size(),   space_.networks().size(), space_.whos().size(),
                      space_.places().size(),   space_.ports().size(),    decisions_,
                      space_.has_all_statuses()};
    proof.holds = best_[p].state == nullptr;
    if (!proof.holds) {
      auto example = counterexample(*best_[p].state, space_.whos()[best_[p].who], best_[p].traffic, best_[p].decision);
      if (!example) return tl::unexpected(example.error());
      proof.counterexample = std::move(*example);
    }
    for (auto& [key, flow] : exceptions_[p]) proof.exceptions.push_back(exception(key.first, key.second, flow));
    if (proof.property.kind != Property::Kind::no_shadow) continue;
    proof.shadowed = shadows.find();
    proof.holds = proof.shadowed.empty();
    proof.applied = decisions_;
  }
  return std::move(proofs_);
}

Result<std::vector<Proof>> prove(const policy::Policy& policy, std::span<const Property> properties,
                                 const ProveOptions& options) {
  auto refinement = refinement_for(properties, policy);
  if (!refinement) return tl::unexpected(refinement.error());
  refinement->states = options.states;
  const policy::Policy* one = &policy;
  auto space = Space::of({&one, 1}, std::move(*refinement));
  if (!space) return tl::unexpected(space.error());
  return Prover(*space).run(properties);
}

}  // namespace vpn::analyse
