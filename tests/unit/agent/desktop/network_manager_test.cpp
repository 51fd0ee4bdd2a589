// What is read of NetworkManager's answer: messages as its object manager would send them.
#include "agent/desktop/network_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace vpn::agent::desktop {
namespace {

using Json = nlohmann::json;

/// A bus that goes nowhere, for messages to be made on.
class NetworkManagerAnswer : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()), 0);
    ASSERT_GE(sd_bus_new(&bus_), 0);
    ASSERT_GE(sd_bus_set_fd(bus_, ends_[0], ends_[0]), 0);
    ASSERT_GE(sd_bus_start(bus_), 0);
    ASSERT_GE(sd_bus_message_new_signal(bus_, &message_, "/", "example.Answer", "Answer"), 0);
  }
  void TearDown() override {
    sd_bus_message_unref(message_);
    sd_bus_close_unref(bus_);
    ::close(ends_[1]);
  }

  struct Device {
    std::string path, interface;
    std::uint32_t type, state = 100;
    std::string type_signature = "u";
  };
  void append(const std::vector<Device>& devices) {
    ASSERT_GE(sd_bus_message_open_container(message_, 'a', "{oa{sa{sv}}}"), 0);
    for (const Device& d : devices) {
      ASSERT_GE(sd_bus_message_open_container(message_, 'e', "oa{sa{sv}}"), 0);
      ASSERT_GE(sd_bus_message_append(message_, "o", d.path.c_str()), 0);
      ASSERT_GE(sd_bus_message_open_container(message_, 'a', "{sa{sv}}"), 0);
      const char* const name = "org.freedesktop.NetworkManager.Device";
      ASSERT_GE(d.type_signature == "u"
                    ? sd_bus_message_append(message_, "{sa{sv}}", name, 3, "DeviceType", "u", d.type, "State", "u",
                                            d.state, "IpInterface", "s", d.interface.c_str())
                    : sd_bus_message_append(message_, "{sa{sv}}", name, 3, "DeviceType", "s", "8", "State", "u",
                                            d.state, "IpInterface", "s", d.interface.c_str()),
                0);
      ASSERT_GE(sd_bus_message_close_container(message_), 0);
      ASSERT_GE(sd_bus_message_close_container(message_), 0);
    }
    ASSERT_GE(sd_bus_message_close_container(message_), 0);
  }
  int read(Json& facts) {
    EXPECT_GE(sd_bus_message_seal(message_, 1, 0), 0);
    return read_network_manager(message_, facts);
  }

  sd_bus* bus_ = nullptr;
  sd_bus_message* message_ = nullptr;

 private:
  std::array<int, 2> ends_{-1, -1};
};

TEST_F(NetworkManagerAnswer, TypesOfDevicesThatAreActive) {
  append({{"/1", "eth0", 1}, {"/2", "wlan0", 2}, {"/3", "ppp0", 8}, {"/4", "br0", 13}, {"/5", "wwan1", 8, 30}});
  Json facts = Json::object();
  ASSERT_GE(read(facts), 0);
  EXPECT_EQ(facts["networks"]["eth0"]["type"], "ethernet");
  EXPECT_EQ(facts["networks"]["wlan0"]["type"], "wifi");
  EXPECT_EQ(facts["networks"]["ppp0"]["type"], "cellular");
  EXPECT_FALSE(facts["networks"]["br0"].contains("type"));
  EXPECT_FALSE(facts["networks"].contains("wwan1")) << "not active";
  EXPECT_EQ(facts["portal"], "unknown");
}

TEST_F(NetworkManagerAnswer, APropertyOfAnotherTypeIsNone) {
  append({{"/1", "ppp0", 8, 100, "s"}});
  Json facts = Json::object();
  ASSERT_GE(read(facts), 0);
  EXPECT_FALSE(facts["networks"]["ppp0"].contains("type"));
}

TEST_F(NetworkManagerAnswer, AnotherMessageIsRefused) {
  ASSERT_GE(sd_bus_message_append(message_, "s", "no objects"), 0);
  Json facts = Json::object();
  EXPECT_LT(read(facts), 0);
}

}  // namespace
}  // namespace vpn::agent::desktop
