#include "agent/tunnel/enrolment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/files/files.h"
#include "agent/loop/asio_loop.h"
#include "policy/types.h"
#include "policy_generated.h"

namespace vpn::agent {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class EnrolmentTest : public testing::Test {
 protected:
  EnrolmentTest() { std::filesystem::create_directories(folder_); }
  ~EnrolmentTest() override { std::filesystem::remove_all(folder_); }

  /// A program of the administrator's, in shell.
  std::string program(const std::string& text) const {
    std::ofstream(folder_ + "/enrol") << "#!/bin/sh\n" << text;
    ::chmod((folder_ + "/enrol").c_str(), 0755);
    return folder_ + "/enrol";
  }
  bool shell(const std::string& command) const {
    return std::system(("cd " + folder_ + " && (" + command + ") >/dev/null 2>&1").c_str()) == 0;
  }
  bool make_identity() const {
    return shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=device -keyout key "
        "-out certificate &&"
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout cakey -out "
        "ca &&"
        "openssl pkcs12 -export -inkey key -in certificate -certfile ca -passout pass: -out container");
  }
  /// What comes of it, or its error.
  std::string outcome(const std::string& text, seconds limit = seconds(20)) {
    std::string out = "nothing";
    auto work = Enrolment::start(loop_, {program(text), limit}, std::as_bytes(std::span(request_)),
                                 [&](Result<DeviceIdentity> identity) {
                                   out = identity ? "key " + std::to_string(!identity->key.empty()) + " others " +
                                                        std::to_string(identity->others.size())
                                                  : identity.error().what;
                                   loop_.stop();
                                 });
    if (!work) return work.error().what;
    const auto patience = loop_.after(seconds(30), [&] { loop_.stop(); });
    loop_.run();
    loop_.restart();
    return out;
  }

  std::string folder_ = testing::TempDir() + "enrolment-test-" + std::to_string(::getpid());
  AsioLoop loop_;
  std::string request_ = "{\"version\": 1}\n";
};

TEST_F(EnrolmentTest, TheProgramReadsTheRequestAndWritesTheIdentity) {
  ASSERT_TRUE(make_identity());
  EXPECT_EQ(
      outcome("cat >" + folder_ + "/request; cat " + folder_ + "/key " + folder_ + "/ca " + folder_ + "/certificate"),
      "key 1 others 1")
      << "the certificate is the one that fits the key";
  EXPECT_EQ(*read_file(folder_ + "/request"), request_);
  EXPECT_EQ(outcome("cat " + folder_ + "/container"), "key 1 others 1");
}

TEST_F(EnrolmentTest, WhatIsNoIdentityIsRefused) {
  ASSERT_TRUE(make_identity());
  for (const char* bad : {"true", "echo hello", "printf '\\060\\202\\377\\377'", "echo '-----BEGIN PRIVATE KEY-----'"})
    EXPECT_THAT(outcome(bad), HasSubstr("it gives no")) << bad;
  EXPECT_THAT(outcome("cat " + folder_ + "/key " + folder_ + "/ca"), HasSubstr("no private key with its certificate"));
  EXPECT_THAT(outcome("cat " + folder_ + "/certificate"), HasSubstr("no private key"));
}

TEST_F(EnrolmentTest, AProgramThatFailsHangsOrFloodsIsEnded) {
  ASSERT_TRUE(make_identity());
  EXPECT_THAT(outcome("cat " + folder_ + "/key " + folder_ + "/certificate; exit 3"), HasSubstr("status 3"))
      << "whatever it has written";
  EXPECT_THAT(outcome("exec sleep 60", seconds(1)), HasSubstr("takes too long"));
  EXPECT_THAT(outcome("exec yes"), HasSubstr("more than a mebibyte"));
  auto none = Enrolment::start(loop_, {}, {}, [](Result<DeviceIdentity>) {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().help, HasSubstr("enrolment.program"));
  EXPECT_FALSE(Enrolment::start(loop_, {folder_ + "/absent", seconds(1)}, {}, [](Result<DeviceIdentity>) {}));
}

TEST(EnrolmentRequest, HasThePayloadsKeysAndItsSecrets) {
  flatbuffers::FlatBufferBuilder builder;
  namespace fb = policy::fb;
  const auto settings = builder.CreateVector(std::vector{
      fb::CreateSetting(builder, builder.CreateString("Challenge"), 0, 0),
      fb::CreateSetting(builder, builder.CreateString("URL"), builder.CreateString("https://scep.example.com/"))});
  builder.Finish(fb::CreateIdentity(builder, builder.CreateString("U"), builder.CreateString("scep"), 0, policy::none,
                                    policy::none, settings));
  const auto* identity = flatbuffers::GetRoot<fb::Identity>(builder.GetBufferPointer());
  EXPECT_TRUE(is_to_be_enrolled(*identity));
  const std::string challenge = "open sesame";
  const auto request = enrolment_request(*identity, [&](std::uint32_t number) {
    return number == 0 ? std::optional(std::as_bytes(std::span(challenge))) : std::nullopt;
  });
  ASSERT_TRUE(request);
  const auto tree = nlohmann::json::parse(text_of(*request));
  EXPECT_EQ(tree, (nlohmann::json{{"version", 1},
                                  {"kind", "scep"},
                                  {"uuid", "U"},
                                  {"settings", {{"Challenge", challenge}, {"URL", "https://scep.example.com/"}}}}));
  EXPECT_FALSE(enrolment_request(*identity, [](std::uint32_t) { return std::nullopt; }));
}

}  // namespace
}  // namespace vpn::agent
