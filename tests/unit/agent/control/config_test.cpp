#include "agent/control/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace vpn::agent {
namespace {

TEST(Config, NothingIsAllDefaults) {
  for (const char* text : {"", "\n", "# a comment\n", "{}"}) {
    const auto c = parse_config("agent.yaml", text);
    ASSERT_TRUE(c) << text << c.error().what;
    EXPECT_EQ(c->mark_mask, 0xff000000u);
    EXPECT_TRUE(c->external.empty());
    EXPECT_FALSE(c->inner_bridges.empty());
  }
}

TEST(Config, Everything) {
  const auto c = parse_config("agent.yaml", R"(
public_key: /etc/vpnprofile/key.pem
secrets: {file: /s, certificate: /c, key: /k}
control_group: vpn
questions_answered_by: active-session
enrolment: {program: /usr/local/sbin/enrol, seconds: 20}
interfaces: {"wl*": wifi, usb0: cellular}
inner_bridges: [lab0]
mark_mask: 0x00ff0000
first_table: 2000
first_priority: 500
captive: {url: "http://a.example/check", status: 200, body: online, window_seconds: 60}
resolvers: {wlan0: {servers: [192.0.2.53], search: [corp.example], ssid: Corp, captive_portal: "https://p.example/"}}
tunnels:
  0c6e1b1e-aa:
    external:
      interface: wg0
      settings: {endpoints: [{address: 203.0.113.5, protocol: udp, port: 51820}], mtu: 1420}
      process: {mark: 0xca6c, executables: [/usr/bin/wireguard-go]}
  B: {external: {client_uid: 990}}
)");
  ASSERT_TRUE(c) << c.error().where << c.error().what;
  EXPECT_EQ(c->public_key, "/etc/vpnprofile/key.pem");
  EXPECT_EQ(c->secrets.key, "/k");
  EXPECT_TRUE(c->session_answers);
  EXPECT_EQ(c->enrolment.program, "/usr/local/sbin/enrol");
  EXPECT_EQ(c->enrolment.limit, std::chrono::seconds(20));
  EXPECT_EQ(c->interfaces.size(), 2u);
  EXPECT_EQ(c->mark_mask, 0x00ff0000u);
  EXPECT_EQ(c->first_priority, 500u);
  EXPECT_EQ(c->resolvers.at(0).facts.ssid, "Corp");
  EXPECT_EQ(c->resolvers.at(0).facts.captive_portal, "https://p.example/");
  EXPECT_EQ(c->captive_probe, (PortalProbe{"http://a.example/check", 200, "online"}));
  EXPECT_EQ(c->captive_seconds, 60u);
  const ExternalTunnel& wireguard = c->external.at("0C6E1B1E-AA");
  EXPECT_TRUE(wireguard.watched);
  EXPECT_EQ(wireguard.options.settings.interface, "wg0");
  EXPECT_EQ(wireguard.options.settings.endpoints.at(0).port, 51820);
  EXPECT_EQ(wireguard.options.process.mark, 0xca6cu);
  EXPECT_FALSE(c->external.at("B").watched);
  EXPECT_EQ(c->external.at("B").options.client_uid, 990u);
}

TEST(Config, WhatIsWrongIsNamed) {
  const auto where = [](const char* text) {
    const auto c = parse_config("a", text);
    return c ? std::string("nothing") : c.error().where + ": " + c.error().what;
  };
  EXPECT_THAT(where("colour: red"), testing::HasSubstr("a.colour"));
  EXPECT_THAT(where("[1]"), testing::HasSubstr("mapping"));
  EXPECT_THAT(where("mark_mask: 0xff00ff00"), testing::HasSubstr("a.mark_mask"));
  EXPECT_THAT(where("mark_mask: 255x"), testing::HasSubstr("a.mark_mask"));
  EXPECT_THAT(where("interfaces: {eth0: fibre}"), testing::HasSubstr("a.interfaces.eth0"));
  EXPECT_THAT(where("secrets: {files: x}"), testing::HasSubstr("a.secrets.files"));
  EXPECT_THAT(where("tunnels: {T: {internal: {}}}"), testing::HasSubstr("a.tunnels.T.internal"));
  EXPECT_THAT(where("tunnels: {T: {external: {settings: {mtu: x}}}}"),
              testing::HasSubstr("a.tunnels.T.external.settings"));
  EXPECT_THAT(where("tunnels: {T: {external: {client_uid: root}}}"), testing::HasSubstr("client_uid"));
  EXPECT_THAT(where("captive: {url: \"https://a.example/\"}"), testing::HasSubstr("a.captive.url"));
  EXPECT_THAT(where("captive: {window_seconds: 1}"), testing::HasSubstr("a.captive.window_seconds"));
  EXPECT_THAT(where("first_table: 1"), testing::HasSubstr("a.first_table"));
  EXPECT_THAT(where("enrolment: {program: enrol}"), testing::HasSubstr("a.enrolment.program"));
  EXPECT_THAT(where("questions_answered_by: anybody"), testing::HasSubstr("root or active-session"));
  EXPECT_THAT(where("public_key: [a]"), testing::HasSubstr("a.public_key"));
  EXPECT_THAT(where("a: &x [*x]"), testing::HasSubstr("a"));
}

TEST(Config, AppMapsOfTheFolderLaterOnesWin) {
  const std::string folder = testing::TempDir() + "/config-test-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder + "/apps.d");
  std::ofstream(folder + "/apps.d/10-a.yaml") << "com.example.mail: {paths: [/usr/bin/a]}\ncom.example.b: {snap: b}\n";
  std::ofstream(folder + "/apps.d/20-b.json") << R"({"com.example.mail": {"paths": ["/usr/bin/b"]}})";
  std::ofstream(folder + "/apps.d/notes.txt") << "no app map";
  const auto c = read_config(folder);
  ASSERT_TRUE(c) << c.error().what;
  ASSERT_EQ(c->apps.size(), 2u);
  EXPECT_THAT(c->apps[1].paths, testing::ElementsAre("/usr/bin/b"));
  std::ofstream(folder + "/apps.d/30-c.yaml") << "com.example.c: {path: /x}\n";
  EXPECT_FALSE(read_config(folder));
  std::filesystem::remove_all(folder);
  EXPECT_TRUE(read_config(folder));  // no folder: defaults
  EXPECT_TRUE(read_config({}));
}

}  // namespace
}  // namespace vpn::agent
