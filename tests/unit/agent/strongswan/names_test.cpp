#include "agent/tunnel/strongswan/names.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/tunnel/names.h"

namespace vpn::agent::strongswan {
namespace {

TEST(Names, AreShortAndTheSameForOneTunnel) {
  const std::string name = short_name("ike", "0C6E1B1E-0000-4000-8000-000000000001#0");
  EXPECT_EQ(name.size(), 16u);
  EXPECT_EQ(name.substr(0, 4), "ike-");
  EXPECT_EQ(short_name("ike", "0c6e1b1e-0000-4000-8000-000000000001#0"), name);
  EXPECT_NE(short_name("ike", "0C6E1B1E-0000-4000-8000-000000000001#1"), name);
  EXPECT_EQ(interface_id("ike-0123456789ab"), 0x767789abu);
}

TEST(Paths, MustBePlain) {
  const auto paths = paths_in("/run/vpn-guard/ike-1");
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->socket, "/run/vpn-guard/ike-1/charon.vici");
  EXPECT_EQ(paths->updown, "/run/vpn-guard/ike-1/resolvers");
  for (const std::string& wrong :
       {std::string(), std::string("run"), std::string("/a b"), std::string("/a'b"), std::string("/a\"b"),
        std::string("/a#b"), std::string("/a$b"), std::string("/a\nb"), "/" + std::string(100, 'a')}) {
    EXPECT_FALSE(paths_in(wrong)) << wrong;
  }
}

TEST(Resolvers, AreTheAddressesOfTheFile) {
  EXPECT_TRUE(read_resolvers("/nonexistent/resolvers").empty());
  std::string folder = testing::TempDir() + "resolversXXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/r") << "up-client\n10.77.0.53\n\nnonsense\n10.0.0.1 \nfd00::53\n";
  EXPECT_EQ(read_resolvers(folder + "/r"),
            (std::vector<policy::Address>{*policy::Address::parse("10.77.0.53"), *policy::Address::parse("fd00::53")}));
  std::ofstream many(folder + "/m");
  for (int i = 0; i < 100; ++i) many << "10.0.0." << i << "\n";
  many.close();
  EXPECT_EQ(read_resolvers(folder + "/m").size(), 8u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace vpn::agent::strongswan
