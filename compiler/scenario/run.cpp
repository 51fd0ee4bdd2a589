#include <strings.h>

#include "compiler/scenario/scenario.h"
#include "policy_generated.h"

namespace vpn::scenario {
namespace {

std::string_view tunnel_id(const policy::Policy& policy, std::uint32_t tunnel) {
  return policy.body().tunnels()->Get(tunnel)->id()->string_view();
}

bool same_id(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool meets(const Expectation& expected, const policy::Policy& policy, const policy::Decision& got) {
  if (got.verdict != expected.verdict) return false;
  if (expected.rule && got.rule != *expected.rule) return false;
  if (!expected.tunnel) return true;
  return got.tunnel != policy::none && same_id(tunnel_id(policy, got.tunnel), *expected.tunnel);
}

}  // namespace

std::vector<Outcome> run(const Scenario& scenario, const policy::Policy& policy,
                         const std::function<bool(const Case&)>& wanted) {
  const policy::Situation booting(policy, {});
  std::map<std::string_view, policy::Situation> situations;
  std::vector<Outcome> outcomes;
  for (const Case& test : scenario.cases) {
    if (!wanted(test)) continue;
    auto situation = situations.find(test.state);
    if (situation == situations.end())
      situation = situations.emplace(test.state, booting.in(scenario.states.at(test.state))).first;
    const policy::Decision got = decide(situation->second, test.flow.flow);
    outcomes.push_back({&test, got, meets(test.expected, policy, got)});
  }
  return outcomes;
}

}  // namespace vpn::scenario
