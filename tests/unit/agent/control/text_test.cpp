#include "agent/control/ctl/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/metrics.h"

namespace vpn::agent {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

TEST(Text, Status) {
  const Json status = Json::parse(R"({"guard": "degraded", "missing": "gate", "fault": "no", "audit": true,
      "policy": {"serial": 7, "verified": true, "on_trial": true}, "primary_interface": "",
      "tunnels": [{"id": "A", "name": "Office\u001b[2J", "kind": "device", "provider": "external", "status": "connected",
                   "interface": "tun0", "reason": ""}], "owner_faults": ["x"]})");
  const std::string text = ctl::status_text(status, false);
  EXPECT_THAT(text, HasSubstr("degraded"));
  EXPECT_THAT(text, HasSubstr("missing: gate"));
  EXPECT_THAT(text, HasSubstr("AUDIT"));
  EXPECT_THAT(text, HasSubstr("serial 7, signature verified, ON TRIAL"));
  EXPECT_THAT(text, HasSubstr("network  none"));
  EXPECT_THAT(text, HasSubstr("Office\\x1b[2J"));  // names come from elsewhere
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(ctl::status_text(status, true), HasSubstr("\x1b[31mdegraded"));
  EXPECT_FALSE(ctl::status_text(Json::object(), false).empty());
}

TEST(Text, Why) {
  const Json answer = Json::parse(R"({"verdict": "tunnel", "tunnel": "A", "rule": "S3.e", "guard": "in-force",
      "source": {"file": "a.mobileconfig", "line": 41, "path": "PayloadContent[0]"}, "passed": [{"rule": "S3.a", "why": "not captive"}]})");
  EXPECT_EQ(ctl::why_text(answer, false),
            "tunnel A  by S3.e, a.mobileconfig:41 PayloadContent[0]\n  not S3.a: not captive\n");
  EXPECT_THAT(
      ctl::why_text(Json::parse(R"({"verdict": "system", "rule": "S8", "source": null, "guard": "degraded"})"), false),
      HasSubstr("which blocks"));
}

TEST(Text, Drops) {
  const Json answer = Json::parse(R"({"counters": [
      {"app": "com.example.a", "verdict": "drop", "rule": "S3.e", "direction": "out", "packets": 3},
      {"app": "com.example.b", "verdict": "drop", "rule": "S4.e", "direction": "out", "packets": 30},
      {"app": "com.example.c", "verdict": "tunnel", "rule": "S4.e", "direction": "out", "packets": 300}],
      "recent": [{"time": 0, "rule": "S3.e", "app": "com.example.a", "direction": "out", "protocol": "tcp", "remote": "203.0.113.5",
                  "remote_port": 443, "interface": "wlan0", "pid": 7, "hostname": "www.example.com", "source": {"file": "a.mobileconfig", "line": 41}}]})");
  const std::string text = ctl::drops_text(answer, false);
  EXPECT_LT(text.find("com.example.b"), text.find("com.example.a"));  // most first
  EXPECT_EQ(text.find("com.example.c"), std::string::npos);
  EXPECT_THAT(text,
              HasSubstr("to tcp 203.0.113.5 port 443 (www.example.com) on wlan0, process 7; a.mobileconfig:41\n"));
  EXPECT_EQ(ctl::drops_text(Json::object(), false), "nothing was dropped\n");
}

TEST(Metrics, OpenMetrics) {
  MetricsInput input;
  input.in_force = true;
  input.serial = 7;
  input.tunnels = {{"A\"", policy::TunnelStatus::connected}};
  input.counters = {{"com.example.a", "drop", "S3.e", "A\"", false, 3, 100},
                    {"com.example.a", "drop", "S3.e", "A\"", false, 4, 200},  // another helper of it
                    {"other", "system", "S8", "", true, 5, 300}};
  const std::string text = openmetrics(input);
  EXPECT_THAT(text, HasSubstr("vpn_guard_in_force 1\n"));
  EXPECT_THAT(text, HasSubstr("vpn_policy_serial 7\n"));
  EXPECT_THAT(text, HasSubstr("vpn_tunnel_status{tunnel=\"A\\\"\",vpn_tunnel_status=\"connected\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("vpn_packets_total{app=\"com.example.a\",direction=\"out\",rule=\"S3.e\",tunnel="
                              "\"A\\\"\",verdict=\"drop\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("vpn_bytes_total{app=\"other\",direction=\"in\",rule=\"S8\",verdict=\"system\"} 300\n"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace vpn::agent
