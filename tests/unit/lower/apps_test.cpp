// Apps of a policy: classes, tools, exceptions, what the app map says.
#include "lowering.h"

namespace vpn::lower {
namespace {

using model::flag;
using model::list;
using model::per_app_payload;
using model::profile;
using model::Profiles;
using model::text;
using model::vpn_payload;
using testing::ElementsAre;
using testing::HasSubstr;

std::string mapping(std::string_view entries) {
  return "<dict><key>PayloadType</key><string>com.apple.vpn.managed.appmapping</string><key>AppLayerVPNMapping</"
         "key><array>" +
         std::string(entries) + "</array></dict>";
}
std::string entry(std::string_view app, std::string_view vpn, std::string_view tools = {}) {
  return "<dict>" + text("Identifier", app) + text("VPNUUID", vpn) + std::string(tools) + "</dict>";
}

const fb::AppClass& class_of(const policy::Policy& policy, std::string_view app) {
  const auto index = policy.apps().find(app);
  EXPECT_NE(index, policy::none) << app;
  return *policy.body().app_classes()->Get(policy.body().apps()->Get(index)->class_());
}

std::uint64_t governed(const policy::Policy& policy, std::string_view app) {
  const auto* words = class_of(policy, app).governed();
  return words == nullptr ? 0 : words->Get(0);
}

TEST(Apps, MappedAppsAreGovernedAndShareClasses) {
  const Profiles p(profile(per_app_payload("", "", "v0") + per_app_payload("", "", "v1") +
                           mapping(entry("b", "V1") + entry("a", "v1") + entry("c", "v0") + entry("c", "v1"))));
  const policy::Policy policy = compile(p);
  EXPECT_EQ(governed(policy, "a"), 2u);
  EXPECT_EQ(governed(policy, "b"), 2u);
  EXPECT_EQ(governed(policy, "c"), 3u);
  EXPECT_EQ(&class_of(policy, "a"), &class_of(policy, "b"));
  EXPECT_EQ(policy.body().app_classes()->size(), 3u);
}

TEST(Apps, ToolsByIdentifierAndByPath) {
  std::vector<model::MappedApp> map(2);
  map[0].identifier = "org.example.ssh-one";
  map[0].paths = {"/usr/bin/ssh"};
  map[1].identifier = "org.example.ssh-two";
  map[1].paths = {"/opt/ssh", "/usr/bin/ssh"};
  const std::string tools = "<key>MatchTools</key><array><dict>" + text("SigningIdentifier", "com.example.curl") +
                            "</dict><dict>" + text("Path", "/usr/bin/ssh") + "</dict></array>";
  const Profiles p(profile(per_app_payload("", "", "v0") + mapping(entry("com.example.terminal", "v0", tools))));
  const policy::Policy policy = compile(p, {policy::Platform::linux, map});
  EXPECT_EQ(governed(policy, "com.example.terminal"), 0u);
  const fb::AppClass& c = class_of(policy, "com.example.terminal");
  ASSERT_EQ(c.tools()->size(), 1u);
  EXPECT_EQ(c.tools()->Get(0)->per_app(), 0u);
  std::vector<std::string> names;
  for (const std::uint32_t tool : *c.tools()->Get(0)->tools()) names.emplace_back(policy.apps().name(tool));
  EXPECT_THAT(names, ElementsAre("/usr/bin/ssh", "com.example.curl", "org.example.ssh-one", "org.example.ssh-two"));
  const auto path = policy.apps().find("/usr/bin/ssh");
  EXPECT_THAT(strings(policy.body().apps()->Get(path)->identity()->paths()), ElementsAre("/usr/bin/ssh"));
}

TEST(Apps, TheAppMapGivesIdentityAndVpn) {
  std::vector<model::MappedApp> map(1);
  map[0].identifier = "com.example.mail";
  map[0].paths = {"/usr/bin/thunderbird"};
  map[0].flatpak = "org.mozilla.Thunderbird";
  map[0].roles = bit(policy::Role::mail);
  map[0].vpn = "V0";
  const Profiles p(profile(per_app_payload("", "", "v0")));
  const policy::Policy policy = compile(p, {policy::Platform::linux, map});
  EXPECT_EQ(governed(policy, "com.example.mail"), 1u);
  EXPECT_EQ(class_of(policy, "com.example.mail").roles(), bit(policy::Role::mail));
  const fb::AppIdentity& identity = *policy.body().apps()->Get(policy.apps().find("com.example.mail"))->identity();
  EXPECT_EQ(identity.flatpak()->str(), "org.mozilla.Thunderbird");
  EXPECT_EQ(identity.snap(), nullptr);
}

TEST(Apps, AMappingToAnUnknownVpnIsRefused) {
  const Profiles p(profile(per_app_payload("", "", "v0") + mapping(entry("a", "v7"))));
  const model::Model m = p.build();
  const auto output = lower(m, {});
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().kind, ErrorKind::invalid_input);
  EXPECT_THAT(output.error().what, HasSubstr("V7"));
}

TEST(Apps, ASharedAppMapMayNameVpnsOfOtherDevices) {
  std::vector<model::MappedApp> map(1);
  map[0].identifier = "a";
  map[0].vpn = "V7";
  const Profiles p(profile(per_app_payload("", "", "v0")));
  const model::Model m = p.build({policy::Platform::linux, map});
  EXPECT_FALSE(lower(m, {}).has_value());
  Options shared;
  shared.shared_app_map = true;
  const policy::Policy policy = open(must_lower(m, shared));
  EXPECT_EQ(governed(policy, "a"), 0u);
}

TEST(Apps, ExceptionsCarryTheirSources) {
  const std::string keys =
      "<key>AllowedCaptiveNetworkPlugins</key><array><dict>" + text("BundleIdentifier", "portal") +
      "</dict></array><key>ApplicationExceptions</key><array><dict>" + text("BundleIdentifier", "any") +
      "</dict><dict>" + text("BundleIdentifier", "udp") + list("LimitToProtocols", {"UDP"}) + "</dict><dict>" +
      text("BundleIdentifier", "none") + list("LimitToProtocols", {}) +
      "</dict></array><key>TunnelConfigurations</key><array><dict>" + text("RemoteAddress", "a") + "</dict></array>";
  const policy::Policy policy = compile(Profiles(profile(vpn_payload("AlwaysOn", keys))));
  const auto app = [&](std::string_view name) -> const fb::App& {
    return *policy.body().apps()->Get(policy.apps().find(name));
  };
  EXPECT_THAT(source(policy, app("any").exception_any()), testing::EndsWith("AlwaysOn.ApplicationExceptions[0]"));
  EXPECT_EQ(app("any").exception_udp(), policy::none);
  EXPECT_THAT(source(policy, app("udp").exception_udp()), testing::EndsWith("AlwaysOn.ApplicationExceptions[1]"));
  EXPECT_EQ(app("udp").exception_any(), policy::none);
  EXPECT_EQ(app("udp").exception_tcp(), policy::none);
  EXPECT_EQ(app("none").exception_any() & app("none").exception_udp() & app("none").exception_tcp(), policy::none);
  EXPECT_THAT(source(policy, app("portal").captive_plugin()), testing::EndsWith("AllowedCaptiveNetworkPlugins[0]"));
}

}  // namespace
}  // namespace vpn::lower
