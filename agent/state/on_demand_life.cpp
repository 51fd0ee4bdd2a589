#include "agent/state/on_demand_life.h"

#include <algorithm>

#include "policy/on_demand.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

namespace act = on_demand_action;
namespace ev = on_demand_event;
using Action = NetworkDecision::Action;
using policy::TunnelStatus;

// How often an idle tunnel is looked at: so it ends a quarter late at most.
std::chrono::milliseconds count_pause(std::chrono::seconds idle) {
  return std::max<std::chrono::milliseconds>(std::chrono::milliseconds(idle) / 4, std::chrono::milliseconds(500));
}

class OnDemandStepper {
 public:
  explicit OnDemandStepper(OnDemandLife state) : s_(std::move(state)), held_(may_wait(s_)) {}

  void operator()(const ev::NetworkSeen& e) {
    const bool elsewhere = !s_.evaluated || e.decision.network != s_.network.network;
    const bool news = elsewhere || e.decision.action != s_.network.action || e.decision.rule != s_.network.rule;
    s_.network = e.decision;
    s_.evaluated = true;
    if (!news || !s_.terms.enabled) return;
    s_.spent = false;
    // An answer that comes late is no other rule: what a user decided meanwhile stays.
    if (elsewhere) s_.overridden = s_.resting = false;
    if (s_.overridden || s_.network.action == Action::pending) return;
    if (s_.network.action == Action::connect) {
      if (!s_.resting) want();
    } else if (s_.network.action == Action::disconnect) {
      s_.asked = s_.resting = false;
      unwant();
    } else if (s_.asked && starts_when_used(s_)) {
      want();
    }
  }

  void operator()(const ev::UserAsked& e) {
    s_.overridden = s_.terms.enabled && !e.up;
    s_.resting = s_.spent = false;
    s_.starting = e.up;
    stop_patience();
  }

  void operator()(const ev::Used&) {
    if (s_.up || s_.starting || !s_.terms.enabled || s_.overridden) return;
    if (s_.network.action == Action::pending) {
      s_.asked = true;
      return be_patient();
    }
    if (!starts_when_used(s_)) return;
    add(act::Tell{"is needed, and starts"});
    want();
  }

  void operator()(const ev::HostNeedsIt& e) {
    if (s_.up || s_.starting || !s_.evaluated || !evaluates(s_)) return;
    add(act::Tell{"starts: " + e.why});
    want();
  }

  void operator()(const ev::StatusSeen& e) {
    s_.up = e.status == TunnelStatus::connected;
    s_.quiet = std::chrono::milliseconds(0);
    if (s_.up) {
      s_.spent = s_.resting = s_.asked = false;
      s_.starting = true;
      stop_patience();
      if (idles()) add(act::StartCount{count_pause(s_.terms.idle)});
      return;
    }
    if (idles()) add(act::StopCount{});
    if (e.status != TunnelStatus::disconnected) return;
    s_.spent = false;
    if (!s_.starting) return;
    // Its own client has ended it.
    s_.starting = false;
    stop_patience();
    if (!s_.terms.enabled || s_.network.action != Action::connect) return;
    if (!s_.terms.override_disabled) {
      s_.overridden = true;
      return;
    }
    add(act::Tell{"was switched off, which OnDemandUserOverrideDisabled forbids: it starts again"});
    want();
  }

  void operator()(const ev::Counted& e) {
    if (!s_.up || !idles()) return;
    const auto pause = count_pause(s_.terms.idle);
    s_.quiet = e.packets == s_.packets ? s_.quiet + pause : std::chrono::milliseconds(0);
    s_.packets = e.packets;
    if (s_.quiet < s_.terms.idle) return add(act::StartCount{pause});
    s_.resting = true;
    add(act::Tell{"nothing was sent for " + std::to_string(s_.terms.idle.count()) + " s: it ends (DisconnectOnIdle)"});
    unwant();
  }

  void operator()(const ev::PatienceEnded&) {
    s_.patient = s_.asked = false;
    if (s_.up) return;
    s_.spent = true;
    add(act::Tell{"is not up in time: what waited for it is refused"});
  }

  OnDemandStep finish() {
    if (const bool holds = may_wait(s_); holds != held_) actions_.emplace_back(act::Hold{holds});
    if (last_) actions_.push_back(*last_);
    return {std::move(s_), std::move(actions_)};
  }

 private:
  bool idles() const { return s_.terms.enabled && s_.terms.idle.count() > 0; }

  void want() {
    s_.resting = s_.asked = false;
    s_.starting = true;
    if (!s_.up) be_patient();
    last_ = act::Want{};
  }
  void unwant() {
    s_.starting = false;
    stop_patience();
    last_ = act::Unwant{};
  }
  void be_patient() {
    if (s_.patient) return;
    s_.patient = true;
    add(act::StartPatience{longest_wait});
  }
  void stop_patience() {
    if (!s_.patient) return;
    s_.patient = false;
    add(act::StopPatience{});
  }
  void add(OnDemandAct action) { actions_.push_back(std::move(action)); }

  OnDemandLife s_;
  bool held_;
  std::vector<OnDemandAct> actions_;
  std::optional<OnDemandAct> last_;
};

NetworkDecision decided(const policy::fb::OnDemand* on_demand, const policy::DeviceState& state,
                        const std::string& network) {
  NetworkDecision out;
  out.network = network;
  if (on_demand == nullptr || !on_demand->enabled()) return out;
  const policy::NetworkRule found = policy::network_rule(on_demand, state);
  if (found.awaits != nullptr) {
    out.action = Action::pending;
    out.rule = found.index;
    out.source = on_demand->rules()->Get(found.index)->source();
    out.awaits = found.awaits->str();
    return out;
  }
  if (found.rule == nullptr) return out;
  out.rule = found.index;
  out.source = found.rule->source();
  switch (found.rule->action()) {
    case policy::fb::OnDemandAction::connect:
      out.action = Action::connect;
      break;
    case policy::fb::OnDemandAction::disconnect:
      out.action = Action::disconnect;
      break;
    case policy::fb::OnDemandAction::evaluate:
      out.action = Action::evaluate;
      break;
    case policy::fb::OnDemandAction::ignore:
    case policy::fb::OnDemandAction::allow:
      break;
  }
  return out;
}

}  // namespace

std::string_view to_string(NetworkDecision::Action action) {
  switch (action) {
    case Action::connect:
      return "Connect";
    case Action::disconnect:
      return "Disconnect";
    case Action::evaluate:
      return "EvaluateConnection";
    case Action::pending:
      return "pending";
    case Action::ignore:
      break;
  }
  return "Ignore";
}

OnDemandStep step(OnDemandLife state, const OnDemandEvent& event) {
  OnDemandStepper stepper(std::move(state));
  std::visit(stepper, event);
  return stepper.finish();
}

bool starts_when_used(const OnDemandLife& life) {
  if (!life.terms.enabled || life.overridden || !life.evaluated) return false;
  switch (life.network.action) {
    case Action::connect:
      return true;
    case Action::evaluate:
      return life.terms.match_app;
    case Action::ignore:  // a rule that says `Ignore` means it; that no rule speaks of the network does not
      return life.terms.match_app && !life.network.rule;
    case Action::disconnect:
    case Action::pending:
      break;
  }
  return false;
}

bool evaluates(const OnDemandLife& life) {
  return life.terms.enabled && !life.overridden && life.network.action == Action::evaluate && life.network.rule;
}

bool may_wait(const OnDemandLife& life) {
  if (!life.terms.enabled || life.up || life.spent || !life.evaluated) return false;
  const bool unknown = life.network.action == Action::pending && !life.overridden;
  return starts_when_used(life) || unknown || (life.starting && life.patient);
}

std::string refusal(const OnDemandLife& life, bool up) {
  if (!life.terms.enabled || !life.terms.override_disabled || !life.evaluated) return {};
  if (life.network.action != (up ? Action::disconnect : Action::connect)) return {};
  return std::string("the network's on-demand rule is ") + std::string(to_string(life.network.action)) +
         ", and nobody may switch it (OnDemandUserOverrideDisabled)";
}

std::vector<OnDemandTerms> on_demand_terms(const policy::Policy& policy) {
  const policy::fb::Policy& body = policy.body();
  std::vector<OnDemandTerms> out(body.tunnels() == nullptr ? 0 : body.tunnels()->size());
  // Where what needs the tunnel is refused without it, its next use is seen. A VPN by routes that is down refuses
  // nothing: ended for want of use, it would not come back, and its traffic would go beside it. What a proxy carries
  // has no interface at which it could be counted.
  const auto take = [&](std::uint32_t tunnel, const policy::fb::OnDemand* on_demand, bool match_app, bool use_is_seen) {
    if (on_demand == nullptr) return;
    out[tunnel].enabled = on_demand->enabled();
    out[tunnel].match_app = match_app && on_demand->enabled();
    out[tunnel].override_disabled = on_demand->user_override_disabled();
    const auto* t = body.tunnels()->Get(tunnel);
    if (use_is_seen && !t->app_proxy()) out[tunnel].idle = std::chrono::seconds(t->idle_seconds());
  };
  if (body.devices() != nullptr)
    for (const auto* d : *body.devices()) take(d->tunnel(), d->on_demand(), false, d->include_all());
  if (body.per_app() != nullptr)
    for (const auto* v : *body.per_app()) take(v->tunnel(), v->on_demand(), true, true);
  return out;
}

std::vector<NetworkDecision> network_decisions(const policy::Policy& policy, const policy::DeviceState& state,
                                               const std::string& network) {
  const policy::fb::Policy& body = policy.body();
  std::vector<NetworkDecision> out(body.tunnels() == nullptr ? 0 : body.tunnels()->size());
  for (NetworkDecision& d : out) d.network = network;
  if (body.devices() != nullptr)
    for (const auto* d : *body.devices()) out[d->tunnel()] = decided(d->on_demand(), state, network);
  if (body.per_app() != nullptr)
    for (const auto* v : *body.per_app()) out[v->tunnel()] = decided(v->on_demand(), state, network);
  return out;
}

}  // namespace vpn::agent
