// What the agent itself may look up and probe: S1.d and S1.f, which the names in a policy decide.
#include <algorithm>
#include <map>

#include "compiler/analyse/selectors.h"
#include "compiler/analyse/two_policies.h"
#include "compiler/analyse/words.h"
#include "policy_generated.h"

namespace vpn::analyse {
namespace {

using policy::Address;
using policy::DeviceState;
using policy::Rule;

constexpr std::uint16_t domain = 53;

struct Target {
  Rule rule{};
  std::string name;  ///< or an address
  std::uint16_t port = domain;
  auto operator<=>(const Target&) const = default;  // NOLINT(modernize-use-nullptr)
};

std::vector<Target> targets(const policy::Policy& policy) {
  std::vector<Target> out;
  if (const auto* servers = policy.body().servers(); servers != nullptr)
    for (const auto* name : *servers) out.push_back({Rule::S1d, name->str(), domain});
  if (const auto* probes = policy.body().probes(); probes != nullptr)
    for (const auto* probe : *probes) out.push_back({Rule::S1f, probe->host()->str(), probe->port()});
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string words(const Target& t) { return t.rule == Rule::S1d ? t.name : t.name + ':' + std::to_string(t.port); }

/// The state as the agent's own flow needs it: with a resolver on the network, or while it probes.
DeviceState prepared(DeviceState device, Rule rule, Address& resolver) {
  device.probing = rule == Rule::S1f;
  for (policy::InterfaceState& i : device.interfaces) {
    if (i.name != device.primary_interface) continue;
    if (i.dns_servers.empty()) {
      i.dns_servers = {Address::from_v4(0xc0a80101)};
      i.dns_server_texts = {"192.168.1.1"};
    }
    resolver = i.dns_servers.front();
  }
  return device;
}

policy::Flow flow_to(const Target& target, const Address& resolver) {
  policy::Flow out;
  out.owner = policy::Owner::other;
  out.agent = true;
  out.protocol = target.rule == Rule::S1d ? 17 : 6;
  out.remote_port = target.port;
  out.remote = resolver;
  const auto address = Address::parse(target.name);
  if (target.rule == Rule::S1d || !address) out.hostname = target.name;
  if (target.rule == Rule::S1f) out.remote = address.value_or(Address::from_v4(0xcb007150));  // 203.0.113.80
  return out;
}

struct AgentChange {
  Rule rule{};
  Side after, before;                                    // what is newly let out comes first
  auto operator<=>(const AgentChange&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Selectors of apps, addresses and ports mean other traffic; one that says nothing means all that apps send.
bool is_expected(std::span<const Expected> expected, const Target& target, const AgentChange& kind) {
  const auto allows = [](const auto& all, const auto& one) {
    return all.empty() || std::find(all.begin(), all.end(), one) != all.end();
  };
  return std::any_of(expected.begin(), expected.end(), [&](const Expected& e) {
    const FlowSelector& f = e.flows;
    if (!f.apps.empty() || !f.addresses.empty() || !f.ports.empty() || (f.hosts.empty() && f.rules.empty()))
      return false;
    const bool is_meant = f.hosts.empty() || std::any_of(f.hosts.begin(), f.hosts.end(),
                                                         [&](const std::string& h) { return selects(h, target.name); });
    return is_meant && allows(f.rules, target.rule) && allows(e.before, kind.before.verdict) &&
           allows(e.after, kind.after.verdict);
  });
}

struct FoundTargets {
  std::vector<std::string> names;
  const State* state = nullptr;
  Target example;
};

}  // namespace

std::vector<Change> agent_changes(const Space& space, const TwoPolicies& two, std::span<const Expected> expected,
                                  std::uint64_t& as_expected) {
  const std::vector<Target> before = targets(*space.policies()[0]), after = targets(*space.policies()[1]);
  std::vector<Target> changed;
  std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(changed));
  std::map<AgentChange, FoundTargets> found;
  for (const Target& target : changed) {
    for (const State& state : space.states()) {
      Address resolver;
      const DeviceState device = prepared(two.device(state), target.rule, resolver);
      if (device.primary_interface.empty()) continue;
      const policy::Flow flow = flow_to(target, resolver);
      const AgentChange kind{target.rule, two.side_of(two.decide(1, device, flow), 1),
                             two.side_of(two.decide(0, device, flow), 0)};
      if (kind.before == kind.after) continue;
      if (is_expected(expected, target, kind)) {
        ++as_expected;
        break;
      }
      FoundTargets& f = found[kind];
      f.names.push_back(words(target));
      if (f.state == nullptr) {
        f.state = &state;
        f.example = target;
      }
      break;
    }
  }
  std::vector<Change> out;
  for (const auto& [kind, f] : found) {
    Change c;
    c.risk = Risk::agent;
    c.before = kind.before;
    c.after = kind.after;
    c.who = "the agent itself";
    c.what = kind.rule == Rule::S1d ? "look-ups of " + listed(f.names) : "probes";
    c.where = kind.rule == Rule::S1d ? "to the network's resolvers" : "to " + listed(f.names);
    c.when = kind.rule == Rule::S1d ? "on any network" : "while it probes";
    Address resolver;
    DeviceState device = prepared(two.device(*f.state), kind.rule, resolver);
    two.show(*f.state, std::move(device), flow_to(f.example, resolver), c);
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace vpn::analyse
