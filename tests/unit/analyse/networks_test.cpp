// The networks that on-demand rules tell apart, against random networks.
#include "compiler/analyse/networks.h"

#include <set>

#include "policy/on_demand.h"
#include "policy_generated.h"
#include "tests/support/policy_maker.h"
#include "tests/unit/policy/random.h"

namespace vpn::analyse {
namespace {

using policy::InterfaceType;
using test::PolicyMaker;
using test::Random;
namespace made = test::made;

const std::vector<std::string> ssids{"Corp", "Guest", "Elsewhere"};
const std::vector<std::string> patterns{"corp.example", "*.corp.example", "lab.corp.example", "*.example"};
const std::vector<std::string> names{"corp.example", "x.corp.example", "lab.corp.example", "other.example",
                                     "example.net"};
const std::vector<std::string> globs{"10.0.0.53", "10.0.*", "10.*", "192.168.1.*", "*.53"};
const std::vector<std::string> servers{"10.0.0.53", "10.0.9.1", "10.7.7.7", "192.168.1.1", "172.16.0.53", "9.9.9.9"};
const std::vector<std::string> urls{"https://one.example/", "https://two.example/"};

std::unique_ptr<made::OnDemandT> random_rules(Random& random, PolicyMaker& maker) {
  auto out = std::make_unique<made::OnDemandT>();
  out->enabled = random.chance(90);
  do {
    auto rule = std::make_unique<made::OnDemandRuleT>();
    rule->source = maker.source("OnDemandRules");
    rule->action = random.chance(50) ? made::OnDemandAction::connect : made::OnDemandAction::disconnect;
    rule->interface_type = random.chance(30) ? static_cast<std::uint8_t>(random.below(4)) : std::uint8_t{255};
    if (random.chance(30)) rule->ssids = {random.pick(ssids)};
    if (random.chance(40)) rule->dns_domains = {random.pick(patterns)};
    if (random.chance(40)) rule->dns_servers = {random.pick(globs)};
    if (random.chance(30)) rule->url_probe = random.pick(urls);
    out->rules.push_back(std::move(rule));
  } while (random.chance(65));
  return out;
}

policy::DeviceState random_network(Random& random) {
  policy::DeviceState out;
  if (random.chance(10)) return out;
  policy::InterfaceState i;
  i.name = out.primary_interface = "net0";
  i.type = static_cast<InterfaceType>(random.below(4));
  if (i.type == InterfaceType::wifi && random.chance(70)) i.ssid = random.pick(ssids);
  while (random.chance(50)) i.search_domains.push_back(random.pick(names));
  while (random.chance(50)) i.dns_server_texts.push_back(random.pick(servers));
  out.interfaces.push_back(std::move(i));
  for (const std::string& url : urls)
    if (random.chance(50)) out.url_probes.emplace(url, random.chance(70) ? 200 : 404);
  return out;
}

/// Which rule of each configuration a state selects, as decide() asks for it.
std::vector<std::uint32_t> selected(const std::vector<const policy::fb::OnDemand*>& all,
                                    const policy::DeviceState& state) {
  std::vector<std::uint32_t> out;
  for (const policy::fb::OnDemand* o : all) {
    std::uint32_t found = policy::none;
    const policy::fb::OnDemandRule* rule = o->enabled() ? policy::matching_rule(o, state) : nullptr;
    for (std::uint32_t r = 0; rule != nullptr && r < o->rules()->size(); ++r)
      if (o->rules()->Get(r) == rule) found = r;
    out.push_back(found);
  }
  return out;
}

policy::DeviceState state_of(const Network& network) {
  policy::DeviceState out;
  out.url_probes = network.url_probes;
  if (!network.present) return out;
  out.primary_interface = network.interface.name;
  out.interfaces.push_back(network.interface);
  return out;
}

TEST(Networks, AreAllThatSomeNetworkSelectsAndNoMore) {
  Random random;
  std::size_t most = 0;
  for (int round = 0; round < 40; ++round) {
    PolicyMaker maker;
    maker.device("D").on_demand = random_rules(random, maker);
    maker.per_app("V");
    maker.body.per_app.back()->on_demand = random_rules(random, maker);
    const policy::Policy policy = maker.make();
    const std::vector<const policy::fb::OnDemand*> all{policy.body().devices()->Get(0)->on_demand(),
                                                       policy.body().per_app()->Get(0)->on_demand()};
    const auto found = networks(all, {});
    ASSERT_TRUE(found);
    std::set<std::vector<std::uint32_t>> known;
    for (const Network& n : *found) {
      EXPECT_EQ(selected(all, state_of(n)), n.rules) << n.describe();
      known.insert(n.rules);
    }
    most = std::max(most, known.size());
    for (int i = 0; i < 2000; ++i)
      EXPECT_TRUE(known.contains(selected(all, random_network(random)))) << "a network selects what no class does";
  }
  EXPECT_GT(most, 6u);
}

TEST(Networks, AreDescribedForPeople) {
  PolicyMaker maker;
  auto rules = std::make_unique<made::OnDemandT>();
  rules->enabled = true;
  rules->rules.push_back(std::make_unique<made::OnDemandRuleT>());
  rules->rules.back()->source = maker.source("OnDemandRules[0]");
  rules->rules.back()->ssids = {"Corp"};
  rules->rules.back()->dns_domains = {"corp.example"};
  maker.device("D").on_demand = std::move(rules);
  const policy::Policy policy = maker.make();
  const policy::fb::OnDemand* one = policy.body().devices()->Get(0)->on_demand();
  const auto found = networks({&one, 1}, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ(found->at(0).describe(), "Wi-Fi");
  EXPECT_EQ(found->at(1).describe(), "Wi-Fi 'Corp', search domain corp.example");
  EXPECT_EQ(found->at(2).describe(), "no network");
}

}  // namespace
}  // namespace vpn::analyse
