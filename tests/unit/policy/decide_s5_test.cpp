// S5 include all networks.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::InterfaceType;
using policy::Role;
using policy::Service;
using policy::TunnelStatus;

constexpr std::string_view carried = "tunnel S5.f D @ D.IncludeAllNetworks";
constexpr std::string_view held = "drop S5.f D @ D.IncludeAllNetworks";

class IncludeAll : public testing::Test {
 protected:
  IncludeAll() {
    maker.services();
    maker.device("D").include_all = true;
    maker.app("a.websheet", {Role::captive_websheet});
    maker.app("a.plugin", {Role::captive_plugin});
    maker.app("a.companion", {Role::companion});
    maker.app("a.device", {Role::device_communication});
    maker.app("a.phone", {Role::cellular_services});
    maker.app("a.voicemail", {Role::voicemail});
    state.up("D", "utun0");
  }
  made::DeviceT& d() { return *maker.body.devices[0]; }
  std::string says(const policy::Flow& flow) { return test::says(maker.make(), state, flow); }
  static F web(std::string_view app = "other") { return F("tcp", "203.0.113.80", 443).by(app); }
  PolicyMaker maker;
  S state = on_wifi();
};

// --- Engaged ---

class S5 : public IncludeAll {};

TEST_F(S5, EngagedByStatus) {
  for (const auto status : {TunnelStatus::connecting, TunnelStatus::reasserting, TunnelStatus::disconnecting}) {
    state.tunnels[0].status = status;
    EXPECT_EQ(says(web()), held) << to_string(status);
  }
  for (const auto status : {TunnelStatus::invalid, TunnelStatus::disconnected}) {
    state.tunnels[0].status = status;
    EXPECT_EQ(says(web()), "system S8") << to_string(status);
  }
}

TEST_F(S5, TunnelThatIsNotListedIsNotEngaged) {
  state.tunnels.clear();
  EXPECT_EQ(says(web()), "system S8");
}

TEST_F(S5, DisconnectedIsEngagedWhenTheNetworkSaysConnect) {
  d().on_demand = on_demand(made::OnDemandAction::connect, maker.source("OnDemandRules[0]"));
  state.tunnels[0].status = TunnelStatus::disconnected;
  EXPECT_EQ(says(web()), held);
  d().on_demand->enabled = false;
  EXPECT_EQ(says(web()), "system S8");
}

TEST_F(S5, InvalidIsNeverEngaged) {
  d().on_demand = on_demand(made::OnDemandAction::connect, maker.source("OnDemandRules[0]"));
  state.tunnels[0].status = TunnelStatus::invalid;
  EXPECT_EQ(says(web()), "system S8");
}

TEST_F(S5, OtherActionsDoNotEngage) {
  state.tunnels[0].status = TunnelStatus::disconnected;
  for (const auto action : {made::OnDemandAction::ignore, made::OnDemandAction::disconnect,
                            made::OnDemandAction::evaluate, made::OnDemandAction::allow}) {
    d().on_demand = on_demand(action, maker.source("OnDemandRules[0]"));
    EXPECT_EQ(says(web()), "system S8") << static_cast<int>(action);
  }
}

TEST_F(S5, OnDemandDisconnectDoesNotDisengageAConnectedVpn) {
  d().on_demand = on_demand(made::OnDemandAction::disconnect, maker.source("OnDemandRules[0]"));
  EXPECT_EQ(says(web()), carried);
}

TEST_F(S5, BootingDeviceWithConnectOnEveryNetworkHoldsBack) {
  d().on_demand = on_demand(made::OnDemandAction::connect, maker.source("OnDemandRules[0]"));
  state = S();
  EXPECT_EQ(says(web()), held) << "a rule without criteria holds without a network";
}

TEST_F(S5, WithoutIncludeAllNetworksItIsNothing) {
  d().include_all = false;
  EXPECT_EQ(says(web()), "system S8");
}

TEST_F(S5, EngagedSecondOnly) {
  maker.device("E").include_all = true;
  state.tunnels[0].status = TunnelStatus::disconnected;
  state.up("E", "utun1");
  EXPECT_EQ(says(web()), "tunnel S5.f E @ E.IncludeAllNetworks");
}

TEST_F(S5, FirstEngagedDecides) {
  maker.device("E").include_all = true;
  state.up("E", "utun1");
  state.tunnels[0].status = TunnelStatus::connecting;
  EXPECT_EQ(says(web()), held) << "not the second, though it is connected";
}

TEST_F(S5, ComesBeforeS6OfAnEarlierVpn) {
  maker = PolicyMaker();
  maker.device("E").enforce_routes = true;
  maker.device("D").include_all = true;
  state.up("E", "utun1").includes({"203.0.113.0/24"});
  EXPECT_EQ(says(web()), carried);
}

// --- S5.a ---

class S5a : public IncludeAll {};

TEST_F(S5a, CaptiveAppsWhileCaptive) {
  EXPECT_EQ(says(web("a.websheet")), carried);
  state.behind_portal();
  EXPECT_EQ(says(web("a.websheet")), "direct S5.a @ D.IncludeAllNetworks");
  EXPECT_EQ(says(web("a.plugin")), "direct S5.a @ D.IncludeAllNetworks");
  EXPECT_EQ(says(web()), carried);
}

TEST_F(S5a, NotForHelpers) {  // ours
  state.behind_portal();
  EXPECT_EQ(says(web().spawned("a.websheet")), carried);
}

TEST_F(S5a, AlsoWhileNotConnected) {
  state.behind_portal().tunnels[0].status = TunnelStatus::connecting;
  EXPECT_EQ(says(web("a.plugin")), "direct S5.a @ D.IncludeAllNetworks");
}

// --- S5.b ---

class S5b : public IncludeAll {};

TEST_F(S5b, CompanionAlways) {
  EXPECT_EQ(says(web("a.companion")), "direct S5.b @ D.IncludeAllNetworks");
  EXPECT_EQ(says(web().of(Service::companion)), "direct S5.b @ D.IncludeAllNetworks");
}

TEST_F(S5b, DeviceCommunicationUnlessSwitchedOff) {
  d().exclude_device_communication = true;  // what an absent key means
  EXPECT_EQ(says(web("a.device")), "direct S5.b @ D.ExcludeDeviceCommunication");
  d().exclude_device_communication = false;
  EXPECT_EQ(says(web("a.device")), carried);
  EXPECT_EQ(says(web("a.companion")), "direct S5.b @ D.IncludeAllNetworks") << "companion has no switch";
}

// --- S5.c ---

class S5c : public IncludeAll {};

TEST_F(S5c, LocalNetworksWhenExcluded) {
  EXPECT_EQ(says(F("tcp", "192.168.1.50", 80)), carried) << "absent on Linux and macOS: 0";
  d().exclude_local = true;
  EXPECT_EQ(says(F("tcp", "192.168.1.50", 80)), "direct S5.c @ D.ExcludeLocalNetworks");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 80)), carried);
}

TEST_F(S5c, ForwardedAndUnattributedMeetIt) {
  d().exclude_local = true;
  for (const char* who : {"forwarded", "unattributed"}) {
    EXPECT_EQ(says(F("tcp", "192.168.1.50", 80).by(who)), "direct S5.c @ D.ExcludeLocalNetworks") << who;
    EXPECT_EQ(says(web(who)), carried) << who;
  }
}

TEST_F(S5c, AlsoWhileNotConnected) {
  d().exclude_local = true;
  state.tunnels[0].status = TunnelStatus::reasserting;
  EXPECT_EQ(says(F("tcp", "192.168.1.50", 80)), "direct S5.c @ D.ExcludeLocalNetworks");
}

TEST_F(S5c, RogueNetworkIsNotLocal) {  // ours; CVE-2023-36672
  d().exclude_local = true;
  state.interface("eth0", InterfaceType::ethernet, {"203.0.113.1/24"});
  EXPECT_EQ(says(web()), carried);
}

// --- S5.d ---

class S5d : public IncludeAll {};

TEST_F(S5d, CellularServicesAndVoicemailUnlessSwitchedOff) {
  d().exclude_cellular = true;
  EXPECT_EQ(says(web("a.phone")), "direct S5.d @ D.ExcludeCellularServices");
  EXPECT_EQ(says(web("a.voicemail")), "direct S5.d @ D.ExcludeCellularServices");
  d().exclude_cellular = false;
  EXPECT_EQ(says(web("a.phone")), carried);
  EXPECT_EQ(says(web("a.voicemail")), carried);
}

TEST_F(S5d, CellularOnlyNeedsNoSwitch) { EXPECT_EQ(says(web().of(Service::cellular_only)), "direct S1.e"); }

// --- S5.e ---

class S5e : public IncludeAll {};

TEST_F(S5e, ApnsUnlessSwitchedOff) {
  d().exclude_apns = true;
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 5223)), "direct S5.e @ D.ExcludeAPNs");
  d().exclude_apns = false;
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 5223)), carried);
}

TEST_F(S5e, NotWithoutAnApp) {
  d().exclude_apns = d().exclude_cellular = d().exclude_device_communication = true;
  for (const char* who : {"forwarded", "unattributed"}) {
    EXPECT_EQ(says(F("tcp", "17.249.1.1", 5223).by(who)), carried) << who;
    for (const auto service : {Service::apns, Service::companion, Service::voicemail, Service::device_communication})
      EXPECT_EQ(says(web(who).of(service)), carried) << who;
  }
}

TEST_F(S5e, EarlierLettersComeFirst) {
  d().exclude_apns = d().exclude_cellular = d().exclude_local = d().exclude_device_communication = true;
  state.interface("eth0", InterfaceType::ethernet, {"10.0.0.2/24"}).behind_portal();
  maker.app("a.all", {Role::captive_plugin, Role::companion, Role::cellular_services});
  EXPECT_EQ(says(F("tcp", "10.0.0.7", 443).by("a.all")), "direct S5.a @ D.IncludeAllNetworks");
  state.captive = false;
  EXPECT_EQ(says(F("tcp", "10.0.0.7", 443).by("a.all")), "direct S5.b @ D.IncludeAllNetworks");
  EXPECT_EQ(says(F("tcp", "10.0.0.7", 443).by("a.phone")), "direct S5.c @ D.ExcludeLocalNetworks");
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443).by("a.phone")), "direct S5.d @ D.ExcludeCellularServices");
}

// --- S5.f ---

class S5f : public IncludeAll {};

TEST_F(S5f, EverythingElse) {
  for (const char* protocol : {"tcp", "udp", "icmp", "esp", "47"})
    EXPECT_EQ(says(F(protocol, "203.0.113.80")), carried) << protocol;
  EXPECT_EQ(says(F("tcp", "2001:db8::80", 443)), carried);
}

TEST_F(S5f, RoutesAndScopeDoNotMatter) {
  state.excludes({"203.0.113.0/24"}).system_route("203.0.113.0/24");
  EXPECT_EQ(says(web()), carried);
  EXPECT_EQ(says(web().bound("wlan0")), carried);
}

TEST_F(S5f, AppProxyCarriesTcpAndUdpAndDropsTheRest) {
  maker = PolicyMaker();
  maker.device("D", true).include_all = true;
  EXPECT_EQ(says(web()), "proxy S5.f D @ D.IncludeAllNetworks");
  EXPECT_EQ(says(F("udp", "203.0.113.80", 443)), "proxy S5.f D @ D.IncludeAllNetworks");
  for (const char* protocol : {"icmp", "sctp"}) EXPECT_EQ(says(F(protocol, "203.0.113.80")), held) << protocol;
  state.tunnels[0].status = TunnelStatus::connecting;
  EXPECT_EQ(says(web()), held);
}

TEST_F(S5f, LookupsGoThroughTheTunnel) {  // ours: the names of everything would leak
  d().exclude_local = true;
  EXPECT_EQ(says(F("udp", "192.168.1.1", 53)), carried);
}

}  // namespace
}  // namespace vpn::test
