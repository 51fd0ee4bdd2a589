#include "agent/network/wifi_messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/nl80211.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <string>

namespace vpn::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint16_t family = 28;
constexpr std::uint32_t asked = 7;

// Bytes by hand: what the reader has to understand does not come from its own writer.
class WifiBytes {
 public:
  WifiBytes& raw(const void* data, std::size_t size) {
    const auto* p = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), p, p + size);
    while (bytes_.size() % 4 != 0) bytes_.push_back(std::byte{0});
    return *this;
  }
  WifiBytes& attribute(std::uint16_t type, const void* data, std::size_t size) {
    const nlattr a{static_cast<std::uint16_t>(sizeof(nlattr) + size), type};
    return raw(&a, sizeof a).raw(data, size);
  }
  WifiBytes& attribute(std::uint16_t type, std::uint32_t value) { return attribute(type, &value, sizeof value); }
  WifiBytes& attribute(std::uint16_t type, const WifiBytes& nest) {
    return attribute(type, nest.bytes_.data(), nest.bytes_.size());
  }
  WifiBytes& attribute(std::uint16_t type, const std::string& text) {
    return attribute(type, text.c_str(), text.size() + 1);
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> message(std::uint16_t type, std::uint8_t command, const WifiBytes& attributes,
                               std::uint32_t sequence = asked, std::uint16_t flags = 0) {
  nlmsghdr h{};
  h.nlmsg_len = static_cast<std::uint32_t>(sizeof h + sizeof(genlmsghdr) + attributes.bytes().size());
  h.nlmsg_type = type;
  h.nlmsg_flags = flags;
  h.nlmsg_seq = sequence;
  const genlmsghdr g{command, 1, 0};
  return WifiBytes()
      .raw(&h, sizeof h)
      .raw(&g, sizeof g)
      .raw(attributes.bytes().data(), attributes.bytes().size())
      .bytes();
}

std::vector<std::byte> interface(std::uint32_t index, const std::string& ssid,
                                 std::uint32_t type = NL80211_IFTYPE_STATION) {
  WifiBytes a;
  a.attribute(NL80211_ATTR_IFINDEX, index).attribute(NL80211_ATTR_IFTYPE, type);
  a.attribute(NL80211_ATTR_SSID, ssid.data(), ssid.size());
  return message(family, NL80211_CMD_NEW_INTERFACE, a);
}

std::vector<std::byte> controller(std::uint8_t command, const std::string& name) {
  WifiBytes groups;
  std::uint16_t place = 1;
  for (const char* group : {"config", "scan", "mlme"}) {
    WifiBytes one;
    one.attribute(CTRL_ATTR_MCAST_GRP_NAME, std::string(group)).attribute(CTRL_ATTR_MCAST_GRP_ID, 10u + place);
    groups.attribute(place++, one);
  }
  WifiBytes a;
  a.attribute(CTRL_ATTR_FAMILY_NAME, name).attribute(CTRL_ATTR_FAMILY_ID, &family, sizeof family);
  a.attribute(CTRL_ATTR_MCAST_GROUPS, groups);
  return message(GENL_ID_CTRL, command, a);
}

TEST(ReadWifi, TheNameOfTheNetworkThatAnInterfaceIsIn) {
  auto bytes = interface(3, "Corp");
  const auto more = interface(4, "");
  bytes.insert(bytes.end(), more.begin(), more.end());
  const WifiNews news = read_wifi(bytes, family, asked);
  EXPECT_THAT(news.interfaces, ElementsAre(WifiInterface{3, "Corp"}, WifiInterface{4, ""}));
  EXPECT_EQ(news.malformed, 0u);
  EXPECT_FALSE(news.done);
  EXPECT_FALSE(news.changed);
}

TEST(ReadWifi, NamesAreBytesOfAnyKind) {
  const std::string odd("a\0\n\xff", 4);
  EXPECT_THAT(read_wifi(interface(3, odd), family, asked).interfaces, ElementsAre(WifiInterface{3, odd}));
  const std::string longest(32, 'x');
  EXPECT_EQ(read_wifi(interface(3, longest), family, asked).interfaces.at(0).ssid, longest);
  const WifiNews longer = read_wifi(interface(3, longest + "x"), family, asked);
  EXPECT_THAT(longer.interfaces, IsEmpty());
  EXPECT_EQ(longer.malformed, 1u);
}

TEST(ReadWifi, WhoOffersANetworkIsInNone) {
  for (const auto type : {NL80211_IFTYPE_AP, NL80211_IFTYPE_MONITOR, NL80211_IFTYPE_UNSPECIFIED})
    EXPECT_THAT(read_wifi(interface(3, "Corp", type), family, asked).interfaces, ElementsAre(WifiInterface{3, ""}));
  for (const auto type : {NL80211_IFTYPE_ADHOC, NL80211_IFTYPE_P2P_CLIENT})
    EXPECT_EQ(read_wifi(interface(3, "Corp", type), family, asked).interfaces.at(0).ssid, "Corp");
  EXPECT_THAT(read_wifi(interface(0, "Corp"), family, asked).interfaces, IsEmpty()) << "no network device";
}

TEST(ReadWifi, AnswersToOthersAreNone) {
  EXPECT_THAT(read_wifi(interface(3, "Corp"), family, asked + 1).interfaces, IsEmpty());
  EXPECT_THAT(read_wifi(interface(3, "Corp"), family + 1, asked).interfaces, IsEmpty()) << "another family";
  EXPECT_THAT(read_wifi(interface(3, "Corp"), 0, asked).interfaces, IsEmpty());
  EXPECT_THAT(read_wifi(interface(3, "Corp"), family, std::nullopt).interfaces, IsEmpty()) << "an event is no answer";
}

TEST(ReadWifi, TheFamilyAndItsGroups) {
  const WifiNews news = read_wifi(controller(CTRL_CMD_NEWFAMILY, "nl80211"), 0, std::nullopt);
  ASSERT_TRUE(news.family);
  EXPECT_EQ(news.family->number, family);
  EXPECT_THAT(news.family->groups, ElementsAre(11u, 13u));
  EXPECT_FALSE(read_wifi(controller(CTRL_CMD_NEWFAMILY, "wireguard"), 0, asked).family);
  EXPECT_TRUE(read_wifi(controller(CTRL_CMD_DELFAMILY, "nl80211"), family, std::nullopt).family_gone);
  EXPECT_FALSE(read_wifi(controller(CTRL_CMD_DELFAMILY, "wireguard"), family, std::nullopt).family_gone);
}

TEST(ReadWifi, EventsThatMayChangeTheNetwork) {
  for (const auto command : {NL80211_CMD_CONNECT, NL80211_CMD_ROAM, NL80211_CMD_DISCONNECT, NL80211_CMD_JOIN_IBSS})
    EXPECT_TRUE(read_wifi(message(family, command, {}), family, std::nullopt).changed) << command;
  EXPECT_FALSE(read_wifi(message(family, NL80211_CMD_NOTIFY_CQM, {}), family, std::nullopt).changed);
  EXPECT_FALSE(read_wifi(message(family + 1, NL80211_CMD_CONNECT, {}), family, std::nullopt).changed);
}

TEST(ReadWifi, EndsAndErrors) {
  const auto end = [](std::uint16_t type, std::int32_t code, std::uint16_t flags = 0) {
    nlmsghdr h{};
    h.nlmsg_len = sizeof h + sizeof code;
    h.nlmsg_type = type;
    h.nlmsg_flags = flags;
    h.nlmsg_seq = asked;
    return read_wifi(WifiBytes().raw(&h, sizeof h).raw(&code, sizeof code).bytes(), family, asked);
  };
  EXPECT_TRUE(end(NLMSG_DONE, 0).done);
  EXPECT_EQ(end(NLMSG_DONE, 0).error, 0);
  EXPECT_EQ(end(NLMSG_DONE, -ENODEV).error, ENODEV);
  EXPECT_TRUE(end(NLMSG_ERROR, -EPERM).done);
  EXPECT_EQ(end(NLMSG_ERROR, -EPERM).error, EPERM);
  EXPECT_EQ(end(NLMSG_ERROR, std::numeric_limits<int>::min()).error, EBADMSG);
  EXPECT_TRUE(end(NLMSG_DONE, 0, NLM_F_DUMP_INTR).interrupted);
}

TEST(ReadWifi, WhateverIsCutOffStaysWithin) {
  for (const auto& whole : {interface(3, "Corp"), controller(CTRL_CMD_NEWFAMILY, "nl80211")}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const WifiNews news = read_wifi(cut, family, asked);
      EXPECT_THAT(news.interfaces, IsEmpty()) << size;
      EXPECT_FALSE(news.family) << size;
      EXPECT_EQ(news.malformed, size == 0 ? 0u : 1u) << size;
    }
  }
}

TEST(ReadWifi, AnyBytes) {
  std::mt19937 random(1);
  const auto whole = controller(CTRL_CMD_NEWFAMILY, "nl80211");
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = i % 2 == 0 ? whole : interface(3, "Corp");
    for (unsigned n = 0; n <= random() % 4; ++n) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    for (const WifiInterface& one : read_wifi(bytes, family, asked).interfaces) EXPECT_LE(one.ssid.size(), 32u);
  }
}

TEST(AskWifi, IsADumpThatLoadsNothing) {
  for (const auto& bytes : {ask_wifi_family(asked), ask_wifi_interfaces(family, asked)}) {
    nlmsghdr h{};
    ASSERT_EQ(bytes.size(), sizeof h + sizeof(genlmsghdr));
    std::memcpy(&h, bytes.data(), sizeof h);
    EXPECT_EQ(h.nlmsg_len, bytes.size());
    EXPECT_EQ(h.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
    EXPECT_EQ(h.nlmsg_seq, asked);
  }
}

}  // namespace
}  // namespace vpn::agent
