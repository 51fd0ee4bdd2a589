// Per-app VPNs: VPNUUID, lists, on-demand, mappings, apps and their roles.
#include <fstream>

#include "building.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

using policy::Role;
using testing::EndsWith;
using testing::HasSubstr;

const App* find(const Model& m, std::string_view identifier) {
  for (const App& app : m.apps) {
    if (app.identifier == identifier) return &app;
  }
  return nullptr;
}

TEST(PerApp, IsNamedByItsVpnUuid) {
  const Profiles p(profile(per_app_payload("", "", "ab-cd")));
  const Model m = p.build();
  ASSERT_EQ(m.per_app.size(), 1u);
  EXPECT_EQ(m.per_app[0].vpn_uuid, "AB-CD");
  EXPECT_EQ(m.tunnels[m.per_app[0].tunnel].id, "AB-CD");
  EXPECT_EQ(m.tunnels[0].kind, Kind::per_app);
  EXPECT_TRUE(m.devices.empty());
}

TEST(PerApp, ListsReferToTheDocument) {
  const Profiles p(
      profile(per_app_payload("", list("SafariDomains", {"a.example", "b.example"}) + list("ExcludedDomains", {}))));
  const Model m = p.build();
  ASSERT_EQ(m.per_app[0].lists.size(), 2u);
  EXPECT_EQ(m.per_app[0].lists[0].kind, static_cast<std::uint8_t>(policy::fb::ListKind::excluded));
  EXPECT_EQ(m.per_app[0].lists[0].array->size, 0u);
  EXPECT_EQ(m.per_app[0].lists[1].array->array()[1].string(), "b.example");
  EXPECT_THAT(where(m, m.per_app[0].lists[1].place), EndsWith("PayloadContent[0].SafariDomains"));
}

TEST(PerApp, OnDemandMatchAppEnabledCountsBeforeOnDemandEnabled) {
  const auto enabled = [](std::string_view block, std::string_view keys) {
    const Profiles p(profile(per_app_payload(block, keys)));
    return p.build().per_app[0].on_demand.enabled;
  };
  EXPECT_FALSE(enabled("", ""));
  EXPECT_TRUE(enabled(flag("OnDemandEnabled", 1), ""));
  EXPECT_FALSE(enabled(flag("OnDemandEnabled", 1), "<key>OnDemandMatchAppEnabled</key><false/>"));
  EXPECT_TRUE(enabled(flag("OnDemandEnabled", 0), "<key>OnDemandMatchAppEnabled</key><true/>"));
  EXPECT_TRUE(enabled(flag("OnDemandMatchAppEnabled", 1), ""));  // known to work inside the block
}

TEST(PerApp, MappingsAndTools) {
  const std::string mapping =
      "<dict><key>PayloadType</key><string>com.apple.vpn.managed.appmapping</string><key>AppLayerVPNMapping</"
      "key><array><dict>" +
      text("Identifier", "com.example.terminal") + text("VPNUUID", "ab-cd") + text("Path", "/usr/bin/term") +
      "<key>MatchTools</key><array><dict>" + text("SigningIdentifier", "com.example.curl") + "</dict><dict>" +
      text("Path", "/usr/bin/ssh") + "</dict></array></dict><dict>" + text("Identifier", "com.example.mail") +
      text("VPNUUID", "AB-CD") + "<key>MatchTools</key><array/></dict></array></dict>";
  const Profiles p(profile(per_app_payload("", "", "AB-cd") + mapping));
  const Model m = p.build();
  ASSERT_EQ(m.mappings.size(), 2u);
  EXPECT_EQ(m.mappings[0].vpn_uuid, m.per_app[0].vpn_uuid);
  EXPECT_EQ(m.mappings[0].path, "/usr/bin/term");
  ASSERT_EQ(m.mappings[0].tools.size(), 2u);
  EXPECT_EQ(m.mappings[0].tools[0].signing_identifier, "com.example.curl");
  EXPECT_EQ(m.mappings[0].tools[1].path, "/usr/bin/ssh");
  EXPECT_TRUE(m.mappings[1].tools.empty());  // an empty MatchTools is as absent
}

TEST(Apps, WellKnownOnesAreThereWhenTheirRoleMatters) {
  const Profiles with(profile(per_app_payload("", list("SafariDomains", {"a.example"}))));
  const Model m = with.build();
  ASSERT_NE(find(m, "com.apple.mobilesafari"), nullptr);
  EXPECT_EQ(find(m, "com.apple.mobilesafari")->roles & bit(Role::browser), bit(Role::browser));
  const Profiles without(profile(per_app_payload("", "")));
  EXPECT_EQ(find(without.build(), "com.apple.mobilesafari"), nullptr);
}

TEST(Apps, TheAppMapOverridesWhatIsKnown) {
  std::vector<MappedApp> map(3);
  map[0].identifier = "aaa.first";
  map[1].identifier = "com.apple.mobilesafari";
  map[1].roles = bit(Role::mail);
  map[1].has_roles = true;
  map[2].identifier = "zzz.last";
  const Profiles p(profile(per_app_payload("", list("SafariDomains", {"a.example"}))));
  const Model m = p.build({policy::Platform::linux, map});
  EXPECT_EQ(find(m, "com.apple.mobilesafari")->roles, bit(Role::mail));
  EXPECT_NE(find(m, "com.apple.mobilesafari")->known, nullptr);
  EXPECT_EQ(find(m, "aaa.first")->mapped, &map[0]);
  EXPECT_EQ(find(m, "zzz.last")->mapped, &map[2]);
  EXPECT_TRUE(std::is_sorted(m.apps.begin(), m.apps.end(),
                             [](const App& a, const App& b) { return a.identifier < b.identifier; }));
}

TEST(Apps, TheAppMapWithoutRolesKeepsTheKnownOnes) {
  std::vector<MappedApp> map(1);
  map[0].identifier = "com.apple.mobilesafari";
  map[0].paths = {"/usr/bin/firefox"};
  const Profiles p(profile(""));
  EXPECT_EQ(find(p.build({policy::Platform::linux, map}), "com.apple.mobilesafari")->roles, bit(Role::browser));
}

class AppMapFile : public testing::Test {
 protected:
  Result<std::vector<MappedApp>> read(std::string_view text) {
    const std::string path = testing::TempDir() + "app-map-" + std::to_string(::getpid());
    std::ofstream(path, std::ios::binary) << text;
    auto out = read_app_map(path);
    std::remove(path.c_str());
    return out;
  }
};

TEST_F(AppMapFile, YamlAndJsonSayTheSame) {
  const auto yaml = read(
      "com.example.portal: {paths: [/usr/libexec/portal], roles: [captive-websheet]}\n"
      "com.example.mail:\n  paths: [/usr/bin/thunderbird, /opt/tb]\n  flatpak: org.mozilla.Thunderbird\n  snap: "
      "thunderbird\n"
      "  cgroup: app-mail-*.scope\n  roles: [mail, calendar]\n  vpn: ab-cd\n");
  const auto json = read(
      R"({"com.example.mail": {"paths": ["/usr/bin/thunderbird", "/opt/tb"], "flatpak": "org.mozilla.Thunderbird", "snap": "thunderbird",
          "cgroup": "app-mail-*.scope", "roles": ["mail", "calendar"], "vpn": "AB-CD"},
          "com.example.portal": {"paths": "/usr/libexec/portal", "roles": "captive-websheet"}})");
  for (const auto* map : {&yaml, &json}) {
    ASSERT_TRUE(map->has_value()) << map->error().what;
    ASSERT_EQ((*map)->size(), 2u);
    const MappedApp& mail = (**map)[0];
    EXPECT_EQ(mail.identifier, "com.example.mail");
    EXPECT_THAT(mail.paths, testing::ElementsAre("/usr/bin/thunderbird", "/opt/tb"));
    EXPECT_EQ(mail.flatpak, "org.mozilla.Thunderbird");
    EXPECT_EQ(mail.snap, "thunderbird");
    EXPECT_EQ(mail.cgroup, "app-mail-*.scope");
    EXPECT_EQ(mail.roles, bit(Role::mail) | bit(Role::calendar));
    EXPECT_EQ(mail.vpn, "AB-CD");
    EXPECT_EQ((**map)[1].roles, bit(Role::captive_websheet));
    EXPECT_FALSE((**map)[1].paths.empty());
  }
}

TEST_F(AppMapFile, FaultsNameTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"a: {role: mail}", "a.role"},
      {"a: {roles: [postman]}", "a.roles"},
      {"a: {paths: [bin/x]}", "a.paths"},
      {"a: {vpn: [x]}", "a.vpn"},
      {"a: 7", "a"},
      {"other: {}", "other"},
      {"a: {sha256: 12}", "a.sha256"},
      {R"({"a": {}, "a": {}})", ""},
      {"[a, b]", ""},
      {"a: {paths: [/x]\nb", ":"},
      {"a: {paths: {x: y}}", "a.paths"},
      {"a: &x [*x]", ""},
  };
  for (const auto& [text, place] : cases) {
    const auto map = read(text);
    ASSERT_FALSE(map.has_value()) << text;
    EXPECT_EQ(map.error().kind, ErrorKind::invalid_input) << text;
    EXPECT_THAT(map.error().where, HasSubstr(place)) << text;
    EXPECT_FALSE(map.error().help.empty());
  }
  EXPECT_EQ(read_app_map("/nonexistent/app-map").error().kind, ErrorKind::unreadable);
}

TEST_F(AppMapFile, AliasesCannotMakeItHuge) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += before + ", ";
    text += "x]\n";
  }
  EXPECT_FALSE(read(text).has_value());
}

TEST_F(AppMapFile, DeepNestingIsRefused) {
  EXPECT_FALSE(read("a: " + std::string(100'000, '[')).has_value());
  EXPECT_FALSE(read("{\"a\": " + std::string(100'000, '[')).has_value());
}

}  // namespace
}  // namespace vpn::model
