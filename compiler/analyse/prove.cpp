#include "compiler/analyse/prove.h"

#include <algorithm>

#include "compiler/analyse/examples.h"
#include "compiler/analyse/format.h"
#include "compiler/analyse/prover.h"
#include "compiler/analyse/selectors.h"
#include "policy/kernel/packet.h"

namespace vpn::analyse {

using policy::Rule;
using policy::Verdict;

namespace {

bool is_control_plane(Rule rule) { return rule <= Rule::S1f; }  // S0, and S1 with its letters

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
bool has(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

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
  if (!selects(space_, p.flows, who, traffic, decision)) return Outcome::beside;
  if (p.control_plane_apart && free) return Outcome::holds;
  bool allowed = has(p.verdicts, decision.verdict);
  if (allowed && !p.through.empty() && (decision.verdict == Verdict::tunnel || decision.verdict == Verdict::proxy)) {
    const auto& tunnels = space_.tunnels();
    allowed = std::any_of(tunnels.begin(), tunnels.end(),
                          [&](const Tunnel& t) { return t.index[0] == decision.tunnel && is_called(t, p.through); });
  }
  if (allowed) return Outcome::holds;
  const bool excepted = std::any_of(p.except.begin(), p.except.end(),
                                    [&](const FlowSelector& e) { return selects(space_, e, who, traffic, decision); });
  return excepted ? Outcome::excepted : Outcome::broken;
}

// --- All of them -----------------------------------------------------------------------------------------------------

void Prover::record(std::size_t p, Outcome outcome, const Asked& asked, const View::Traffic& traffic,
                    const policy::Decision& decision) {
  if (outcome == Outcome::beside) return;
  ++proofs_[p].applied;
  const State& state = asked.view.state();
  const Who& sender = space_.whos()[asked.who];
  if (outcome == Outcome::broken) {
    const unsigned cost = cost_of(space_, state) + cost_of(space_, sender) + cost_of(space_, traffic);
    if (best_[p].state == nullptr || cost < best_[p].cost) best_[p] = {cost, &state, asked.who, traffic, decision};
  } else if (outcome == Outcome::excepted) {
    const bool is_bypassed = proofs_[p].property.kind == Property::Kind::excluded_only && !asked.by.by_any();
    const std::uint32_t source = is_bypassed ? bypass_source(asked.view, asked.device, asked.by) : decision.source;
    auto [it, is_new] = exceptions_[p].try_emplace({is_bypassed ? Rule::S4 : decision.rule, source});
    if (is_new)
      it->second =
          policy::flow_json(space_.flow(sender, space_.places()[traffic.place], space_.ports()[traffic.port], state));
  }
}

// A sender is asked about once for all states that its verdicts and the properties do not tell apart: of a hundred
// per-app VPNs it knows its own.
void Prover::go_through(const View& view, Shadows* shadows) {
  const policy::DeviceState device = space_.device_state(view.state(), 0);
  std::vector<std::size_t> asked;
  ClassKey shared = view.shared_key();
  shared.push_back(is_connected(view.state()) ? 1 : 0);
  for (std::size_t p = 0; p < proofs_.size(); ++p) {
    if (!selects(space_, proofs_[p].property.states, view.state())) continue;
    asked.push_back(p);
    shared.push_back(p);
  }
  const std::uint64_t number = shared_.try_emplace(std::move(shared), shared_.size()).first->second;
  for (std::uint32_t w = 0; w < space_.whos().size(); ++w) {
    const Who& who = space_.whos()[w];
    if (who.scoped && device.primary_interface.empty()) continue;
    const Governed by = governed(space_, view, 0, who);
    ClassKey key{w, number};
    append(by, key);
    if (!seen_.insert(std::move(key)).second) continue;
    if (shadows != nullptr) shadows->see(view, who, by);
    for (const View::Traffic& traffic : view.traffic()) {
      const policy::Decision decision = view.decide(0, who, traffic);
      ++decisions_;
      if (shadows != nullptr) shadows->see(who, decision);
      for (const std::size_t p : asked)
        record(p, judge(proofs_[p].property, view, who, traffic, decision, by), {view, device, w, by}, traffic,
               decision);
    }
  }
}

Result<std::vector<Proof>> Prover::run(std::span<const Property> properties, std::uint64_t most_steps) {
  const std::uint64_t steps = std::uint64_t{space_.states().size()} * space_.whos().size();
  best_.resize(properties.size());
  exceptions_.resize(properties.size());
  for (const Property& p : properties) proofs_.emplace_back().property = p;
  const bool wants_shadows = std::any_of(properties.begin(), properties.end(),
                                         [](const Property& p) { return p.kind == Property::Kind::no_shadow; });
  Shadows shadows(space_);
  std::optional<View> before;
  for (const State& state : space_.states()) {
    if (steps > most_steps || decisions_ > most_steps)
      return fail(ErrorKind::invalid_input,
                  grouped(space_.whos().size()) + " kinds of senders in " + grouped(space_.states().size()) +
                      " states take long to go through",
                  {}, "ask `vpnprofile prove`");
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
    auto shadowed = shadows.find();
    if (!shadowed) return tl::unexpected(shadowed.error());
    proof.shadowed = std::move(*shadowed);
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
  return Prover(*space).run(properties, options.most_steps);
}

}  // namespace vpn::analyse
