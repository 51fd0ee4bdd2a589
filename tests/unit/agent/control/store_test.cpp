#include "agent/control/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agent/files/files.h"
#include "tests/support/policy_maker.h"

namespace vpn::agent {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() : folder_(testing::TempDir() + "/store-test-" + std::to_string(::getpid())), store_(folder_) {
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(store_.prepare());
  }
  ~StoreTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
  Store store_;
};

TEST_F(StoreTest, KeepsThePolicyAndItsSerial) {
  EXPECT_EQ(store_.lowest_serial().value(), 0u);
  test::PolicyMaker maker;
  maker.device("D");
  const policy::Policy policy = maker.make();
  std::ofstream(folder_ + "/named.secrets") << "hush";
  ASSERT_TRUE(store_.keep(policy, folder_ + "/named.secrets"));
  EXPECT_EQ(store_.lowest_serial().value(), policy.header().serial);
  EXPECT_TRUE(policy::Policy::open(store_.policy_path()));
  EXPECT_EQ(read_file(store_.policy_path() + ".secrets").value(), "hush");
  struct stat s {};
  ASSERT_EQ(::stat((store_.policy_path() + ".secrets").c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  EXPECT_FALSE(store_.keep(policy, folder_ + "/missing"));
}

TEST_F(StoreTest, DoesNotWriteAgainWhatItHas) {
  test::PolicyMaker maker;
  maker.device("D");
  const policy::Policy policy = maker.make();
  std::ofstream(folder_ + "/named.secrets") << "hush";
  const auto inodes = [&] {
    std::vector<ino_t> out;
    for (const char* name : {"/policy.vpnpolicy", "/policy.vpnpolicy.secrets", "/serial"}) {
      struct stat s {};
      EXPECT_EQ(::stat((folder_ + name).c_str(), &s), 0);
      out.push_back(s.st_ino);
    }
    return out;
  };
  ASSERT_TRUE(store_.keep(policy, folder_ + "/named.secrets"));
  const auto before = inodes();
  ASSERT_TRUE(store_.keep(policy, folder_ + "/named.secrets"));
  EXPECT_EQ(inodes(), before);
  std::ofstream(folder_ + "/named.secrets") << "hash";
  ASSERT_TRUE(store_.keep(policy, folder_ + "/named.secrets"));
  EXPECT_EQ(read_file(store_.policy_path() + ".secrets").value(), "hash");
  EXPECT_EQ(inodes()[0], before[0]);
}

TEST_F(StoreTest, ASerialThatCannotBeReadIsNotZero) {
  for (const char* text : {"", "x", "12x", "-1", "99999999999999999999"}) {
    std::ofstream(folder_ + "/serial") << text;
    EXPECT_FALSE(store_.lowest_serial()) << text;
  }
  std::ofstream(folder_ + "/serial") << "18446744073709551615\n";
  EXPECT_EQ(store_.lowest_serial().value(), 18446744073709551615u);
}

TEST_F(StoreTest, RemembersTunnels) {
  EXPECT_TRUE(store_.tunnels().empty());
  RememberedTunnels tunnels;
  tunnels["A"].was_up = true;
  tunnels["A"].settings.interface = "tun0";
  tunnels["A"].process = {{"/usr/sbin/openvpn"}, {"/vpn/ov-1"}, 7};
  tunnels["A"].settings.included_routes = {*policy::Prefix::parse("10.0.0.0/8")};
  tunnels["B"];
  ASSERT_TRUE(store_.keep(tunnels));
  const RememberedTunnels again = store_.tunnels();
  ASSERT_EQ(again.size(), 2u);
  EXPECT_TRUE(again.at("A").was_up);
  EXPECT_EQ(again.at("A").settings, tunnels["A"].settings);
  EXPECT_EQ(again.at("A").process, tunnels["A"].process);
  EXPECT_TRUE(parse_tunnels(R"({"A": {"was_up": true, "settings": {}}})")) << "of an agent that did not write it";
  EXPECT_FALSE(again.at("B").was_up);
}

TEST(Store, TornFilesAreNoTunnels) {
  RememberedTunnels tunnels;
  tunnels["A"].settings.interface = "tun0";
  const std::string whole = write_tunnels(tunnels);
  EXPECT_TRUE(parse_tunnels(whole));
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) EXPECT_FALSE(parse_tunnels(whole.substr(0, size)));
  EXPECT_FALSE(parse_tunnels(R"({"A": {"was_up": 1, "settings": {}}})"));
  EXPECT_FALSE(parse_tunnels(R"({"A": {"was_up": true, "settings": {"mtu": "x"}}})"));
}

TEST(Files, WriteWholeOrNotAtAll) {
  const std::string path = testing::TempDir() + "/files-test-" + std::to_string(::getpid());
  ASSERT_TRUE(write_file(path, "one", 0640));
  ASSERT_TRUE(write_file(path, "two", 0640));
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(read_file(path, 2).error().kind, ErrorKind::unreadable);
  EXPECT_FALSE(write_file("/nowhere/at/all", "x"));
  EXPECT_FALSE(read_file(testing::TempDir()));
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("Büro"), "Büro");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace vpn::agent
