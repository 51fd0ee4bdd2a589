#include "agent/network/netlink_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>
#include <random>

#include "netlink_message.h"

namespace vpn::agent {
namespace {

using Kind = NetlinkNews::Item::Kind;
using test::append;
using test::Bytes;
using test::Message;

const Bytes v4_address{std::byte{192}, std::byte{168}, std::byte{1}, std::byte{20}};

Bytes link(const char* name, unsigned flags = IFF_UP | IFF_RUNNING) {
  ifinfomsg h{};
  h.ifi_index = 4;
  h.ifi_flags = flags;
  h.ifi_type = 1;
  Bytes kind;
  append(kind, nlattr{sizeof(nlattr) + 5, IFLA_INFO_KIND});
  for (const char c : std::string("veth")) kind.push_back(static_cast<std::byte>(c));
  kind.resize(12);
  return Message(RTM_NEWLINK, h)
      .attribute(IFLA_IFNAME, std::string(name))
      .attribute(IFLA_MTU, 1400u)
      .attribute(IFLA_MASTER, 9u)
      .attribute(IFLA_LINKINFO, kind)
      .bytes();
}

TEST(NetlinkMessages, Links) {
  const NetlinkNews news = read_netlink(link("wlan0"));
  ASSERT_EQ(news.items.size(), 1u);
  const Link& l = news.items[0].link.link;
  EXPECT_EQ(news.items[0].kind, Kind::link);
  EXPECT_EQ(l.index, 4u);
  EXPECT_EQ(l.name, "wlan0");
  EXPECT_EQ(l.kind, "veth");
  EXPECT_EQ(l.mtu, 1400u);
  EXPECT_EQ(l.master, 9u);
  EXPECT_TRUE(l.up);
  EXPECT_FALSE(l.loopback);
  EXPECT_FALSE(read_netlink(link("wlan0", IFF_UP)).items[0].link.link.up);
  EXPECT_EQ(read_netlink(link("a-name-of-sixteen-")).malformed, 1u);
  EXPECT_EQ(read_netlink(link("")).malformed, 1u);
}

TEST(NetlinkMessages, AddressesAreOurOwnEnd) {
  ifaddrmsg h{};
  h.ifa_family = AF_INET;
  h.ifa_prefixlen = 24;
  h.ifa_index = 4;
  const Bytes peer{std::byte{10}, std::byte{0}, std::byte{0}, std::byte{1}};
  const NetlinkNews news =
      read_netlink(Message(RTM_NEWADDR, h).attribute(IFA_ADDRESS, peer).attribute(IFA_LOCAL, v4_address).bytes());
  ASSERT_EQ(news.items.size(), 1u);
  EXPECT_EQ(news.items[0].address, (LinkAddress{4, *policy::Address::parse("192.168.1.20"), 24}));
  h.ifa_prefixlen = 33;
  EXPECT_EQ(read_netlink(Message(RTM_NEWADDR, h).attribute(IFA_LOCAL, v4_address).bytes()).malformed, 1u);
  h.ifa_prefixlen = 24;
  h.ifa_family = AF_INET6;  // four bytes are no address of that family
  EXPECT_EQ(read_netlink(Message(RTM_NEWADDR, h).attribute(IFA_ADDRESS, v4_address).bytes()).malformed, 1u);
}

TEST(NetlinkMessages, RoutesOfTheMainTableWithEachNextHop) {
  rtmsg h{};
  h.rtm_family = AF_INET;
  h.rtm_table = RT_TABLE_MAIN;
  h.rtm_type = RTN_UNICAST;
  Bytes hops;
  for (const int index : {4, 5}) {
    rtnexthop hop{};
    hop.rtnh_len = sizeof hop + 8;
    hop.rtnh_ifindex = index;
    append(hops, hop);
    append(hops, nlattr{8, RTA_GATEWAY});
    hops.insert(hops.end(), v4_address.begin(), v4_address.end());
  }
  const NetlinkNews news =
      read_netlink(Message(RTM_NEWROUTE, h).attribute(RTA_PRIORITY, 600u).attribute(RTA_MULTIPATH, hops).bytes());
  ASSERT_EQ(news.items.size(), 1u);
  ASSERT_EQ(news.items[0].routes.size(), 2u);
  EXPECT_EQ(news.items[0].routes[1].link, 5u);
  EXPECT_EQ(news.items[0].routes[1].metric, 600u);
  EXPECT_EQ(news.items[0].routes[1].gateway, policy::Address::parse("192.168.1.20"));
  EXPECT_EQ(news.items[0].routes[1].destination.length, 0);
  // A next hop that says it is longer than what there is, or has no length at all.
  for (const std::uint16_t length : {std::uint16_t{0}, std::uint16_t{400}}) {
    Bytes broken = hops;
    std::memcpy(broken.data() + 16, &length, sizeof length);
    const auto cut = read_netlink(Message(RTM_NEWROUTE, h).attribute(RTA_MULTIPATH, broken).bytes());
    EXPECT_EQ(cut.items[0].routes.size(), 1u);
  }
  h.rtm_table = 100;
  EXPECT_TRUE(read_netlink(Message(RTM_NEWROUTE, h).bytes()).items.empty());
  h.rtm_table = RT_TABLE_MAIN;
  h.rtm_type = RTN_BLACKHOLE;
  EXPECT_TRUE(read_netlink(Message(RTM_NEWROUTE, h).bytes()).items.empty());
}

TEST(NetlinkMessages, ReadsWhatItWrites) {
  const policy::Prefix v4 = *policy::Prefix::parse("10.0.0.0/8");
  const policy::Prefix v6 = *policy::Prefix::parse("2001:db8::/32");
  const std::vector<OwnRoute> routes = {
      {0x76700001, {v4, 5, RouteKind::interface, 7, {}}},
      {0x76700001, {v6, 1024, RouteKind::gateway, 7, *policy::Address::parse("fe80::1")}},
      {0x76700002, {*policy::Prefix::parse("0.0.0.0/0"), 9, RouteKind::refuse, 0, {}}},
      {0x76700002, {*policy::Prefix::parse("::/0"), 9, RouteKind::pass, 0, {}}}};
  for (const OwnRoute& r : routes) {
    for (const bool remove : {false, true}) {
      const NetlinkNews news = read_netlink(NetlinkRequest::route(r, remove, 1));
      ASSERT_EQ(news.items.size(), 1u);
      EXPECT_EQ(news.items[0].kind, Kind::own_route);
      EXPECT_EQ(news.items[0].own_route, r);
      EXPECT_EQ(news.items[0].gone, remove);
    }
  }
  RouteRule rule;
  rule.priority = 901;
  rule.mark = 0x05000000;
  rule.protocol = 17;
  rule.first_port = rule.last_port = 53;
  rule.source_port = 68;
  rule.target = 0x76700003;
  for (const bool is_v6 : {false, true}) {
    rule.v6 = is_v6;
    const NetlinkNews news = read_netlink(NetlinkRequest::rule(rule, 0xff000000, false, 1));
    ASSERT_EQ(news.items.size(), 1u);
    EXPECT_EQ(news.items[0].rule, rule);
    RouteRule underlay = rule;
    underlay.source = *policy::Address::parse(is_v6 ? "2001:db8::20" : "10.64.0.20");
    EXPECT_EQ(read_netlink(NetlinkRequest::rule(underlay, 0xff000000, false, 1)).items.at(0).rule, underlay);
    RouteRule arrived;
    arrived.v6 = is_v6;
    arrived.arrived = true;
    arrived.target = 0x767ff001;
    EXPECT_EQ(read_netlink(NetlinkRequest::rule(arrived, 0xff000000, false, 1)).items.at(0).rule, arrived);
  }
  for (const auto action : {RouteRule::Action::go_to, RouteRule::Action::none}) {
    RouteRule jump;
    jump.priority = 900;
    jump.action = action;
    jump.target = action == RouteRule::Action::go_to ? 904 : 0;
    EXPECT_EQ(read_netlink(NetlinkRequest::rule(jump, 0xff000000, false, 1)).items.at(0).rule, jump);
  }
}

TEST(NetlinkMessages, FiltersOfTrafficThatGo) {
  tcmsg h{};
  h.tcm_ifindex = 3;
  for (const std::uint16_t type : {RTM_DELTFILTER, RTM_DELQDISC}) {
    const auto news = read_netlink(Message(type, h).bytes());
    ASSERT_EQ(news.items.size(), 1u);
    EXPECT_EQ(news.items[0].kind, Kind::filter_gone);
  }
  EXPECT_TRUE(read_netlink(Message(RTM_NEWTFILTER, h).bytes()).items.empty());
  EXPECT_EQ(read_netlink(Message(RTM_DELQDISC, std::uint32_t{0}).bytes()).malformed, 1u);
}

TEST(NetlinkMessages, AnswersAndEnds) {
  nlmsgerr error{};
  error.error = -1;
  EXPECT_EQ(read_netlink(Message(NLMSG_ERROR, error).bytes()).error, 1);
  error.error = 0;
  EXPECT_EQ(read_netlink(Message(NLMSG_ERROR, error).bytes()).acknowledged, 1u);
  EXPECT_TRUE(read_netlink(Message(NLMSG_DONE, 0).bytes()).done);
}

// Cut at every byte, and with every byte changed: nothing is read outside (ASan), nothing hangs.
TEST(NetlinkMessages, WhateverTheBytes) {
  Bytes all = link("wlan0");
  const Bytes route = NetlinkRequest::route(
      {0x76700001,
       {*policy::Prefix::parse("10.0.0.0/8"), 5, RouteKind::gateway, 7, *policy::Address::parse("10.0.0.1")}},
      false, 1);
  all.insert(all.end(), route.begin(), route.end());
  const Bytes rule = NetlinkRequest::rule(RouteRule{}, 0xff000000, false, 1);
  all.insert(all.end(), rule.begin(), rule.end());
  ASSERT_EQ(read_netlink(all).items.size(), 3u);
  for (std::size_t size = 0; size < all.size(); ++size) {
    const Bytes cut(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_LE(read_netlink(cut).items.size(), 2u);
  }
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    Bytes changed = all;
    for (int n = 0; n < 3; ++n) changed[random() % changed.size()] = static_cast<std::byte>(random());
    EXPECT_LE(read_netlink(changed).items.size(), 64u);
  }
}

}  // namespace
}  // namespace vpn::agent
