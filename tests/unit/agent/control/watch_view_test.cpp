#include "agent/control/ctl/watch_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace vpn::agent {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Json state(double time, unsigned packets) {
  return {{"guard", "in-force"},
          {"time", time},
          {"primary_interface", "wlan0"},
          {"tunnels", {{{"id", "A"}, {"status", "connected"}}, {{"id", "B"}, {"status", "connecting"}}}},
          {"traffic",
           {{{"app", "com.example.idle"},
             {"verdict", "tunnel"},
             {"rule", "S3.e"},
             {"direction", "out"},
             {"packets", 9000u},
             {"bytes", 1u}},
            {{"app", "com.example.busy"},
             {"verdict", "drop"},
             {"rule", "S3.e"},
             {"direction", "out"},
             {"packets", packets},
             {"bytes", packets * 1000u}}}},
          {"drops",
           {{{"time", 0},
             {"rule", "S3.e"},
             {"app", "com.example.busy\x1b[2J"},
             {"direction", "out"},
             {"protocol", "tcp"},
             {"remote", "203.0.113.5"},
             {"remote_port", 443}}}}};
}

std::size_t lines(const std::string& frame) {
  return static_cast<std::size_t>(std::count(frame.begin(), frame.end(), '\n')) + 1;
}

TEST(WatchFrame, ShowsTheBusiestFirstWithRates) {
  const std::string frame = ctl::watch_frame(state(12, 5000), state(10, 1000), {24, 120}, false);
  EXPECT_LT(frame.find("com.example.busy"), frame.find("com.example.idle"));
  EXPECT_THAT(frame, HasSubstr("2.0 kpkt/s"));
  EXPECT_THAT(frame, HasSubstr("2.0 MB/s"));
  EXPECT_THAT(frame, HasSubstr("tunnel   connected"));
  EXPECT_THAT(frame, HasSubstr("to tcp 203.0.113.5 port 443"));
}

TEST(WatchFrame, HasNoRatesAtFirstNorAfterCountersStartedAgain) {
  EXPECT_THAT(ctl::watch_frame(state(12, 5000), nullptr, {24, 120}, false), HasSubstr(" 0 pkt/s"));
  const std::string frame = ctl::watch_frame(state(12, 10), state(10, 1000), {24, 120}, false);
  EXPECT_THAT(frame, HasSubstr(" 0 pkt/s"));
  EXPECT_THAT(frame, Not(HasSubstr(" -")));
}

TEST(WatchFrame, FitsEveryScreen) {
  for (unsigned rows = 1; rows < 40; ++rows) {
    for (const unsigned columns : {1u, 7u, 40u, 200u}) {
      const std::string frame = ctl::watch_frame(state(12, 5000), state(10, 1000), {rows, columns}, false);
      EXPECT_LE(lines(frame), rows);
      std::size_t longest = 0, at = 0;
      for (std::size_t end = 0; (end = frame.find("\x1b[K", at)) != std::string::npos; at = end + 4)
        longest = std::max(longest, end - at);
      EXPECT_LE(longest, columns);
    }
  }
}

TEST(WatchFrame, LetsNoNameCommandTheTerminal) {
  const std::string frame = ctl::watch_frame(state(12, 1), state(10, 1), {24, 120}, true);
  EXPECT_THAT(frame, Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(frame, HasSubstr("\x1b[32m"));
}

TEST(WatchFrame, TakesAnythingForAState) {
  for (const char* text : {"{}", "[]", "null", R"({"traffic": 7, "drops": {"a": 1}, "time": "x", "tunnels": []})",
                           R"({"traffic": [7, {"packets": -1}, {"app": 4}], "drops": [{}]})"}) {
    const Json odd = Json::parse(text);
    EXPECT_FALSE(ctl::watch_frame(odd, odd, {24, 80}, true).empty()) << text;
  }
}

}  // namespace
}  // namespace vpn::agent
