// S4 per-app VPNs, helpers and MatchTools.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using made::ListKind;
using policy::InterfaceType;
using policy::Role;
using policy::TunnelStatus;

constexpr std::string_view carried = "tunnel S4.e V @ PerApp.V";
constexpr std::string_view free_of_rules = "system S8";

class PerApp : public testing::Test {
 protected:
  PerApp() : v(maker.per_app("V")) {
    maker.services();
    maker.app("com.example.mail").governed.insert(v);
    state.up("V", "utun0");
  }
  std::string says(const policy::Flow& flow) { return test::says(maker.make(), state, flow); }
  static F web(std::string_view app = "com.example.mail") { return F("tcp", "203.0.113.80", 443).by(app); }
  void disconnect_on(std::uint32_t vpn, InterfaceType type) {
    auto rules = on_demand(made::OnDemandAction::disconnect, maker.source("OnDemandRules[0]"));
    rules->rules[0]->interface_type = static_cast<std::uint8_t>(type);
    maker.body.per_app[vpn]->on_demand = std::move(rules);
  }
  PolicyMaker maker;
  std::uint32_t v;
  S state = on_wifi();
};

// --- Whom it governs ---

class S4 : public PerApp {};

TEST_F(S4, MappedAppIsGovernedForAllHosts) {
  EXPECT_EQ(says(web()), carried);
  EXPECT_EQ(says(web().to("anything.example.org")), carried);
  EXPECT_EQ(says(F("icmp", "203.0.113.80").by("com.example.mail")), carried);
}

TEST_F(S4, OtherAppsAreNot) {
  EXPECT_EQ(says(web("other")), free_of_rules);
  EXPECT_EQ(says(web("com.example.chat")), free_of_rules);
  EXPECT_EQ(says(web("com.example.mai")), free_of_rules);
  EXPECT_EQ(says(web("com.example.mail2")), free_of_rules);
  EXPECT_EQ(says(web("COM.EXAMPLE.MAIL")), free_of_rules) << "identifiers are exact";
}

TEST_F(S4, UnattributedIsDropped) {  // ours: it may be a governed app's
  EXPECT_EQ(says(web("unattributed")), "drop S4 @ PerApp.V");
  state.tunnels.clear();
  EXPECT_EQ(says(web("unattributed")), "drop S4 @ PerApp.V");
}

TEST_F(S4, UnattributedIsFreeWithoutAPerAppVpn) {
  maker = PolicyMaker();
  maker.device("D");
  EXPECT_EQ(says(web("unattributed")), free_of_rules);
}

TEST_F(S4, UnattributedMeetsS0AndS1First) {
  EXPECT_EQ(says(F("tcp", "127.0.0.1", 80).by("unattributed")), "system S0");
  EXPECT_EQ(says(F("icmpv6", "ff02::2").type(133).by("unattributed")), "direct S1.b");
}

TEST_F(S4, ForwardedMeetsNothingOfIt) { EXPECT_EQ(says(web("forwarded")), free_of_rules); }

TEST_F(S4, HelperBelongsToTheAppThatSpawnedIt) {
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).spawned("com.example.mail")), carried);
  EXPECT_EQ(says(web("com.example.chat").spawned("com.example.mail")), carried);
  EXPECT_EQ(says(web("com.example.chat").spawned("com.example.shell")), free_of_rules);
}

TEST_F(S4, GovernedAppStaysSoWhoeverSpawnedIt) { EXPECT_EQ(says(web().spawned("com.example.shell")), carried); }

TEST_F(S4, FirstOfSeveralGoverns) {
  const std::uint32_t w = maker.per_app("W");
  maker.app("com.example.mail").governed.insert(w);
  state.up("W", "utun1");
  EXPECT_EQ(says(web()), carried);
  state.tunnels[0].status = TunnelStatus::disconnected;
  EXPECT_EQ(says(web()), "drop S4.e V @ PerApp.V") << "a drop does not fall through";
}

TEST_F(S4, HelpersOwnVpnAndItsSpawnersInOrder) {
  const std::uint32_t w = maker.per_app("W");
  maker.app("com.example.tool").governed.insert(w);
  state.up("W", "utun1");
  EXPECT_EQ(says(web("com.example.tool")), "tunnel S4.e W @ PerApp.W");
  EXPECT_EQ(says(web("com.example.tool").spawned("com.example.mail")), carried);
  EXPECT_EQ(says(web().spawned("com.example.tool")), carried);
}

TEST_F(S4, ComesBeforeS5ToS7) {
  maker.device("D").include_all = true;
  maker.device("E").enforce_routes = true;
  state.up("D", "utun1").up("E", "utun2").includes({"203.0.113.0/24"});
  EXPECT_EQ(says(web()), carried);
  EXPECT_EQ(says(web("other")), "tunnel S5.f D @ D.IncludeAllNetworks");
}

TEST_F(S4, ManyPerAppVpns) {
  maker = PolicyMaker();
  for (int i = 0; i < 130; ++i) maker.per_app("V" + std::to_string(i));
  for (const std::uint32_t i : {0u, 63u, 64u, 129u}) maker.app("app" + std::to_string(i)).governed.insert(i);
  state.up("V0", "t0").up("V63", "t63").up("V64", "t64").up("V129", "t129");
  EXPECT_EQ(says(web("app0")), "tunnel S4.e V0 @ PerApp.V0");
  EXPECT_EQ(says(web("app63")), "tunnel S4.e V63 @ PerApp.V63");
  EXPECT_EQ(says(web("app64")), "tunnel S4.e V64 @ PerApp.V64");
  EXPECT_EQ(says(web("app129")), "tunnel S4.e V129 @ PerApp.V129");
}

// --- S4.a ---

class S4a : public PerApp {};

TEST_F(S4a, DisconnectBypassesTheVpn) {
  disconnect_on(v, InterfaceType::wifi);
  EXPECT_EQ(says(web()), free_of_rules);
  state.interfaces[0].type = InterfaceType::cellular;
  EXPECT_EQ(says(web()), carried) << "another network";
}

TEST_F(S4a, OnlyWhileOnDemandIsEnabled) {
  disconnect_on(v, InterfaceType::wifi);
  maker.body.per_app[v]->on_demand->enabled = false;
  EXPECT_EQ(says(web()), carried);
}

TEST_F(S4a, OnlyTheFirstMatchingRuleCounts) {
  disconnect_on(v, InterfaceType::wifi);
  auto first = on_demand(made::OnDemandAction::ignore, maker.source("OnDemandRules[0]"));
  auto& rules = maker.body.per_app[v]->on_demand->rules;
  rules.insert(rules.begin(), std::move(first->rules[0]));
  EXPECT_EQ(says(web()), carried);
}

TEST_F(S4a, OtherActionsDoNotBypass) {
  for (const auto action : {made::OnDemandAction::ignore, made::OnDemandAction::connect, made::OnDemandAction::evaluate,
                            made::OnDemandAction::allow}) {
    maker.body.per_app[v]->on_demand = on_demand(action, maker.source("OnDemandRules[0]"));
    EXPECT_EQ(says(web()), carried) << static_cast<int>(action);
  }
}

TEST_F(S4a, TheNextVpnTakesOver) {
  disconnect_on(v, InterfaceType::wifi);
  maker.app("com.example.mail").governed.insert(maker.per_app("W"));
  state.up("W", "utun1");
  EXPECT_EQ(says(web()), "tunnel S4.e W @ PerApp.W");
}

TEST_F(S4a, NoneLeftGoesOnToS5) {
  disconnect_on(v, InterfaceType::wifi);
  maker.device("D").include_all = true;
  state.up("D", "utun1");
  EXPECT_EQ(says(web()), "tunnel S5.f D @ D.IncludeAllNetworks");
}

// --- S4.b ---

class S4b : public PerApp {
 protected:
  S4b() { maker.domains(ListKind::excluded, v, {"example.com", "*.example.net"}); }
};

TEST_F(S4b, ExcludedDomainBypassesTheVpn) {
  EXPECT_EQ(says(web().to("example.com")), free_of_rules);
  EXPECT_EQ(says(web().to("www.example.com")), free_of_rules);
  EXPECT_EQ(says(web().to("www.example.net")), free_of_rules);
  EXPECT_EQ(says(web().to("example.net")), carried);
  EXPECT_EQ(says(web().to("badexample.com")), carried);
}

TEST_F(S4b, UnknownNameIsNotExcluded) {
  EXPECT_EQ(says(web()), carried);
  EXPECT_EQ(says(web().to("not a name")), carried);
}

TEST_F(S4b, OfThisVpnOnly) {
  const std::uint32_t w = maker.per_app("W");
  maker.app("com.example.chat").governed.insert(w);
  maker.app("com.example.mail").governed.insert(w);
  state.up("W", "utun1");
  EXPECT_EQ(says(web("com.example.chat").to("example.com")), "tunnel S4.e W @ PerApp.W");
  EXPECT_EQ(says(web().to("example.com")), "tunnel S4.e W @ PerApp.W") << "the next one";
}

TEST_F(S4b, ExcludedWhateverTheStatus) {
  state.tunnels.clear();
  EXPECT_EQ(says(web().to("example.com")), free_of_rules);
  EXPECT_EQ(says(web()), "drop S4.e V @ PerApp.V");
}

TEST_F(S4b, HelpersToo) {
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).spawned("com.example.mail").to("example.com")), free_of_rules);
}

// --- S4.c ---

class S4c : public PerApp {
 protected:
  S4c() {
    maker.domains(ListKind::safari, v, {"intern.example.com"});
    maker.domains(ListKind::mail, v, {"mail.example.com"});
    maker.domains(ListKind::calendar, v, {"cal.example.com"});
    maker.domains(ListKind::contacts, v, {"contacts.example.com"});
    maker.domains(ListKind::smb, v, {"files.example.com"});
    maker.domains(ListKind::associated, v, {"assoc.example.com"});
    maker.app("a.browser", {Role::browser});
    maker.app("a.mail", {Role::mail});
    maker.app("a.calendar", {Role::calendar});
    maker.app("a.contacts", {Role::contacts});
    maker.app("a.smb", {Role::smb});
  }
};

TEST_F(S4c, EachRoleByItsOwnList) {
  const std::pair<const char*, const char*> pairs[] = {{"a.browser", "intern.example.com"},
                                                       {"a.mail", "mail.example.com"},
                                                       {"a.calendar", "cal.example.com"},
                                                       {"a.contacts", "contacts.example.com"},
                                                       {"a.smb", "files.example.com"}};
  for (const auto& [app, own] : pairs)
    for (const auto& [ignored, host] : pairs)
      EXPECT_EQ(says(web(app).to(host)), std::string_view(own) == host ? carried : free_of_rules) << app << " " << host;
}

TEST_F(S4c, OnlyForMatchingHosts) {
  EXPECT_EQ(says(web("a.browser").to("x.intern.example.com")), carried);
  EXPECT_EQ(says(web("a.browser").to("example.com")), free_of_rules);
  EXPECT_EQ(says(web("a.browser")), free_of_rules) << "an unknown name matches no list";
}

TEST_F(S4c, OnlyAppsWithTheRole) { EXPECT_EQ(says(web("other").to("intern.example.com")), free_of_rules); }

TEST_F(S4c, MappedAndTriggered) {
  maker.app("com.example.mail", {Role::browser});
  EXPECT_EQ(says(web().to("example.org")), carried) << "mapped: for all hosts";
}

TEST_F(S4c, ExcludedBeatsTriggered) {
  maker.domains(ListKind::excluded, v, {"public.intern.example.com"});
  EXPECT_EQ(says(web("a.browser").to("public.intern.example.com")), free_of_rules);
  EXPECT_EQ(says(web("a.browser").to("intern.example.com")), carried);
}

TEST_F(S4c, HelperCountsWithItsSpawnersRoles) {
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).spawned("a.browser").to("intern.example.com")), carried);
  EXPECT_EQ(says(web("a.mail").spawned("a.browser").to("intern.example.com")), carried);
  EXPECT_EQ(says(web("a.mail").spawned("a.browser").to("mail.example.com")), carried);
  EXPECT_EQ(says(web("a.mail").spawned("a.browser").to("files.example.com")), free_of_rules);
}

TEST_F(S4c, AssociatedDomainsOnlyTriggerOnDemand) {
  for (const char* app : {"a.browser", "a.mail", "a.smb", "other"})
    EXPECT_EQ(says(web(app).to("assoc.example.com")), free_of_rules) << app;
}

TEST_F(S4c, SeveralRolesOfOneApp) {
  maker.app("a.suite", {Role::mail, Role::calendar});
  EXPECT_EQ(says(web("a.suite").to("mail.example.com")), carried);
  EXPECT_EQ(says(web("a.suite").to("cal.example.com")), carried);
  EXPECT_EQ(says(web("a.suite").to("intern.example.com")), free_of_rules);
}

TEST_F(S4c, SecondVpnTakesWhatTheFirstDoesNotName) {
  const std::uint32_t w = maker.per_app("W");
  maker.domains(ListKind::safari, w, {"example.com"});
  state.up("W", "utun1");
  EXPECT_EQ(says(web("a.browser").to("intern.example.com")), carried);
  EXPECT_EQ(says(web("a.browser").to("example.com")), "tunnel S4.e W @ PerApp.W");
}

// --- S4.d ---

class S4d : public PerApp {
 protected:
  S4d() { maker.app("a.terminal").tools[v] = {"/usr/bin/ssh", "org.example.git"}; }
};

TEST_F(S4d, OnlyTheToolsNamedSpawnedByTheApp) {
  EXPECT_EQ(says(web("/usr/bin/ssh").spawned("a.terminal")), carried);
  EXPECT_EQ(says(web("org.example.git").spawned("a.terminal")), carried);
  EXPECT_EQ(says(web("a.terminal")), free_of_rules) << "not the app itself";
  EXPECT_EQ(says(web("/usr/bin/curl").spawned("a.terminal")), free_of_rules);
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).spawned("a.terminal")), free_of_rules);
}

TEST_F(S4d, NotSpawnedByAnotherApp) {
  EXPECT_EQ(says(web("/usr/bin/ssh")), free_of_rules);
  EXPECT_EQ(says(web("/usr/bin/ssh").spawned("a.shell")), free_of_rules);
}

TEST_F(S4d, WithoutToolsTheAppAndAllThatItSpawns) {
  EXPECT_EQ(says(web()), carried);
  EXPECT_EQ(says(web("/usr/bin/ssh").spawned("com.example.mail")), carried);
  EXPECT_EQ(says(web("/usr/bin/curl").spawned("com.example.mail")), carried);
}

TEST_F(S4d, ToolsOfSeveralVpns) {
  const std::uint32_t w = maker.per_app("W");
  maker.app("a.terminal").tools[w] = {"/usr/bin/curl"};
  state.up("W", "utun1");
  EXPECT_EQ(says(web("/usr/bin/ssh").spawned("a.terminal")), carried);
  EXPECT_EQ(says(web("/usr/bin/curl").spawned("a.terminal")), "tunnel S4.e W @ PerApp.W");
}

TEST_F(S4d, ToolsDoNotNarrowADomainTriggeredRole) {
  maker.app("a.terminal", {Role::browser});
  maker.domains(ListKind::safari, v, {"intern.example.com"});
  EXPECT_EQ(says(web("a.terminal").to("intern.example.com")), carried);
  EXPECT_EQ(says(web("a.terminal").to("example.com")), free_of_rules);
}

// --- S4.e ---

class S4e : public PerApp {};

TEST_F(S4e, EveryOtherStatusDrops) {
  for (const auto status : {TunnelStatus::invalid, TunnelStatus::disconnected, TunnelStatus::connecting,
                            TunnelStatus::reasserting, TunnelStatus::disconnecting}) {
    state.tunnels[0].status = status;
    EXPECT_EQ(says(web()), "drop S4.e V @ PerApp.V") << to_string(status);
  }
  state.tunnels.clear();
  EXPECT_EQ(says(web()), "drop S4.e V @ PerApp.V") << "not listed";
}

TEST_F(S4e, AppProxyCarriesTcpAndUdp) {
  maker.app("com.example.chat").governed.insert(maker.per_app("P", true));
  state.up("P", "");
  EXPECT_EQ(says(web("com.example.chat")), "proxy S4.e P @ PerApp.P");
  EXPECT_EQ(says(F("udp", "203.0.113.80", 443).by("com.example.chat")), "proxy S4.e P @ PerApp.P");
  for (const char* protocol : {"icmp", "sctp", "esp", "136"})
    EXPECT_EQ(says(F(protocol, "203.0.113.80").by("com.example.chat")), "drop S4.e P @ PerApp.P") << protocol;
  state.tunnels.back().status = TunnelStatus::reasserting;
  EXPECT_EQ(says(web("com.example.chat")), "drop S4.e P @ PerApp.P");
}

TEST_F(S4e, ScopeIsOverridden) {
  EXPECT_EQ(says(web().bound("wlan0")), carried);
  state.tunnels.clear();
  EXPECT_EQ(says(web().bound("wlan0")), "drop S4.e V @ PerApp.V");
}

TEST_F(S4e, LocalDestinationsAndLookupsToo) {
  EXPECT_EQ(says(F("tcp", "192.168.1.50", 80).by("com.example.mail")), carried);
  EXPECT_EQ(says(F("udp", "192.168.1.1", 53).by("com.example.mail")), carried);
}

TEST_F(S4e, TunnelStateIsFoundWithoutCase) {
  state.tunnels[0].id = "v";
  EXPECT_EQ(says(web()), carried);
}

}  // namespace
}  // namespace vpn::test
