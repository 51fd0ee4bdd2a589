// "On-demand": the network's rule and its criteria, and what follows from it under S4.a and S5.
#include <gtest/gtest.h>

#include "policy/on_demand.h"
#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::InterfaceType;
namespace fb = policy::fb;
using Texts = std::optional<std::vector<std::string>>;

/// One rule as the policy file holds it, absent and empty lists apart.
struct Criteria {
  std::uint8_t interface_type = 255;
  Texts ssids, domains, servers;
  std::optional<std::string> probe;
};

class OnDemand : public testing::Test {
 protected:
  bool holds(const Criteria& c) {
    flatbuffers::FlatBufferBuilder builder;
    const auto texts =
        [&](const Texts& t) -> flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>> {
      if (!t) return 0;
      std::vector<flatbuffers::Offset<flatbuffers::String>> all;
      for (const std::string& s : *t) all.push_back(builder.CreateString(s));
      return builder.CreateVector(all);
    };
    const auto ssids = texts(c.ssids);
    const auto domains = texts(c.domains);
    const auto servers = texts(c.servers);
    const auto probe = c.probe ? builder.CreateString(*c.probe) : flatbuffers::Offset<flatbuffers::String>{};
    const std::vector rules{fb::CreateOnDemandRule(builder, fb::OnDemandAction::disconnect, c.interface_type, ssids,
                                                   domains, servers, probe)};
    builder.Finish(fb::CreateOnDemand(builder, true, false, builder.CreateVector(rules)));
    const auto* on_demand = flatbuffers::GetRoot<fb::OnDemand>(builder.GetBufferPointer());
    const bool found = policy::matching_rule(on_demand, state) != nullptr;
    EXPECT_EQ(policy::network_action(on_demand, state) == fb::OnDemandAction::disconnect, found);
    return found;
  }
  bool domain(const std::string& pattern) { return holds({255, {}, Texts{{pattern}}, {}, {}}); }
  bool server(const std::string& pattern) { return holds({255, {}, {}, Texts{{pattern}}, {}}); }
  S state = on_wifi().ssid("Corp").search("corp.example.com");
};

TEST_F(OnDemand, RuleWithoutCriteriaAlwaysHolds) {
  EXPECT_TRUE(holds({}));
  state = S();
  EXPECT_TRUE(holds({})) << "even without a network";
}

TEST_F(OnDemand, InterfaceTypeMatch) {
  const auto type = [&](InterfaceType t) { return holds({static_cast<std::uint8_t>(t), {}, {}, {}, {}}); };
  EXPECT_TRUE(type(InterfaceType::wifi));
  EXPECT_FALSE(type(InterfaceType::cellular));
  EXPECT_FALSE(type(InterfaceType::ethernet));
  state.interfaces[0].type = InterfaceType::ethernet;
  EXPECT_TRUE(type(InterfaceType::ethernet));
  EXPECT_FALSE(type(InterfaceType::wifi)) << "counting as Wi-Fi is for S3.d alone";
  state.primary("");
  EXPECT_FALSE(type(InterfaceType::ethernet)) << "no primary interface";
}

TEST_F(OnDemand, SsidMatch) {
  const auto ssid = [&](const std::string& s) { return holds({255, Texts{{s}}, {}, {}, {}}); };
  EXPECT_TRUE(ssid("Corp"));
  EXPECT_FALSE(ssid("corp")) << "network names are exact";
  EXPECT_FALSE(ssid("Cor"));
  EXPECT_TRUE(holds({255, Texts{{"Cafe", "Corp"}}, {}, {}, {}}));
  state.interfaces[0].type = InterfaceType::ethernet;
  EXPECT_FALSE(ssid("Corp")) << "a wired network has no SSID";
  state.interfaces[0].type = InterfaceType::wifi;
  state.ssid("");
  EXPECT_FALSE(ssid(""));
  state.ssid("Corp").primary("");
  EXPECT_FALSE(ssid("Corp"));
}

TEST_F(OnDemand, SsidOfTheOtherInterfaceDoesNotCount) {
  state.interface("wlan1", InterfaceType::wifi).ssid("Cafe");
  EXPECT_FALSE(holds({255, Texts{{"Cafe"}}, {}, {}, {}}));
}

TEST_F(OnDemand, DnsDomainMatch) {
  EXPECT_TRUE(domain("corp.example.com"));
  EXPECT_FALSE(domain("example.com")) << "exact";
  EXPECT_FALSE(domain("x.corp.example.com"));
  EXPECT_FALSE(domain("corp.example.co"));
}

TEST_F(OnDemand, DnsDomainMatchBelow) {
  EXPECT_TRUE(domain("*.example.com"));
  EXPECT_FALSE(domain("*.corp.example.com")) << "only below the name";
  EXPECT_FALSE(domain("*.ample.com")) << "not across a label boundary";
  EXPECT_TRUE(domain("*.com"));
}

TEST_F(OnDemand, DnsDomainMatchIsCaseInsensitive) {
  state.interfaces[0].search_domains = {"CORP.Example.COM."};
  EXPECT_TRUE(domain("corp.example.com"));
  EXPECT_TRUE(domain("*.example.com"));
}

TEST_F(OnDemand, DnsDomainMatchComparesALabels) {
  state.interfaces[0].search_domains = {"b\u00fcro.example"};
  EXPECT_TRUE(domain("xn--bro-hoa.example"));
  EXPECT_TRUE(domain("*.example"));
}

TEST_F(OnDemand, AnySearchDomainOfThePrimaryInterface) {
  state.search("home.arpa");
  EXPECT_TRUE(domain("home.arpa"));
  state.interface("wlan1", InterfaceType::wifi).search("other.example");
  EXPECT_FALSE(domain("other.example"));
}

TEST_F(OnDemand, DnsServerAddressMatch) {
  EXPECT_TRUE(server("192.168.1.1"));
  EXPECT_FALSE(server("192.168.1.2"));
  EXPECT_FALSE(server("192.168.1.10"));
  EXPECT_TRUE(holds({255, {}, {}, Texts{{"10.0.0.1", "192.168.1.1"}}, {}})) << "any";
}

TEST_F(OnDemand, DnsServerAddressMatchHasOneWildcard) {
  EXPECT_TRUE(server("192.168.*"));
  EXPECT_TRUE(server("192.*.1"));
  EXPECT_TRUE(server("*"));
  EXPECT_TRUE(server("*.1.1"));
  EXPECT_FALSE(server("192.*.*.1")) << "one, not two";
  EXPECT_FALSE(server("10.*"));
  EXPECT_FALSE(server("192.168.1.1*1")) << "both ends do not share a character";
}

TEST_F(OnDemand, DnsServerAddressMatchOfIPv6) {
  state.interfaces[0].dns_servers.clear();
  state.interfaces[0].dns_server_texts.clear();
  state.resolver("2001:DB8:0:0::53");
  EXPECT_TRUE(server("2001:db8::53"));
  EXPECT_TRUE(server("2001:db8::*"));
  EXPECT_TRUE(server("2001:DB8::*"));
  EXPECT_TRUE(server("2001:DB8:0:0::*")) << "as written";
  EXPECT_FALSE(server("2001:db9::*"));
}

TEST_F(OnDemand, UrlStringProbeIsA200) {
  const std::string url = "https://probe.example.com/";
  EXPECT_FALSE(holds({255, {}, {}, {}, url})) << "not asked";
  for (const int status : {204, 301, 302, 404, 0}) {
    state.url_probes[url] = status;
    EXPECT_FALSE(holds({255, {}, {}, {}, url})) << status;
  }
  state.url_probes[url] = 200;
  EXPECT_TRUE(holds({255, {}, {}, {}, url}));
  EXPECT_FALSE(holds({255, {}, {}, {}, url + "x"}));
}

TEST_F(OnDemand, AllCriteriaMustHold) {
  Criteria c{0, Texts{{"Corp"}}, Texts{{"corp.example.com"}}, Texts{{"192.168.1.1"}}, {}};
  EXPECT_TRUE(holds(c));
  c.servers = {{"10.0.0.1"}};
  EXPECT_FALSE(holds(c));
}

TEST_F(OnDemand, EmptyListNeverHolds) {
  EXPECT_FALSE(holds({255, Texts{std::vector<std::string>{}}, {}, {}, {}}));
  EXPECT_FALSE(holds({255, {}, Texts{std::vector<std::string>{}}, {}, {}}));
  EXPECT_FALSE(holds({255, {}, {}, Texts{std::vector<std::string>{}}, {}}));
}

TEST_F(OnDemand, PrimaryInterfaceThatIsNotListedIsNone) {
  state.primary("wlan9");
  EXPECT_FALSE(domain("corp.example.com"));
  EXPECT_FALSE(server("*"));
}

TEST_F(OnDemand, NoRuleMatchesIsIgnore) {
  EXPECT_EQ(policy::network_action(nullptr, state), fb::OnDemandAction::ignore);
  EXPECT_EQ(policy::matching_rule(nullptr, state), nullptr);
  PolicyMaker maker;
  made::DeviceT& d = maker.device("D");
  d.include_all = true;
  d.on_demand = on_demand(made::OnDemandAction::connect, 0);
  d.on_demand->rules[0]->interface_type = static_cast<std::uint8_t>(InterfaceType::cellular);
  EXPECT_EQ(says(maker.make(), state, F("tcp", "203.0.113.80", 443)), "system S8");
}

TEST_F(OnDemand, FirstMatchingRuleWins) {
  PolicyMaker maker;
  made::DeviceT& d = maker.device("D");
  d.include_all = true;
  d.on_demand = on_demand(made::OnDemandAction::ignore, 0);
  d.on_demand->rules[0]->ssids = {"Home"};
  d.on_demand->rules.push_back(std::move(on_demand(made::OnDemandAction::connect, 0)->rules[0]));
  d.on_demand->rules.push_back(std::move(on_demand(made::OnDemandAction::disconnect, 0)->rules[0]));
  EXPECT_EQ(says(maker.make(), state, F("tcp", "203.0.113.80", 443)), "drop S5.f D @ D.IncludeAllNetworks");
  state.ssid("Home");
  EXPECT_EQ(says(maker.make(), state, F("tcp", "203.0.113.80", 443)), "system S8");
}

}  // namespace
}  // namespace vpn::test
