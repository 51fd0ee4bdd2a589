#include "agent/control/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::agent {
namespace {

TEST(Messages, Requests) {
  EXPECT_EQ(parse_request(R"({"command": "status"})")->command, ControlCommand::status);
  const auto apply = parse_request(R"({"command": "apply", "policy": "/etc/p", "confirm": 120})");
  ASSERT_TRUE(apply);
  EXPECT_EQ(apply->policy, "/etc/p");
  EXPECT_EQ(apply->confirm_seconds, 120u);
  EXPECT_EQ(parse_request(R"({"command": "why", "flow": "{}", "pid": 7})")->pid, 7u);
  EXPECT_TRUE(parse_request(R"({"command": "drops", "follow": true})")->follow);
  EXPECT_TRUE(parse_request(R"({"command": "stop", "remove_guard": true})")->remove_guard);
  const auto answer = parse_request(R"({"command": "answer", "tunnel": "A", "question": 1800000000000, "bytes": 6})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->question, 1800000000000u);
  EXPECT_EQ(answer->bytes, 6u);
  const auto machine = parse_request(R"({"command": "machine", "facts": {"asleep": true}})");
  ASSERT_TRUE(machine);
  EXPECT_TRUE(machine->machine.asleep);
}

TEST(Messages, WhatIsWrong) {
  for (const char* bad : {"",
                          "[]",
                          "{",
                          "null",
                          R"({"command": 1})",
                          R"({"command": "sing"})",
                          R"({})",
                          R"({"command": "connect"})",
                          R"({"command": "apply", "policy": "relative"})",
                          R"({"command": "apply", "policy": "/p", "confirm": 3601})",
                          R"({"command": "apply", "policy": "/p", "confirm": -1})",
                          R"({"command": "why"})",
                          R"({"command": "why", "flow": "{}", "pid": "7"})",
                          R"({"command": "stop", "remove_guard": "yes"})",
                          R"({"command": "answer", "tunnel": "A", "question": 1})",
                          R"({"command": "answer", "tunnel": "A", "bytes": 1})",
                          R"({"command": "answer", "question": 1, "bytes": 1})",
                          R"({"command": "answer", "tunnel": "A", "question": 1, "bytes": 4097})",
                          R"({"command": "connect", "tunnel": "a\u0000b"})",
                          R"({"command": "machine"})",
                          R"({"command": "machine", "facts": {"asleep": 1}})"}) {
    const auto request = parse_request(bad);
    ASSERT_FALSE(request) << bad;
    EXPECT_EQ(request.error().kind, ErrorKind::usage);
  }
  EXPECT_FALSE(parse_request(std::string(largest_request + 1, ' ')));
  EXPECT_FALSE(parse_request(std::string(60000, '[')));
}

TEST(Messages, WhoMayDoWhat) {
  const auto request = [](const char* text) { return *parse_request(text); };
  const ControlRequest status = request(R"({"command": "status"})");
  const ControlRequest why = request(R"({"command": "why", "flow": "{}"})");
  const ControlRequest apply = request(R"({"command": "apply", "policy": "/p"})");
  const ControlRequest stop = request(R"({"command": "stop"})");
  const ControlPeer root{0, false}, member{1000, true}, other{1000, false};
  for (const ControlRequest& r : {status, why, apply, stop}) EXPECT_TRUE(may(root, r, false));
  EXPECT_TRUE(may(member, why, false));
  EXPECT_FALSE(may(member, apply, false));  // nobody has signed it
  EXPECT_TRUE(may(member, apply, true));
  EXPECT_FALSE(may(member, stop, true));
  EXPECT_TRUE(may(other, status, false));
  for (const ControlRequest& r : {why, apply, stop}) EXPECT_FALSE(may(other, r, true));
  EXPECT_FALSE(may(ControlPeer{}, why, true));
  const ControlRequest machine = request(R"({"command": "machine", "facts": {}})");
  EXPECT_TRUE(may(root, machine, false));
  EXPECT_FALSE(may(member, machine, true) || may(other, machine, true));
  const ControlRequest answer = request(R"({"command": "answer", "tunnel": "A", "question": 1, "bytes": 1})");
  EXPECT_TRUE(may(root, answer, false) && may(member, answer, false));
  EXPECT_FALSE(may(other, answer, false));
  const ControlPeer before_screen{1000, false, true};
  EXPECT_TRUE(may(before_screen, answer, false));
  for (const ControlRequest& r : {why, apply, stop}) EXPECT_FALSE(may(before_screen, r, true));
}

TEST(Messages, Replies) {
  EXPECT_EQ(reply(nlohmann::json{{"a", 1}}), "{\"ok\":true,\"result\":{\"a\":1}}\n");
  const auto error = nlohmann::json::parse(reply(Error{ErrorKind::unreadable, "w\xff", "x", "h"}));
  EXPECT_EQ(error["error"]["kind"], "unreadable");
  EXPECT_EQ(error["ok"], false);
}

}  // namespace
}  // namespace vpn::agent
