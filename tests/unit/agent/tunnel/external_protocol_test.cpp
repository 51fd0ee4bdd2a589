#include "agent/tunnel/external_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vpn::agent {
namespace {

using policy::TunnelStatus;
using Json = nlohmann::json;

// What a report says wrong, by its key.
std::string fault(const std::string& text) {
  const auto message = parse_client_message(text);
  return message ? "nothing" : message.error().what;
}

TEST(ExternalProtocol, Hello) {
  const auto message = parse_client_message(R"({"hello": 1, "tunnel": "0c6e1b1e-aa"})");
  ASSERT_TRUE(message);
  EXPECT_EQ(std::get<ClientHello>(*message).tunnel, "0C6E1B1E-AA");
  EXPECT_THAT(fault(R"({"hello": 2, "tunnel": "a"})"), testing::HasSubstr("'hello'"));
  EXPECT_THAT(fault(R"({"hello": 1})"), testing::HasSubstr("'tunnel'"));
  EXPECT_THAT(fault(R"({"hello": 1, "tunnel": "a", "status": "connected"})"), testing::HasSubstr("'status'"));
}

TEST(ExternalProtocol, ReportWithEverything) {
  const auto message = parse_client_message(R"({"status": "connected", "reason": "up", "settings": {
      "interface": "tun0", "addresses": ["10.8.0.2/24", "fd00::2/64"], "included_routes": ["0.0.0.0/0"],
      "excluded_routes": ["192.0.2.0/24"], "mtu": 1400,
      "dns": {"servers": ["10.8.0.1"], "search_domains": ["corp.example"], "match_domains": [""]},
      "endpoints": [{"address": "203.0.113.5", "protocol": "udp", "port": 4500}, {"address": "203.0.113.5", "protocol": "50"}]},
      "process": {"executables": ["/usr/sbin/openvpn"], "cgroups": ["/system.slice/openvpn.service"], "mark": 51820}})");
  ASSERT_TRUE(message) << message.error().what;
  const ProviderReport& r = std::get<ClientReport>(*message).report;
  EXPECT_EQ(r.status, TunnelStatus::connected);
  EXPECT_FALSE(r.deliberate);
  EXPECT_EQ(r.settings.interface, "tun0");
  EXPECT_THAT(r.settings.addresses, testing::ElementsAre(testing::Pair(*policy::Address::parse("10.8.0.2"), 24),
                                                         testing::Pair(*policy::Address::parse("fd00::2"), 64)));
  ASSERT_EQ(r.settings.endpoints.size(), 2u);
  EXPECT_EQ(r.settings.endpoints[1].protocol, 50);
  EXPECT_EQ(r.settings.mtu, 1400u);
  EXPECT_EQ(r.settings.dns.match_domains.size(), 1u);
  EXPECT_EQ(r.process.mark, 51820u);
}

TEST(ExternalProtocol, SettingsSurviveWritingAndReading) {
  const auto message = parse_client_message(R"({"status": "reasserting", "settings": {"interface": "tun0",
      "addresses": ["10.8.0.2/24"], "included_routes": ["10.0.0.0/8"], "mtu": 1280,
      "endpoints": [{"address": "2001:db8::1", "protocol": "tcp", "port": 443}]}})");
  ASSERT_TRUE(message);
  const NetworkSettings& settings = std::get<ClientReport>(*message).report.settings;
  const auto again = parse_settings(settings_json(settings));
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(*again, settings);
  ProviderProcess process{{"/usr/bin/x"}, {"/a.service"}, 7};
  EXPECT_EQ(parse_process(process_json(process)).value(), process);
}

TEST(ExternalProtocol, AProxyTakesTheInterfacesPlace) {
  const auto message = parse_client_message(
      R"({"status": "connected", "settings": {"proxy": {"protocol": "socks5", "address": "::1", "port": 1080, "datagrams": true}}})");
  ASSERT_TRUE(message) << message.error().what;
  const NetworkSettings& read = std::get<ClientReport>(*message).report.settings;
  ASSERT_TRUE(read.proxy);
  EXPECT_TRUE(read.proxy->datagrams);
  EXPECT_EQ(read.proxy->port, 1080);
  EXPECT_TRUE(*parse_settings(settings_json(read)) == read);
  const auto with = [](const std::string& proxy) {
    return fault(R"({"status": "connected", "settings": {"proxy": )" + proxy + "}}");
  };
  EXPECT_EQ(with(R"({"protocol": "http", "socket": "/run/proxy"})"), "nothing");
  for (const char* wrong :
       {R"({"protocol": "http"})", R"({"protocol": "socks4", "socket": "/run/proxy"})",
        R"({"protocol": "http", "socket": "proxy"})", R"({"protocol": "http", "address": "192.0.2.1"})",
        R"({"protocol": "http", "address": "192.0.2.1", "port": 80, "socket": "/run/proxy"})",
        R"({"protocol": "http", "address": "192.0.2.1", "port": 80, "datagrams": true})",
        R"({"protocol": "socks5", "socket": "/run/proxy", "datagrams": true})", R"({"protocol": "http", "x": 1})", "7"})
    EXPECT_THAT(with(wrong), testing::HasSubstr("settings.proxy")) << wrong;
}

TEST(ExternalProtocol, WhatIsWrongIsNamed) {
  EXPECT_THAT(fault("[]"), testing::HasSubstr("no JSON object"));
  EXPECT_THAT(fault("{"), testing::HasSubstr("no JSON object"));
  EXPECT_THAT(fault("{}"), testing::HasSubstr("'status'"));
  EXPECT_THAT(fault(R"({"status": "up"})"), testing::HasSubstr("'status'"));
  EXPECT_THAT(fault(R"({"status": "connected"})"), testing::HasSubstr("'settings.interface'"));
  EXPECT_THAT(fault(R"({"status": "connecting", "extra": 1})"), testing::HasSubstr("'extra'"));
  const auto settings = [](const std::string& s) {
    return fault(R"({"status": "connecting", "settings": {)" + s + "}}");
  };
  EXPECT_THAT(settings(R"("interface": "a-name-that-is-too-long")"), testing::HasSubstr("interface"));
  EXPECT_THAT(settings(R"("interface": "../x")"), testing::HasSubstr("interface"));
  EXPECT_THAT(settings(R"("addresses": ["10.0.0.1/33"])"), testing::HasSubstr("addresses"));
  EXPECT_THAT(settings(R"("included_routes": "0.0.0.0/0")"), testing::HasSubstr("included_routes"));
  EXPECT_THAT(settings(R"("mtu": -1)"), testing::HasSubstr("mtu"));
  EXPECT_THAT(settings(R"("mtu": 70000)"), testing::HasSubstr("mtu"));
  EXPECT_THAT(settings(R"("dns": {"servers": ["one"]})"), testing::HasSubstr("servers"));
  const auto process = [](const std::string& s) {
    return fault(R"({"status": "connecting", "process": {)" + s + "}}");
  };
  EXPECT_THAT(process(R"("executables": ["openvpn"])"), testing::HasSubstr("executables"));
  EXPECT_THAT(process(R"("cgroups": ["/"])"), testing::HasSubstr("cgroups"));  // everything would be the provider
  EXPECT_THAT(process(R"("mark": 0)"), testing::HasSubstr("mark"));
}

// A host as a whole must not become an endpoint (CVE-2023-36673).
TEST(ExternalProtocol, EndpointsNeedAPort) {
  for (const char* protocol : {"tcp", "udp"}) {
    EXPECT_THAT(
        fault(std::string(
                  R"({"status": "connecting", "settings": {"endpoints": [{"address": "203.0.113.5", "protocol": ")") +
              protocol + R"("}]}})"),
        testing::HasSubstr("endpoints"));
  }
  EXPECT_THAT(
      fault(
          R"({"status": "connecting", "settings": {"endpoints": [{"address": "0.0.0.0/0", "protocol": "udp", "port": 1}]}})"),
      testing::HasSubstr("endpoints"));
}

TEST(ExternalProtocol, HasBounds) {
  EXPECT_NE(fault(std::string(largest_client_message + 1, ' ')), "nothing");
  Json many = {{"status", "connecting"}, {"settings", {{"included_routes", Json::array()}}}};
  for (std::size_t i = 0; i <= most_client_routes; ++i) many["settings"]["included_routes"].push_back("::/0");
  EXPECT_THAT(fault(many.dump()), testing::HasSubstr("included_routes"));
  EXPECT_THAT(fault(R"({"status": "connecting", "reason": ")" + std::string(5000, 'a') + "\"}"),
              testing::HasSubstr("reason"));
  const std::string deep(30000, '[');
  EXPECT_THAT(fault(deep), testing::HasSubstr("no JSON object"));
  EXPECT_THAT(
      fault(R"({"status": "connecting", "settings": )" + std::string(20000, '[') + std::string(20000, ']') + "}"),
      testing::HasSubstr("settings"));
}

TEST(ExternalProtocol, WhatTheAgentSays) {
  EXPECT_EQ(Json::parse(client_connect({"wlan0", {*policy::Address::parse("203.0.113.5")}})),
            Json({{"command", "connect"}, {"underlay", "wlan0"}, {"servers", {"203.0.113.5"}}}));
  EXPECT_EQ(Json::parse(client_disconnect())["command"], "disconnect");
  EXPECT_EQ(Json::parse(client_error({ErrorKind::usage, "no \xff", {}, {}})).size(), 2u);  // not UTF-8
}

}  // namespace
}  // namespace vpn::agent
