#include "agent/tunnel/strongswan/association.h"

#include <gtest/gtest.h>

namespace vpn::agent::strongswan {
namespace {

using policy::Address;
using policy::Prefix;

std::vector<std::string> texts(const std::vector<Prefix>& prefixes) {
  std::vector<std::string> out;
  for (const Prefix& prefix : prefixes) out.push_back(prefix.to_string());
  return out;
}
using Texts = std::vector<std::string>;

TEST(Selector, ReadsPrefixesAndAddresses) {
  EXPECT_EQ(texts(read_selector("10.0.0.0/8")), Texts{"10.0.0.0/8"});
  EXPECT_EQ(texts(read_selector("0.0.0.0/0")), Texts{"0.0.0.0/0"});
  EXPECT_EQ(texts(read_selector("::/0")), Texts{"::/0"});
  EXPECT_EQ(texts(read_selector("192.0.2.1/32[tcp/443]")), Texts{"192.0.2.1/32"});
}

TEST(Selector, CoversARangeExactly) {
  EXPECT_EQ(texts(read_selector("10.0.0.1..10.0.0.9")),
            (Texts{"10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/30", "10.0.0.8/31"}));
  EXPECT_EQ(texts(read_selector("0.0.0.0..255.255.255.255")), Texts{"0.0.0.0/0"});
  EXPECT_EQ(texts(read_selector("255.255.255.255..255.255.255.255[udp]")), Texts{"255.255.255.255/32"});
  EXPECT_EQ(texts(read_selector("2001:db8::ffff..2001:db8::1:0")), (Texts{"2001:db8::ffff/128", "2001:db8::1:0/128"}));
  EXPECT_EQ(texts(read_selector("::..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), Texts{"::/0"});
  EXPECT_EQ(read_selector("::1..ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe").size(), 254u);
}

TEST(Selector, LeavesOutWhatIsNone) {
  for (const char* text : {"", "dynamic", "10.0.0.9..10.0.0.1", "10.0.0.1..::1", "..", "10.0.0.0/33", "[tcp]"}) {
    EXPECT_TRUE(read_selector(text).empty()) << text;
  }
}

Section event(std::string_view child_state, std::string_view state = "ESTABLISHED") {
  Section out;
  Section& sa = out.section("vpn-1");
  sa.set("uniqueid", "7").set("state", state).set("local-host", "192.0.2.10").set("remote-host", "192.0.2.1");
  sa.set("remote-port", "4500");
  sa.list("local-vips", std::vector<std::string>{"10.78.0.1", "fd00::1", "%any"});
  Section& child = sa.section("child-sas").section("net-3");
  child.set("name", "net").set("state", child_state).set("encap", "yes");
  child.list("remote-ts", std::vector<std::string>{"10.77.0.0/16", "fd01::/64", "10.77.0.0/16", "nonsense"});
  return out;
}

TEST(Association, ReadsWhatIsUp) {
  const auto sa = read_association(event("INSTALLED"), "vpn-1");
  ASSERT_TRUE(sa);
  EXPECT_EQ(sa->id, "7");
  EXPECT_TRUE(sa->established);
  EXPECT_TRUE(sa->installed);
  EXPECT_TRUE(sa->udp_encapsulated);
  EXPECT_EQ(sa->local, Address::parse("192.0.2.10"));
  EXPECT_EQ(sa->remote, Address::parse("192.0.2.1"));
  EXPECT_EQ(sa->remote_port, 4500);
  EXPECT_EQ(sa->virtual_addresses, (std::vector<Address>{*Address::parse("10.78.0.1"), *Address::parse("fd00::1")}));
  EXPECT_EQ(texts(sa->remote_networks), (Texts{"10.77.0.0/16", "fd01::/64"}));
}

TEST(Association, OfAnotherConnectionIsNone) { EXPECT_FALSE(read_association(event("INSTALLED"), "vpn-2")); }

TEST(Association, CarriesPacketsWhileItIsRekeyed) {
  for (const char* state : {"INSTALLED", "UPDATING", "REKEYING", "REKEYED"}) {
    EXPECT_TRUE(read_association(event(state), "vpn-1")->installed) << state;
  }
  for (const char* state : {"CREATED", "ROUTED", "INSTALLING", "DELETING", "DELETED", "DESTROYING", ""}) {
    const auto sa = read_association(event(state), "vpn-1");
    EXPECT_FALSE(sa->installed) << state;
    EXPECT_TRUE(sa->remote_networks.empty()) << state;
  }
  for (const char* state : {"CREATED", "CONNECTING", "DELETING", "DESTROYING", "PASSIVE", ""}) {
    EXPECT_FALSE(read_association(event("INSTALLED", state), "vpn-1")->established) << state;
  }
}

TEST(Association, OfNothingIsNotUp) {
  Section empty;
  empty.section("vpn-1");
  const auto sa = read_association(empty, "vpn-1");
  ASSERT_TRUE(sa);
  EXPECT_FALSE(sa->established);
  EXPECT_FALSE(sa->installed);
  EXPECT_FALSE(sa->remote);
}

}  // namespace
}  // namespace vpn::agent::strongswan
