#include "agent/network/captive_portal.h"

#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

HttpAnswer answered(int status, std::string body = {}, std::string type = std::string(portal_media_type)) {
  HttpAnswer out;
  out.status = status;
  out.body = std::move(body);
  out.content_type = std::move(type);
  return out;
}

TEST(CaptivePortal, AnApiIsHttps) {
  EXPECT_TRUE(is_portal_api("https://portal.example.com/api"));
  EXPECT_FALSE(is_portal_api("http://portal.example.com/api"));
  EXPECT_FALSE(is_portal_api("urn:ietf:params:capport:unrestricted"));
  EXPECT_TRUE(says_unrestricted("urn:ietf:params:capport:unrestricted"));
}

TEST(CaptivePortal, TheApiSays) {
  EXPECT_EQ(read_portal_api(answered(200, R"({"captive": true, "user-portal-url": "https://a.example/"})")),
            PortalAnswer::captive);
  EXPECT_EQ(read_portal_api(answered(200, R"({"captive": false, "seconds-remaining": 60})")), PortalAnswer::free);
  for (const char* body : {"", "[]", "{}", "{\"captive\": 1}", "{\"captive\": true"})
    EXPECT_EQ(read_portal_api(answered(200, body)), PortalAnswer::unknown) << body;
  EXPECT_EQ(read_portal_api(answered(200, std::string(largest_portal_answer, '['))), PortalAnswer::unknown);
  EXPECT_EQ(read_portal_api(answered(200, "{\"captive\": true}", "text/html")), PortalAnswer::unknown);
  EXPECT_EQ(read_portal_api(answered(404, "{\"captive\": true}")), PortalAnswer::unknown);
}

TEST(CaptivePortal, TheProbeShows) {
  const PortalProbe empty;
  EXPECT_EQ(read_portal_probe(answered(204), empty), PortalAnswer::free);
  for (const int status : {200, 302, 307, 403, 511})
    EXPECT_EQ(read_portal_probe(answered(status), empty), PortalAnswer::captive) << status;
  for (const int status : {0, 407, 500, 503})
    EXPECT_EQ(read_portal_probe(answered(status), empty), PortalAnswer::unknown) << status;
  const PortalProbe online{"http://a.example/", 200, "online"};
  EXPECT_EQ(read_portal_probe(answered(200, "online\n"), online), PortalAnswer::free);
  EXPECT_EQ(read_portal_probe(answered(200, "<html>"), online), PortalAnswer::captive);
}

}  // namespace
}  // namespace vpn::agent
