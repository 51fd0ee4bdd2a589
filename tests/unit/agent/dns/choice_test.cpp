#include "agent/dns/choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "policy_generated.h"
#include "tests/support/policy_maker.h"

namespace vpn::agent::dns {
namespace {

using policy::Verdict;
using test::PolicyMaker;

policy::Address address(std::string_view text) { return *policy::Address::parse(text); }

constexpr std::string_view app = "com.example.ledger";

// A device on Wi-Fi whose resolver is 192.168.1.1; tunnels have interfaces tun0 and up.
class ChoiceTest : public testing::Test {
 protected:
  void device(PolicyMaker& maker, policy::TunnelStatus status = policy::TunnelStatus::connected) {
    policy_ = std::make_unique<policy::Policy>(maker.make());
    state_.primary_interface = "wlan0";
    policy::InterfaceState wlan;
    wlan.name = "wlan0";
    wlan.addresses = {{address("192.168.1.20"), std::uint8_t{24}}};
    wlan.dns_servers = {address("192.168.1.1")};
    state_.interfaces = {wlan};
    state_.tunnels.clear();
    const auto* tunnels = policy_->body().tunnels();
    settings_.resize(tunnels->size());
    std::vector<const NetworkSettings*> all;
    std::vector<bool> connected;
    for (std::uint32_t i = 0; i < tunnels->size(); ++i) {
      policy::TunnelState t;
      t.id = tunnels->Get(i)->id()->str();
      t.status = status;
      t.interface = "tun" + std::to_string(i);
      t.included_routes = settings_[i].included_routes;
      state_.tunnels.push_back(t);
      all.push_back(&settings_[i]);
      connected.push_back(status == policy::TunnelStatus::connected);
    }
    situation_ = std::make_unique<policy::Situation>(*policy_, state_);
    plan_ = plan_names(*policy_, all, connected, {address("192.168.1.1")});
  }
  Choice choice(std::string_view who, std::string_view name, std::string_view asked = "192.168.1.1") {
    return choose(*situation_, plan_, {who, {}}, name, policy::Address::parse(asked));
  }
  std::string first(const Choice& c) { return c.resolver ? c.resolver->servers.front().to_string() : "none"; }

  std::unique_ptr<policy::Policy> policy_;
  policy::DeviceState state_;
  std::vector<NetworkSettings> settings_{2};
  std::unique_ptr<policy::Situation> situation_;
  NamePlan plan_;
};

TEST_F(ChoiceTest, AGovernedAppAsksItsTunnel) {
  PolicyMaker maker;
  maker.app(std::string(app)).governed = {maker.per_app("V")};
  maker.domains(test::made::ListKind::excluded, 0, {"open.example"});
  settings_[0].dns.servers = {address("10.9.0.1")};
  device(maker);
  EXPECT_EQ(first(choice(app, "intranet.example")), "10.9.0.1");
  EXPECT_EQ(first(choice(app, "intranet.example", "127.0.0.53")), "10.9.0.1");
  EXPECT_EQ(choice(app, "intranet.example").decision.verdict, Verdict::tunnel);
  EXPECT_EQ(first(choice(app, "www.open.example", "10.9.0.1")), "192.168.1.1")
      << "not the tunnel's: it is not to be had";
  EXPECT_EQ(first(choice("", "intranet.example", "9.9.9.9")), "9.9.9.9") << "another app asks whom it likes";
  EXPECT_EQ(first(choice("", "intranet.example", "127.0.0.53")), "192.168.1.1");
  EXPECT_TRUE(is_steered(*situation_, plan_, {app, {}}, false));
  EXPECT_FALSE(is_steered(*situation_, plan_, {"", {}}, false));
}

TEST_F(ChoiceTest, WithoutResolversOfTheTunnelItAsksByTheTunnelAllTheSame) {
  PolicyMaker maker;
  maker.app(std::string(app)).governed = {maker.per_app("V")};
  settings_[0] = {};
  device(maker);
  EXPECT_EQ(first(choice(app, "a.example", "9.9.9.9")), "9.9.9.9");
  EXPECT_EQ(first(choice(app, "a.example", "127.0.0.53")), "192.168.1.1");
  EXPECT_EQ(choice(app, "a.example", "127.0.0.53").decision.verdict, Verdict::tunnel);
}

TEST_F(ChoiceTest, WithoutItsTunnelItAsksNobody) {
  PolicyMaker maker;
  maker.app(std::string(app)).governed = {maker.per_app("V")};
  maker.domains(test::made::ListKind::excluded, 0, {"open.example"});
  settings_[0].dns.servers = {address("10.9.0.1")};
  device(maker, policy::TunnelStatus::reasserting);
  const Choice none = choice(app, "intranet.example");
  EXPECT_FALSE(none.resolver);
  EXPECT_EQ(none.decision.verdict, Verdict::drop);
  EXPECT_EQ(none.decision.tunnel, 0u);
  EXPECT_EQ(first(choice(app, "open.example")), "192.168.1.1");
  EXPECT_TRUE(is_steered(*situation_, plan_, {app, {}}, false)) << "so that it is told at once";
}

TEST_F(ChoiceTest, AProxyIsAskedOverStreams) {
  PolicyMaker maker;
  maker.app(std::string(app)).governed = {maker.per_app("V", true)};
  settings_[0].dns.servers = {address("10.9.0.1")};
  device(maker);
  ASSERT_TRUE(choice(app, "a.example").resolver);
  EXPECT_TRUE(choice(app, "a.example").resolver->stream);
}

TEST_F(ChoiceTest, AProxyWithoutResolversKnowsTheNames) {
  PolicyMaker maker;
  maker.app(std::string(app)).governed = {maker.per_app("V", true)};
  maker.domains(test::made::ListKind::excluded, 0, {"open.example"});
  device(maker);
  EXPECT_TRUE(choice(app, "intranet.example").by_proxy);
  EXPECT_EQ(first(choice(app, "intranet.example")), "none");
  EXPECT_FALSE(choice(app, "www.open.example").by_proxy);
  EXPECT_EQ(first(choice(app, "www.open.example")), "192.168.1.1");
  EXPECT_FALSE(choice("", "intranet.example").by_proxy);
  device(maker, policy::TunnelStatus::connecting);
  EXPECT_FALSE(choice(app, "intranet.example").by_proxy) << "it is dropped";
  PolicyMaker wide;
  wide.device("D", true).include_all = true;
  device(wide);
  EXPECT_FALSE(choice("", "intranet.example").by_proxy) << "whose exceptions look at addresses";
}

TEST_F(ChoiceTest, SplitDnsByThePayloadsNames) {
  PolicyMaker maker;
  const auto tunnel = maker.device("D").tunnel;
  auto dns = std::make_unique<test::made::DnsT>();
  dns->servers = {"10.9.0.1"};
  dns->search_domains = {"search.example"};
  maker.domains(test::made::ListKind::dns_supplemental, tunnel, {"corp.example"});
  dns->supplemental = 0;
  maker.body.tunnels[tunnel]->dns = std::move(dns);
  settings_[0].included_routes = {*policy::Prefix::parse("10.9.0.0/16")};
  device(maker);
  EXPECT_EQ(first(choice("", "www.corp.example")), "10.9.0.1");
  EXPECT_EQ(first(choice("", "corp.example", "9.9.9.9")), "10.9.0.1");
  EXPECT_EQ(first(choice("", "notcorp.example")), "192.168.1.1");
  EXPECT_EQ(first(choice("", "search.example")), "192.168.1.1") << "the payload says which names it answers";
  EXPECT_TRUE(is_steered(*situation_, plan_, {"", {}}, false));
  device(maker, policy::TunnelStatus::disconnected);
  EXPECT_EQ(first(choice("", "www.corp.example")), "192.168.1.1");
  EXPECT_FALSE(is_steered(*situation_, plan_, {"", {}}, false));
}

TEST_F(ChoiceTest, AResolverBesideTheTunnelsRoutesIsNotAsked) {
  PolicyMaker maker;
  maker.device("D");
  settings_[0].dns.servers = {address("10.9.0.1")};
  settings_[0].dns.match_domains = {"corp.example"};
  settings_[0].included_routes = {*policy::Prefix::parse("10.8.0.0/16")};
  device(maker);
  EXPECT_EQ(first(choice("", "www.corp.example")), "192.168.1.1");
}

TEST_F(ChoiceTest, TheProvidersNamesAndSearchDomainsAndTheDefaultRoute) {
  PolicyMaker maker;
  maker.device("D");
  settings_[0].dns.servers = {address("10.9.0.1")};
  settings_[0].dns.search_domains = {"Corp.Example."};
  settings_[0].included_routes = {*policy::Prefix::parse("10.9.0.0/16")};
  device(maker);
  EXPECT_EQ(first(choice("", "www.corp.example")), "10.9.0.1");
  EXPECT_EQ(first(choice("", "www.example")), "192.168.1.1");
  settings_[0].included_routes = {*policy::Prefix::parse("0.0.0.0/0")};
  device(maker);
  EXPECT_EQ(first(choice("", "www.example")), "10.9.0.1") << "it takes everything";
  settings_[0].dns.match_domains = {"other.example"};
  device(maker);
  EXPECT_EQ(first(choice("", "www.example", "192.168.1.1")), "192.168.1.1");
  EXPECT_EQ(first(choice("", "www.other.example")), "10.9.0.1");
}

TEST_F(ChoiceTest, ThePayloadsTransport) {
  PolicyMaker maker;
  const auto tunnel = maker.device("D").tunnel;
  auto dns = std::make_unique<test::made::DnsT>();
  dns->protocol = "HTTPS";
  dns->server_url = "https://dns.example:8443/query{?dns}";
  dns->servers = {"2001:db8::53"};
  maker.body.tunnels[tunnel]->dns = std::move(dns);
  device(maker);
  const Resolver& https = plan_.tunnels[0].resolver;
  EXPECT_EQ(https.transport, Transport::https);
  EXPECT_EQ(https.name, "dns.example");
  EXPECT_EQ(https.port, 8443);
  EXPECT_EQ(https.path, "/query");
  maker.body.tunnels[tunnel]->dns->server_url = "https://[2001:db8::1]/";
  maker.body.tunnels[tunnel]->dns->servers.clear();
  device(maker);
  EXPECT_EQ(plan_.tunnels[0].resolver.servers, std::vector{address("2001:db8::1")});
  maker.body.tunnels[tunnel]->dns->protocol = "TLS";
  maker.body.tunnels[tunnel]->dns->server_name = "dot.example";
  device(maker);
  EXPECT_EQ(plan_.tunnels[0].resolver.port, 853);
  EXPECT_TRUE(plan_.tunnels[0].resolver.servers.empty());
}

}  // namespace
}  // namespace vpn::agent::dns
