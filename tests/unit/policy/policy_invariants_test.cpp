// Each invariant of a policy's body: broken once, refused with its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/policy.h"
#include "policy_file.h"

namespace vpn::policy {
namespace {

using testing::HasSubstr;

struct Case {
  const char* where;
  void (*change)(Ingredients&);
};

class Invariant : public testing::TestWithParam<Case> {};

TEST_P(Invariant, IsChecked) {
  Ingredients in;
  GetParam().change(in);
  const auto policy = Policy::from_bytes(write_policy(in));
  ASSERT_FALSE(policy.has_value());
  EXPECT_EQ(policy.error().kind, ErrorKind::invalid_input);
  EXPECT_THAT(policy.error().where, HasSubstr(GetParam().where)) << policy.error().what;
  EXPECT_FALSE(policy.error().what.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Body, Invariant,
    testing::
        Values(Case{"platform", [](Ingredients& in) { in.platform = 6; }},
               Case{"sources[0].file", [](Ingredients& in) { in.source_file = 1; }},
               Case{"sources[0]", [](Ingredients& in) { in.source_line = 0; }},
               Case{"sources[0].path", [](Ingredients& in) { in.path = "\xff"; }},
               Case{"tunnels[2].id", [](Ingredients& in) { in.tunnel_ids[2] = ""; }},
               Case{"tunnels[2]", [](Ingredients& in) { in.tunnel_ids[2] = "b"; }},
               Case{"tunnels[1].id", [](Ingredients& in) { in.tunnel_ids[1] = "\xed\xa0\x80"; }},
               Case{"tunnels[0].kind", [](Ingredients& in) { in.kinds[0] = static_cast<fb::VpnKind>(3); }},
               Case{"tunnels[0].provider", [](Ingredients& in) { in.provider = static_cast<fb::Provider>(6); }},
               Case{"tunnels[0].app_proxy", [](Ingredients& in) { in.always_on_proxy = true; }},
               Case{"tunnels[0].source", [](Ingredients& in) { in.tunnel_source = 1; }},
               Case{"tunnels[0].ike.certificate", [](Ingredients& in) { in.certificate = 1; }},
               Case{"tunnels[0].ike.secret", [](Ingredients& in) { in.ike_secret = 2; }},
               Case{"tunnels[0].settings[1]", [](Ingredients& in) { in.setting_keys[1] = "a"; }},
               Case{"tunnels[0].settings[0].secret", [](Ingredients& in) { in.setting_secret = 2; }},
               Case{"tunnels[0].settings[0]", [](Ingredients& in) { in.setting_secret = 1; }},
               Case{"tunnels[2].dns.supplemental", [](Ingredients& in) { in.supplemental = 5; }},
               Case{"tunnels[2].dns.supplemental", [](Ingredients& in) { in.supplemental = 4; }},
               Case{"tunnels[1].dns.supplemental", [](Ingredients& in) { in.supplemental_owner = 1; }},
               Case{"always_on.tunnels[0].tunnel", [](Ingredients& in) { in.always_on_tunnel = 2; }},
               Case{"always_on.tunnels[0].interfaces", [](Ingredients& in) { in.interfaces = 4; }},
               Case{"always_on.services[0].service", [](Ingredients& in) { in.exception_service = 0; }},
               Case{"always_on.services[0].service", [](Ingredients& in) { in.exception_service = 8; }},
               Case{"always_on.services[0].action", [](Ingredients& in) { in.exception_action = 2; }},
               Case{"apps[0].exception_any",
                    [](Ingredients& in) {
                      in.has_always_on = false;
                      in.kinds[0] = fb::VpnKind::device;
                      in.second_device = true;
                    }},
               Case{"tunnels[0]", [](Ingredients& in) { in.has_always_on = false; }},
               Case{"per_app[0].tunnel", [](Ingredients& in) { in.per_app_tunnel = 3; }},
               Case{"per_app[0].tunnel", [](Ingredients& in) { in.per_app_tunnel = 0; }},
               Case{"devices[0].tunnel", [](Ingredients& in) { in.device_tunnel = 1; }},
               Case{"devices[0].enforce_routes", [](Ingredients& in) { in.include_all = true; }},
               Case{"devices[0].on_demand.rules[0].action", [](Ingredients& in) { in.rule_action = 5; }},
               Case{"devices[0].on_demand.rules[0].interface_type", [](Ingredients& in) { in.rule_interface = 4; }},
               Case{"devices[0].on_demand.rules[0].parameters[0].domains",
                    [](Ingredients& in) { in.parameter_domains = 0; }},
               Case{"domain_lists[0].kind", [](Ingredients& in) { in.list_kind = static_cast<fb::ListKind>(9); }},
               Case{"domain_lists[0].owner", [](Ingredients& in) { in.list_owner = 1; }},
               Case{"domain_lists[0].source", [](Ingredients& in) { in.list_source = 1; }},
               Case{"domains", [](Ingredients& in) { in.domain_list = 5; }},
               Case{"services[0].service", [](Ingredients& in) { in.selector_service = 8; }},
               Case{"services[0].role", [](Ingredients& in) { in.selector_role = 1u << 14; }},
               Case{"services[0].prefixes[0]", [](Ingredients& in) { in.prefix = "10.0.0.0/33"; }},
               Case{
                   "servers[1]",
                   [](Ingredients& in) {
                     in.servers = {"b", "a"};
                   }},
               Case{"servers[0]", [](Ingredients& in) { in.servers = {""}; }},
               Case{"probes[0].port", [](Ingredients& in) { in.probe_port = 0; }},
               Case{"apps", [](Ingredients& in) { in.app_count = 1; }},
               Case{"apps[0].class", [](Ingredients& in) { in.app_class = 2; }},
               Case{"apps[0].exception_any", [](Ingredients& in) { in.exception_any = 1; }},
               Case{"apps[0]", [](Ingredients& in) { in.apps = {"\xc3\x28", "\xc3\x29"}; }},
               Case{"app_classes[0]", [](Ingredients& in) { in.first_class_empty = false; }},
               Case{"app_classes[1].roles", [](Ingredients& in) { in.class_roles = 1u << 31; }},
               Case{"app_classes[1].governed", [](Ingredients& in) { in.governed = 2; }},
               Case{"app_classes[1].tools[0].per_app", [](Ingredients& in) { in.tool_per_app = 1; }},
               Case{"app_classes[1].tools[0].tools", [](Ingredients& in) { in.tools = {}; }},
               Case{"app_classes[1].tools[0].tools", [](Ingredients& in) { in.tools = {1, 0}; }},
               Case{"app_classes[1].tools[0].tools", [](Ingredients& in) { in.tools = {2}; }}));

}  // namespace
}  // namespace vpn::policy
