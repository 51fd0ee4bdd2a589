#include "building.h"

namespace vpn::model {
namespace {

using testing::EndsWith;

std::string configuration(std::string_view server, std::string_view interfaces) {
  return "<dict>" + text("ProtocolType", "IKEv2") + std::string(interfaces) + text("RemoteAddress", server) +
         text("SharedSecret", "s") + "</dict>";
}

std::string always_on(std::string_view keys, std::string_view configurations) {
  return vpn_payload("AlwaysOn", std::string(keys) + "<key>TunnelConfigurations</key><array>" +
                                     std::string(configurations) + "</array>");
}

TEST(AlwaysOn, EveryConfigurationIsATunnel) {
  const Profiles p(profile(always_on("", configuration("a.example", list("Interfaces", {"Cellular"})) +
                                             configuration("b.example", "") +
                                             configuration("c.example", list("Interfaces", {"Cellular", "WiFi"})) +
                                             configuration("d.example", list("Interfaces", {})))));
  const Model m = p.build();
  ASSERT_TRUE(m.always_on);
  ASSERT_EQ(m.always_on->tunnels.size(), 4u);
  EXPECT_EQ(m.tunnels[0].id, "0C6E1B1E-0000-4000-8000-000000000001#0");
  EXPECT_EQ(m.tunnels[3].id, "0C6E1B1E-0000-4000-8000-000000000001#3");
  EXPECT_EQ(m.tunnels[0].kind, Kind::always_on);
  EXPECT_EQ(m.tunnels[1].server, "b.example");
  EXPECT_EQ(m.always_on->tunnels[0].interfaces, 2);
  EXPECT_EQ(m.always_on->tunnels[1].interfaces, 0);
  EXPECT_EQ(m.always_on->tunnels[2].interfaces, 3);
  EXPECT_EQ(m.always_on->tunnels[3].interfaces, 0);  // empty is as absent
  EXPECT_THAT(where(m, m.always_on->tunnels[2].place), EndsWith("PayloadContent[0].AlwaysOn.TunnelConfigurations[2]"));
  EXPECT_THAT(where(m, m.always_on->tunnels_place), EndsWith("PayloadContent[0].AlwaysOn.TunnelConfigurations"));
  EXPECT_TRUE(m.devices.empty());
}

TEST(AlwaysOn, SettingsMayBeNested) {
  const Profiles p(profile(always_on("", "<dict>" + text("ProtocolType", "IKEv2") + "<key>IKEv2</key><dict>" +
                                             text("RemoteAddress", "n.example") + "</dict></dict>")));
  EXPECT_EQ(p.build().tunnels.at(0).server, "n.example");
}

TEST(AlwaysOn, ExceptionsAndCaptiveKeys) {
  const std::string keys =
      flag("AllowCaptiveWebSheet", 1) + flag("UIToggleEnabled", 1) +
      "<key>AllowedCaptiveNetworkPlugins</key><array><dict>" + text("BundleIdentifier", "com.example.portal") +
      "</dict></array>"
      "<key>ServiceExceptions</key><array><dict>" +
      text("ServiceName", "AirPrint") + text("Action", "Allow") + "</dict><dict>" + text("ServiceName", "VoiceMail") +
      text("Action", "Drop") +
      "</dict></array>"
      "<key>ApplicationExceptions</key><array><dict>" +
      text("BundleIdentifier", "com.example.any") + "</dict><dict>" + text("BundleIdentifier", "com.example.udp") +
      list("LimitToProtocols", {"UDP"}) + "</dict><dict>" + text("BundleIdentifier", "com.example.none") +
      list("LimitToProtocols", {}) + "</dict></array>";
  const Profiles p(profile(always_on(keys, configuration("a", ""))));
  const Model m = p.build();
  const AlwaysOn& a = *m.always_on;
  EXPECT_TRUE(a.captive_websheet.value);
  EXPECT_THAT(where(m, a.captive_websheet.place), EndsWith("AlwaysOn.AllowCaptiveWebSheet"));
  EXPECT_FALSE(a.captive_all.value);
  EXPECT_THAT(where(m, a.captive_all.place), EndsWith("PayloadContent[0].AlwaysOn"));
  EXPECT_TRUE(a.user_toggle.value);
  ASSERT_EQ(a.captive_plugins.size(), 1u);
  EXPECT_EQ(a.captive_plugins[0].text, "com.example.portal");
  ASSERT_EQ(a.services.size(), 2u);
  EXPECT_EQ(a.services[0].service, policy::Service::airprint);
  EXPECT_FALSE(a.services[0].drop);
  EXPECT_TRUE(a.services[1].drop);
  ASSERT_EQ(a.applications.size(), 3u);
  EXPECT_FALSE(a.applications[0].limited);
  EXPECT_TRUE(a.applications[1].limited && a.applications[1].udp && !a.applications[1].tcp);
  EXPECT_TRUE(a.applications[2].limited && !a.applications[2].udp && !a.applications[2].tcp);
}

TEST(AlwaysOn, PluginsAreReadOnlyWithoutAllowAll) {
  const std::string plugins =
      "<key>AllowedCaptiveNetworkPlugins</key><array><dict>" + text("BundleIdentifier", "x") + "</dict></array>";
  const Profiles p(profile(always_on(flag("AllowAllCaptiveNetworkPlugins", 1) + plugins, configuration("a", ""))));
  const Model m = p.build();
  EXPECT_TRUE(m.always_on->captive_all.value);
  EXPECT_TRUE(m.always_on->captive_plugins.empty());
}

TEST(AlwaysOn, TheFirstOneCounts) {
  Profiles p;
  p.add(profile(always_on("", configuration("first", ""))));
  p.add(profile(always_on("", configuration("second", "") + configuration("third", ""))));
  const Model m = p.build();
  ASSERT_EQ(m.tunnels.size(), 1u);
  EXPECT_EQ(m.tunnels[0].server, "first");
}

}  // namespace
}  // namespace vpn::model
