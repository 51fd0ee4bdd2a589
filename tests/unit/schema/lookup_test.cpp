#include <gtest/gtest.h>

#include "compiler/schema/schema.h"

namespace vpn::schema {
namespace {

const Key& key(std::string_view type, std::initializer_list<std::string_view> path) {
  const Payload* payload = find_payload(type);
  EXPECT_NE(payload, nullptr) << type;
  const Key* at = &payload->root;
  for (const std::string_view name : path) {
    const Key* next = name == "[]" ? at->element : at->find(name);
    EXPECT_NE(next, nullptr) << type << ' ' << name;
    at = next;
  }
  return *at;
}

TEST(Schema, FindsEveryMemberAndNothingElse) {
  const Key& ikev2 = key("com.apple.vpn.managed", {"IKEv2"});
  for (const Key& member : ikev2.keys) EXPECT_EQ(ikev2.find(member.name), &member);
  for (const std::string_view unknown : {"", "RemoteAddres", "remoteaddress", "RemoteAddressX", "Remote Address"})
    EXPECT_EQ(ikev2.find(unknown), nullptr) << unknown;
  EXPECT_EQ(ikev2.find("MTU")->find("MTU"), nullptr);
}

TEST(Schema, KnowsPayloadTypes) {
  EXPECT_EQ(find_payload("com.apple.vpn.managed")->title, "VPN");
  EXPECT_EQ(find_payload("com.apple.vpn.manage"), nullptr);
  EXPECT_EQ(find_payload(""), nullptr);
  EXPECT_TRUE(is_foreign_payload("com.apple.wifi.managed"));
  EXPECT_FALSE(is_foreign_payload("com.apple.vpn.managed"));
  EXPECT_NE(top_level().root.find("PayloadContent"), nullptr);
}

}  // namespace
}  // namespace vpn::schema
