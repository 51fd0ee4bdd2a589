// S3 always-on.
#include <gtest/gtest.h>

#include "tests/support/policy_maker.h"
#include "tests/support/verdicts.h"

namespace vpn::test {
namespace {

using policy::InterfaceType;
using policy::Role;
using policy::Service;
using policy::TunnelStatus;

constexpr std::string_view carried = "tunnel S3.e A#0 @ TunnelConfigurations[0]";

class AlwaysOn : public testing::Test {
 protected:
  AlwaysOn() {
    maker.always_on_tunnel("A#0");
    maker.services();
    maker.app("com.example.mail");
    state.up("A#0", "utun0");
  }
  std::string says(const policy::Flow& flow) { return test::says(maker.make(), state, flow); }
  static F web(std::string_view app = "com.example.mail") { return F("tcp", "203.0.113.80", 443).by(app); }
  PolicyMaker maker;
  S state = on_wifi();
};

// --- S3.a ---

class S3a : public AlwaysOn {
 protected:
  S3a() {
    maker.app("a.websheet", {Role::captive_websheet});
    maker.app("a.plugin", {Role::captive_plugin});
    maker.app("a.listed").captive_plugin = maker.source("AllowedCaptiveNetworkPlugins[0]");
    state.behind_portal();
  }
};

TEST_F(S3a, NothingByDefault) {
  maker.app("a.listed").captive_plugin = policy::none;
  for (const char* app : {"a.websheet", "a.plugin", "a.listed", "com.example.mail"}) EXPECT_EQ(says(web(app)), carried);
}

TEST_F(S3a, WebSheet) {
  maker.always_on().captive_websheet = true;
  EXPECT_EQ(says(web("a.websheet")), "direct S3.a @ AllowCaptiveWebSheet");
  EXPECT_EQ(says(web("a.plugin")), carried);
}

TEST_F(S3a, AllPlugins) {
  maker.always_on().captive_all = true;
  EXPECT_EQ(says(web("a.plugin")), "direct S3.a @ AllowAllCaptiveNetworkPlugins");
  EXPECT_EQ(says(web("a.websheet")), carried);
  EXPECT_EQ(says(web("com.example.mail")), carried);
}

TEST_F(S3a, ListIsReadOnlyWithoutAllPlugins) {
  EXPECT_EQ(says(web("a.listed")), "direct S3.a @ AllowedCaptiveNetworkPlugins[0]");
  EXPECT_EQ(says(web("a.plugin")), carried) << "not in the list";
  maker.always_on().captive_all = true;
  EXPECT_EQ(says(web("a.listed")), carried) << "not a captive-networking app";
}

TEST_F(S3a, OnlyWhileCaptive) {
  state.captive = false;
  maker.always_on().captive_websheet = maker.always_on().captive_all = true;
  for (const char* app : {"a.websheet", "a.plugin", "a.listed"}) EXPECT_EQ(says(web(app)), carried) << app;
}

TEST_F(S3a, AlsoWhenNoTunnelCarries) {
  maker.always_on().captive_websheet = true;
  state.tunnels[0].status = TunnelStatus::disconnected;
  EXPECT_EQ(says(web("a.websheet")), "direct S3.a @ AllowCaptiveWebSheet");
  EXPECT_EQ(says(web()), "drop S3.e A#0 @ TunnelConfigurations[0]");
}

TEST_F(S3a, LookupsOfTheCaptiveAppGoToTheNetwork) {
  maker.always_on().captive_websheet = true;
  EXPECT_EQ(says(F("udp", "192.168.1.1", 53).by("a.websheet")), "direct S3.a @ AllowCaptiveWebSheet");
}

TEST_F(S3a, NotForHelpers) {  // ours
  maker.always_on().captive_websheet = true;
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).spawned("a.websheet")), carried);
  EXPECT_EQ(says(web().spawned("a.listed")), carried);
}

TEST_F(S3a, ComesBeforeServiceAndApplicationExceptions) {
  maker.always_on().captive_websheet = true;
  maker.service_exception(Service::apns, true);
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443).by("a.websheet")), "direct S3.a @ AllowCaptiveWebSheet");
}

// --- S3.b ---

class S3b : public AlwaysOn {};

TEST_F(S3b, AllowIsDirectAndDropIsDrop) {
  maker.service_exception(Service::airprint, false);
  maker.service_exception(Service::apns, true);
  EXPECT_EQ(says(F("udp", "224.0.0.251", 5353)), "direct S3.b @ ServiceExceptions[0]");
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443)), "drop S3.b @ ServiceExceptions[1]");
}

TEST_F(S3b, ServiceThatIsNotNamedGoesOn) {
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443)), carried);
  maker.service_exception(Service::airprint, false);
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443)), carried);
}

TEST_F(S3b, FirstEntryOfAServiceWins) {
  maker.service_exception(Service::apns, true);
  maker.service_exception(Service::apns, false);
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443)), "drop S3.b @ ServiceExceptions[0]");
}

TEST_F(S3b, FlowOfTwoServicesTakesTheFirstEntry) {
  maker.app("a.phone", {Role::cellular_services, Role::voicemail});
  maker.service_exception(Service::voicemail, true);
  maker.service_exception(Service::cellular_services, false);
  EXPECT_EQ(says(web("a.phone")), "drop S3.b @ ServiceExceptions[0]");
}

TEST_F(S3b, ComesBeforeApplicationExceptions) {
  maker.service_exception(Service::apns, true);
  maker.app("com.example.mail").exception_any = maker.source("ApplicationExceptions[0]");
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443).by("com.example.mail")), "drop S3.b @ ServiceExceptions[0]");
}

TEST_F(S3b, AlsoWithoutAPrimaryInterface) {
  maker.service_exception(Service::apns, false);
  state.primary("");
  EXPECT_EQ(says(F("tcp", "17.249.1.1", 443)), "direct S3.b @ ServiceExceptions[0]");
}

// --- S3.c ---

class S3c : public AlwaysOn {};

TEST_F(S3c, NamedAppIsDirect) {
  maker.app("com.example.mail").exception_any = maker.source("ApplicationExceptions[0]");
  EXPECT_EQ(says(web()), "direct S3.c @ ApplicationExceptions[0]");
  EXPECT_EQ(says(F("icmp", "203.0.113.80").by("com.example.mail")), "direct S3.c @ ApplicationExceptions[0]");
  EXPECT_EQ(says(web("other")), carried);
  EXPECT_EQ(says(web("com.example.mail2")), carried);
}

TEST_F(S3c, LimitToProtocols) {
  maker.app("com.example.mail").exception_udp = maker.source("ApplicationExceptions[0]");
  maker.app("com.example.chat").exception_tcp = maker.source("ApplicationExceptions[1]");
  EXPECT_EQ(says(F("udp", "203.0.113.80", 443).by("com.example.mail")), "direct S3.c @ ApplicationExceptions[0]");
  EXPECT_EQ(says(web()), carried);
  EXPECT_EQ(says(F("icmp", "203.0.113.80").by("com.example.mail")), carried);
  EXPECT_EQ(says(web("com.example.chat")), "direct S3.c @ ApplicationExceptions[1]");
  EXPECT_EQ(says(F("udp", "203.0.113.80", 443).by("com.example.chat")), carried);
}

TEST_F(S3c, BothProtocolsEachFromItsEntry) {
  MadeApp& app = maker.app("com.example.mail");
  app.exception_udp = maker.source("ApplicationExceptions[0]");
  app.exception_tcp = maker.source("ApplicationExceptions[1]");
  EXPECT_EQ(says(F("udp", "203.0.113.80", 443).by("com.example.mail")), "direct S3.c @ ApplicationExceptions[0]");
  EXPECT_EQ(says(web()), "direct S3.c @ ApplicationExceptions[1]");
  EXPECT_EQ(says(F("sctp", "203.0.113.80", 443).by("com.example.mail")), carried);
}

TEST_F(S3c, EmptyLimitExemptsNothing) { EXPECT_EQ(says(web()), carried); }

TEST_F(S3c, NotForHelpers) {  // ours: an exempt terminal must not exempt all that it starts
  maker.app("com.example.terminal").exception_any = maker.source("ApplicationExceptions[0]");
  EXPECT_EQ(says(F("tcp", "203.0.113.80", 443).spawned("com.example.terminal")), carried);
  EXPECT_EQ(says(web().spawned("com.example.terminal")), carried);
}

TEST_F(S3c, NotWithoutAnApp) {
  maker.app("unattributed").exception_any = maker.source("ApplicationExceptions[0]");
  maker.app("forwarded").exception_any = maker.source("ApplicationExceptions[1]");
  maker.app("other").exception_any = maker.source("ApplicationExceptions[2]");
  for (const char* who : {"unattributed", "forwarded", "other"}) EXPECT_EQ(says(web(who)), carried) << who;
}

// --- S3.d ---

class S3d : public AlwaysOn {
 protected:
  std::string on(InterfaceType type) {
    state = S();
    state.interface("if0", type, {"192.168.1.20/24"}).primary("if0").up("A#0", "utun0").up("A#1", "utun1");
    return says(web());
  }
};

TEST_F(S3d, FirstTunnelForThePrimaryInterfacesType) {
  maker = PolicyMaker();
  maker.always_on_tunnel("A#0", 2);  // cellular
  maker.always_on_tunnel("A#1", 1);  // Wi-Fi
  EXPECT_EQ(on(InterfaceType::wifi), "tunnel S3.e A#1 @ TunnelConfigurations[1]");
  EXPECT_EQ(on(InterfaceType::cellular), "tunnel S3.e A#0 @ TunnelConfigurations[0]");
}

TEST_F(S3d, EthernetAndOtherCountAsWiFi) {  // ours
  maker = PolicyMaker();
  maker.always_on_tunnel("A#0", 2);
  maker.always_on_tunnel("A#1", 1);
  EXPECT_EQ(on(InterfaceType::ethernet), "tunnel S3.e A#1 @ TunnelConfigurations[1]");
  EXPECT_EQ(on(InterfaceType::other), "tunnel S3.e A#1 @ TunnelConfigurations[1]");
}

TEST_F(S3d, AbsentOrEmptyInterfacesAreAll) {
  maker = PolicyMaker();
  maker.always_on_tunnel("A#0", 0);
  maker.always_on_tunnel("A#1", 1);
  for (const auto type : {InterfaceType::wifi, InterfaceType::cellular, InterfaceType::ethernet, InterfaceType::other})
    EXPECT_EQ(on(type), carried);
}

TEST_F(S3d, NoTunnelForTheTypeIsDrop) {
  maker = PolicyMaker();
  maker.always_on_tunnel("A#0", 2);
  EXPECT_EQ(on(InterfaceType::wifi), "drop S3.d @ TunnelConfigurations");
}

TEST_F(S3d, NoPrimaryInterfaceIsDrop) {
  state.primary("");
  EXPECT_EQ(says(web()), "drop S3.d @ TunnelConfigurations");
  state = S();
  EXPECT_EQ(says(web()), "drop S3.d @ TunnelConfigurations") << "a booting device";
}

TEST_F(S3d, PrimaryInterfaceThatIsNotListedIsNone) {
  state.primary("wlan7");
  EXPECT_EQ(says(web()), "drop S3.d @ TunnelConfigurations");
}

TEST_F(S3d, TunnelIsNoPrimaryInterface) {
  state.interface("utun0", InterfaceType::other, {"10.8.0.2/24"}).primary("utun0");
  EXPECT_EQ(says(web()), "drop S3.d @ TunnelConfigurations");
}

TEST_F(S3d, TheFirstTunnelCarriesEvenWhenAnotherIsConnected) {
  maker = PolicyMaker();
  maker.always_on_tunnel("A#0");
  maker.always_on_tunnel("A#1");
  state = on_wifi();
  state.tunnel("A#0", TunnelStatus::connecting).up("A#1", "utun1");
  EXPECT_EQ(says(web()), "drop S3.e A#0 @ TunnelConfigurations[0]");
}

// --- S3.e ---

class S3e : public AlwaysOn {};

TEST_F(S3e, OnlyConnectedCarries) {
  EXPECT_EQ(says(web()), carried);
  for (const auto status : {TunnelStatus::invalid, TunnelStatus::disconnected, TunnelStatus::connecting,
                            TunnelStatus::reasserting, TunnelStatus::disconnecting}) {
    state.tunnels[0].status = status;
    EXPECT_EQ(says(web()), "drop S3.e A#0 @ TunnelConfigurations[0]") << to_string(status);
  }
}

TEST_F(S3e, TunnelThatIsNotListedIsDisconnected) {
  state.tunnels.clear();
  EXPECT_EQ(says(web()), "drop S3.e A#0 @ TunnelConfigurations[0]");
}

TEST_F(S3e, AUserWhoSwitchedItOffDropsAsWell) {
  maker.always_on().user_toggle = true;
  state.tunnels[0].status = TunnelStatus::disconnected;
  EXPECT_EQ(says(web()), "drop S3.e A#0 @ TunnelConfigurations[0]");
}

TEST_F(S3e, ForwardedAndUnattributedMeetIt) {
  for (const char* who : {"forwarded", "unattributed"}) EXPECT_EQ(says(web(who)), carried) << who;
}

TEST_F(S3e, ScopeDoesNotMatter) { EXPECT_EQ(says(web().bound("wlan0")), carried); }

TEST_F(S3e, LocalNetworksAreNoException) {
  EXPECT_EQ(says(F("tcp", "192.168.1.50", 80)), carried);
  EXPECT_EQ(says(F("udp", "255.255.255.255", 9)), carried);
}

TEST_F(S3e, NothingAfterS3IsReached) {
  const std::uint32_t v = maker.per_app("V");
  maker.app("com.example.mail").governed.insert(v);
  made::DeviceT& d = maker.device("D");
  d.include_all = d.exclude_local = true;
  state.up("V", "utun1").up("D", "utun2");
  EXPECT_EQ(says(web()), carried);
  EXPECT_EQ(says(F("tcp", "192.168.1.50", 80)), carried);
  EXPECT_EQ(says(web("unattributed")), carried) << "S4's drop comes later";
  state.primary("");
  EXPECT_EQ(says(web()), "drop S3.d @ TunnelConfigurations");
}

}  // namespace
}  // namespace vpn::test
