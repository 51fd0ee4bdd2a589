// What is asked on the control socket.
#include <algorithm>
#include <array>
#include <fstream>

#include "agent/control/agent.h"
#include "agent/control/seat.h"
#include "policy/domain_table.h"
#include "policy/json/json.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

using Json = nlohmann::json;

std::string hex(const std::array<std::uint8_t, 32>& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t b : digest) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

// A host's name as rules compare it; empty: none.
std::string normalised(const nlohmann::json& name) {
  std::string storage;
  std::string_view out;
  if (!name.is_string() ||
      policy::normalise_name(name.get_ref<const std::string&>(), storage, out) != policy::NameFault::none)
    return {};
  return std::string(out);
}

}  // namespace

std::string Agent::app_name(Number number) const {
  const auto it = names_.find(number);
  return it == names_.end() ? std::string() : it->second;
}

std::string Agent::tunnel_name(std::uint32_t index) const {
  return index < tunnels_.named().size() ? tunnels_.named()[index].id : std::string();
}

void Agent::handle(ControlClient& client, const ControlRequest& request) {
  // What we say of tunnels is in force, not about to be.
  if (publish_timer_ != nullptr) {
    publish_timer_.reset();
    publish();
  }
  ControlPeer peer = client.peer();
  // Asked only then: who is before the screen changes.
  if (request.command == ControlCommand::answer && config_.session_answers)
    peer.may_answer = is_before_screen(peer.uid);
  if (!may(peer, request, !config_.public_key.empty())) {
    return client.send(reply(Error{ErrorKind::environment,
                                   "this is for root, or for members of the control group",
                                   {},
                                   "sudo; or name a group as `control_group` in agent.yaml"}));
  }
  auto result = answer(client, request);
  client.send(result ? reply(*result) : reply(result.error()));
  if (!result) return;
  if (request.command == ControlCommand::drops) client.follows_drops = request.follow;
  if (request.command == ControlCommand::watch) {
    client.follows_status = true;
    keep_watch();
  }
}

Result<Json> Agent::answer(ControlClient& client, const ControlRequest& request) {
  switch (request.command) {
    case ControlCommand::status:
      return status();
    case ControlCommand::watch:
      return watched();
    case ControlCommand::connect:
      if (auto wanted = tunnels_.want(request.tunnel); !wanted) return tl::unexpected(wanted.error());
      return Json::object();
    case ControlCommand::disconnect: {
      const auto* always_on = active_->policy.body().always_on();
      if (always_on != nullptr && !always_on->user_toggle())
        return fail(ErrorKind::usage, "the policy is always on, and nobody may switch it off", {},
                    "UIToggleEnabled would allow it");
      if (auto unwanted = tunnels_.unwant(request.tunnel); !unwanted) return tl::unexpected(unwanted.error());
      return Json::object();
    }
    case ControlCommand::machine:
      machine_tells(client, request.machine);
      return Json::object();
    case ControlCommand::reload:
      return reloaded();
    case ControlCommand::apply:
      return apply(request);
    case ControlCommand::confirm: {
      std::string refusal;
      if (!policy(policy_event::Confirm{}, &refusal)) return fail(ErrorKind::usage, refusal);
      return Json::object();
    }
    case ControlCommand::why:
      return why(request);
    case ControlCommand::drops: {
      auto counted = counters();
      if (!counted) return counted;
      return Json{{"recent", drops_seen()}, {"counters", std::move(*counted)}};
    }
    case ControlCommand::metrics: {
      auto text = metrics();
      if (!text) return tl::unexpected(text.error());
      return Json{{"text", std::move(*text)}};
    }
    case ControlCommand::support:
      return support();
    case ControlCommand::stop:
      return stop(request);
    case ControlCommand::answer: {
      auto answered = tunnels_.answer(request.tunnel, request.question, request.value);
      if (!answered) return tl::unexpected(answered.error());
      tell_followers();
      return Json::object();
    }
  }
  return fail(ErrorKind::usage, "there is no such command");
}

Result<Json> Agent::apply(const ControlRequest& request) {
  auto opened = open_policy(request.policy, config_, policy_life_.lowest_serial);
  if (!opened) return tl::unexpected(opened.error());
  candidate_ = std::move(*opened);
  std::string refusal;
  const policy_event::Apply event{candidate_->stamp(), std::chrono::seconds(request.confirm_seconds)};
  const bool accepted = policy(event, &refusal);
  candidate_.reset();
  if (!accepted) return fail(ErrorKind::usage, refusal);
  return status();
}

// The configuration first: it may name another key. A policy on trial is not touched.
Result<Json> Agent::reloaded() {
  auto config = read_config(options_.config_dir);
  if (!config) return tl::unexpected(config.error());
  auto opened = open_policy(options_.policy, *config, policy_life_.lowest_serial);
  if (!opened) return tl::unexpected(opened.error());
  if (policy_life_.before)
    return fail(ErrorKind::usage, "a policy waits to be confirmed", {}, "confirm it, or let it fall back");
  config_ = std::move(*config);
  place_enrolment();
  candidate_ = std::move(*opened);
  policy(policy_event::Apply{candidate_->stamp(), std::chrono::seconds(0)});
  candidate_.reset();
  return status();
}

// Whose process it is, by the kernel's own search: there is no second one.
Result<void> Agent::name_owner(std::uint32_t pid, Json& flow) {
  if (!std::ifstream("/proc/" + std::to_string(pid) + "/cgroup"))
    return fail(ErrorKind::usage, "there is no process " + std::to_string(pid));
  const auto owner = guard_->datapath().owner_of(pid);
  if (!owner) return tl::unexpected(owner.error());
  const auto name = [&](const char* key, std::string text) {
    if (!text.empty()) flow[key] = std::move(text);
  };
  name("app", owner->uncertain ? "unattributed" : app_name(owner->app));
  name("spawned_by", app_name(owner->spawner));
  name("provider_of", app_name(owner->provider));
  if (owner->agent) flow["role"] = "agent";
  return {};
}

Result<Json> Agent::why(const ControlRequest& request) {
  Json object = Json::parse(request.flow, nullptr, false);
  if (!object.is_object()) return fail(ErrorKind::usage, "the flow is no JSON object");
  if (request.pid) {
    if (auto named = name_owner(*request.pid, object); !named) return tl::unexpected(named.error());
  }
  auto flow = policy::parse_flow(object.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!flow) return tl::unexpected(flow.error());
  const std::string host = normalised(object.value("hostname", Json()));
  std::vector<policy::Passed> passed;
  const policy::Situation now = active_->situation.in(state_);
  const policy::Decision decision = policy::decide(now, flow->flow, &passed);
  Json out = Json::parse(policy::verdict_json(active_->policy, decision), nullptr, false);
  out["flow"] = std::move(object);
  out["guard"] = std::string(to_string(guard_life_.phase));
  Json over = Json::array();
  for (const policy::Passed& p : passed)
    over.push_back({{"rule", std::string(to_string(p.rule))}, {"why", std::string(p.why)}});
  out["passed"] = std::move(over);
  Json rules = Json::array();
  for (std::uint32_t t = 0; t < tunnels_.named().size(); ++t) {
    Json one = on_demand(t, host);
    if (one.is_null() || (decision.tunnel != policy::none && decision.tunnel != t)) continue;
    one["tunnel"] = tunnel_name(t);
    rules.push_back(std::move(one));
  }
  if (!rules.empty()) out["on_demand"] = std::move(rules);
  return out;
}

Result<Json> Agent::stop(const ControlRequest& request) {
  stopping_ = true;  // or what is taken away would be put back
  if (request.remove_guard) {
    if (proxies_ != nullptr) proxies_->end();
    if (auto removed = guard_->remove(); !removed) {
      stopping_ = false;
      publish_soon();
      return tl::unexpected(removed.error());
    }
    if (resolved_) resolved_->show();
    log("the guard is taken away, as root asked", true);
  } else {
    log("ends; the guard stays in place");
  }
  // Soon: the answer has to go out first.
  stop_timer_ = loop_.after(std::chrono::milliseconds(20), [this] { outside_.stop(0); });
  return Json::object();
}

Json Agent::proxies_seen() const {
  const auto counts = proxies_ == nullptr ? std::nullopt : proxies_->counts();
  if (!counts) return nullptr;
  return {{"relay", own_address.to_string() + ":" + std::to_string(proxies_->port())},
          {"streams", counts->streams},
          {"associations", counts->associations},
          {"carried", counts->carried},
          {"refused", counts->refused}};
}

Json Agent::status() const {
  Json tunnels = Json::array();
  const auto* listed = active_->policy.body().tunnels();
  for (std::uint32_t i = 0; i < tunnels_.named().size(); ++i) {
    const TunnelLife& life = *tunnels_.named()[i].life;
    const auto* t = listed->Get(i);
    tunnels.push_back({{"id", tunnels_.named()[i].id},
                       {"name", t->name() == nullptr ? "" : t->name()->str()},
                       {"kind", t->kind() == policy::fb::VpnKind::always_on ? "always-on"
                                : t->kind() == policy::fb::VpnKind::per_app ? "per-app"
                                                                            : "device"},
                       {"provider", std::string(tunnels_.provider_kind(i))},
                       {"status", std::string(to_string(life.status))},
                       {"wanted", life.wanted},
                       {"interface", life.report.settings.interface},
                       {"present", life.present != 0},
                       {"failures", life.failures},
                       {"reason", life.report.reason}});
    if (Json rules = on_demand(i); !rules.is_null()) tunnels.back()["on_demand"] = std::move(rules);
    if (const auto& question = life.report.question) {
      tunnels.back()["needs"] = {{"kind", std::string(to_string(question->kind))},
                                 {"prompt", question->prompt},
                                 {"echo", question->echo},
                                 {"refused", question->refused},
                                 {"question", question->number}};
    }
  }
  const policy::Header& header = active_->policy.header();
  const Names::Counts names = lookups_ == nullptr ? Names::Counts() : lookups_->counts();
  return {
      {"guard", std::string(to_string(guard_life_.phase))},
      {"missing", part_names(guard_life_.missing)},
      {"fault", guard_life_.fault},
      {"audit", options_.audit},
      {"adopted", guard_->datapath().adopted()},
      {"cgroup", options_.cgroup},
      {"policy",
       {{"serial", header.serial},
        {"sha256", hex(header.sha256)},
        {"signed", header.is_signed},
        {"verified", !config_.public_key.empty()},
        {"on_trial", policy_life_.before.has_value()},
        {"secrets_fault", active_->secrets_fault}}},
      {"primary_interface", state_.primary_interface},
      {"asleep", machine_.asleep},
      {"nat64_prefix", state_.nat64 ? state_.nat64->to_string() : ""},
      {"captive", std::string(to_string(probes_.portal().phase))},
      {"clock_fault", probes_.clock_fault()},
      {"owner_faults", owners_->faults()},
      {"names",
       {{"forwarder", names.place ? names.place->address.to_string() + ":" + std::to_string(names.place->port) : ""},
        {"asked", names.lookups.asked},
        {"answered", names.lookups.answered},
        {"refused", names.lookups.refused},
        {"failed", names.lookups.failed},
        {"addresses", names.ties},
        {"shared_addresses", names.shared},
        {"fault", lookups_ == nullptr ? std::string() : lookups_->fault()}}},
      {"proxies", proxies_seen()},
      {"tunnels", std::move(tunnels)}};
}

}  // namespace vpn::agent
