#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/network/monitor.h"
#include "agent/network/route_writer.h"

namespace vpn::agent {
namespace {

using Item = NetlinkNews::Item;
using Kind = NetlinkNews::Item::Kind;
using policy::InterfaceType;

const policy::Address address = *policy::Address::parse("192.168.1.20");

Item link(Kind kind, std::uint32_t index, std::string name, bool up = true) {
  Item item;
  item.kind = kind;
  item.link.link.index = index;
  item.link.link.name = std::move(name);
  item.link.link.up = up;
  item.link.hardware = 1;
  return item;
}

Item own(Kind kind, std::uint32_t index) {
  Item item;
  item.kind = kind;
  item.address = {index, address, 24};
  return item;
}

NetlinkNews news(std::vector<Item> items) {
  NetlinkNews out;
  out.items = std::move(items);
  return out;
}

TEST(NetworkTable, FollowsLinksAndAddresses) {
  const InterfaceTypes types({{"wl*", InterfaceType::wifi}}, "/nowhere");
  NetworkTable table(types);
  auto changed = table.apply(news({link(Kind::link, 3, "wlan0"), own(Kind::address, 3)}));
  EXPECT_TRUE(changed.links && changed.addresses && changed.routes && changed.ours);
  EXPECT_EQ(table.view().links[0].type, InterfaceType::wifi);
  changed = table.apply(news({link(Kind::link, 3, "wlan0")}));
  EXPECT_FALSE(changed.links || changed.routes);
  changed = table.apply(news({link(Kind::link, 3, "wlan0", false)}));
  EXPECT_TRUE(changed.links && changed.routes && changed.ours);  // its routes went without a message
  changed = table.apply(news({link(Kind::link, 3, "eth7")}));    // renamed: its type may be another
  EXPECT_EQ(table.view().links[0].type, InterfaceType::ethernet);
  table.apply(news({link(Kind::link_gone, 3, "eth7")}));
  EXPECT_EQ(table.view(), NetworkView());
}

TEST(NetworkTable, TheSameNameAgainIsAnotherLink) {
  const InterfaceTypes types;
  NetworkTable table(types);
  table.apply(news({link(Kind::link, 3, "tun0"), own(Kind::address, 3)}));
  table.apply(news({link(Kind::link_gone, 3, "tun0"), link(Kind::link, 4, "tun0")}));
  const NetworkView view = table.view();
  EXPECT_EQ(view.link("tun0")->index, 4u);
  EXPECT_EQ(view.link(std::uint32_t{3}), nullptr);
  EXPECT_TRUE(view.addresses.empty());
}

TEST(NetworkTable, ADumpReplacesWhatWasThere) {
  const InterfaceTypes types;
  NetworkTable table(types);
  table.apply(news({link(Kind::link, 3, "a"), own(Kind::address, 3)}));
  table.replace_links({link(Kind::link, 5, "b")});
  table.replace_addresses({});
  EXPECT_EQ(table.view().links.size(), 1u);
  EXPECT_TRUE(table.view().addresses.empty());
  Item routes;
  routes.kind = Kind::route;
  const MainRoute route{*policy::Prefix::parse("0.0.0.0/0"), 5, std::nullopt, 0};
  routes.routes = {route, route};
  table.replace_routes({routes});
  EXPECT_THAT(table.view().routes, testing::ElementsAre(route));
}

TEST(NetworkTable, OurRoutesAreNotTheSystems) {
  const InterfaceTypes types;
  NetworkTable table(types);
  Item item;
  item.kind = Kind::own_route;
  const auto changed = table.apply(news({item}));
  EXPECT_TRUE(changed.ours);
  EXPECT_FALSE(changed.routes);
}

TEST(RouteWriter, PutsWhatItReadIntoAPlansOrder) {
  Item a, b, c, d;
  a.kind = b.kind = Kind::own_route;
  a.own_route = {2, {*policy::Prefix::parse("10.0.0.0/8"), 1, RouteKind::pass, 0, {}}};
  b.own_route = {2, {*policy::Prefix::parse("0.0.0.0/0"), 9, RouteKind::refuse, 0, {}}};
  c.kind = d.kind = Kind::rule;
  c.rule.priority = 901;
  d.rule.priority = 900;
  const RoutePlan plan = plan_of({a, b, c, d}, 0xff);
  ASSERT_EQ(plan.tables.size(), 1u);
  EXPECT_EQ(plan.tables[0].routes[0].destination.length, 0);
  EXPECT_EQ(plan.rules[0].priority, 900u);
}

TEST(InterfaceTypes, ByConfigurationThenByTheKernel) {
  const std::string folder = testing::TempDir() + "/sysfs-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder + "/wifi0/wireless");
  std::filesystem::create_directories(folder + "/modem0");
  std::ofstream(folder + "/modem0/uevent") << "DEVTYPE=wwan\nINTERFACE=modem0\n";
  const InterfaceTypes types({{"eth9", InterfaceType::cellular}}, folder);
  const auto of = [&](const char* name, const char* kind, std::uint16_t hardware) {
    LinkMessage m;
    m.link.name = name;
    m.link.kind = kind;
    m.hardware = hardware;
    return types.of(m);
  };
  EXPECT_EQ(of("wifi0", "", 1), InterfaceType::wifi);
  EXPECT_EQ(of("modem0", "", 1), InterfaceType::cellular);
  EXPECT_EQ(of("eth0", "", 1), InterfaceType::ethernet);
  EXPECT_EQ(of("eth9", "", 1), InterfaceType::cellular);
  EXPECT_EQ(of("tun0", "tun", 65534), InterfaceType::other);
  EXPECT_EQ(of("br0", "bridge", 1), InterfaceType::other);
  EXPECT_EQ(of("rmnet0", "", 519), InterfaceType::cellular);
  EXPECT_EQ(of("../modem0", "", 1), InterfaceType::other);
  std::filesystem::remove_all(folder);
}

TEST(Matches, StarsAndQuestionMarks) {
  EXPECT_TRUE(matches("", ""));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("wl*", "wlan0"));
  EXPECT_TRUE(matches("app-*-mail?.scope", "app-gnome-mail7.scope"));
  EXPECT_FALSE(matches("wl?", "wlan0"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_FALSE(matches("a*b", "acbd"));
  EXPECT_TRUE(matches("a*b*", "acbd"));
  const std::string many(2000, 'a');
  EXPECT_FALSE(matches("*a*a*a*a*a*b", many));
}

}  // namespace
}  // namespace vpn::agent
