// Users, as passwd(5) has them.
#include "agent/control/users.h"

#include <gtest/gtest.h>

namespace vpn::agent::test {
namespace {

constexpr std::string_view passwd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "\n"
    "systemd-networkd:x:7:7::/:/bin/false\n"
    "systemd-network:x:998:997:Network:/:/usr/sbin/nologin\n"
    "broken:x:many:1::/:/bin/false\n"
    "short:x\n"
    "large:x:4294967296:1::/:/bin/false\n"
    "last:x:5";

TEST(Users, AreFoundByTheirWholeName) {
  EXPECT_EQ(user_number(passwd, "root"), 0u);
  EXPECT_EQ(user_number(passwd, "systemd-network"), 998u);
  EXPECT_EQ(user_number(passwd, "last"), 5u);
  EXPECT_EQ(user_number(passwd, "systemd"), std::nullopt);
}

TEST(Users, WithoutANumberAreNone) {
  for (const std::string_view name : {"broken", "short", "large"})
    EXPECT_EQ(user_number(passwd, name), std::nullopt) << name;
  EXPECT_EQ(user_number("", "root"), std::nullopt);
  EXPECT_EQ(user_number("root", "root"), std::nullopt);
  EXPECT_EQ(user_number("root:x:", "root"), std::nullopt);
}

}  // namespace
}  // namespace vpn::agent::test
