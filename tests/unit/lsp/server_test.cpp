// Life of a session: who may say what when, typing, what is told and what not.
#include "compiler/lsp/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/cli/folder.h"
#include "tests/unit/lsp/client.h"

namespace vpn::lsp {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const std::string uri = "file:///nowhere/a.mobileconfig";

Message place(const std::string& of, int line, int character) {
  return {{"textDocument", {{"uri", of}}}, {"position", {{"line", line}, {"character", character}}}};
}

/// A change that puts a whole text in place.
Message whole(const std::string& text) {
  Message change;
  change["text"] = text;
  return change;
}

/// One that puts a text in place of a range.
Message part(int line, int from, int to, const std::string& text) {
  Message change = whole(text);
  change["range"] = {{"start", {{"line", line}, {"character", from}}}, {"end", {{"line", line}, {"character", to}}}};
  return change;
}

TEST(Server, InitializeComesFirst) {
  TestClient client;
  EXPECT_EQ(client.ask("textDocument/hover", place(uri, 0, 0))["error"]["code"], -32002);
  client.open(uri, "x");  // dropped
  EXPECT_TRUE(client.ask("initialize", Message::object()).contains("result"));
  EXPECT_EQ(client.ask("initialize", Message::object())["error"]["code"], -32600);
  EXPECT_EQ(client.ask("textDocument/hover", place(uri, 0, 0))["error"]["code"], -32602) << "not open";
}

TEST(Server, ShutdownThenExit) {
  TestClient client;
  client.start();
  EXPECT_TRUE(client.ask("shutdown", nullptr)["result"].is_null());
  EXPECT_EQ(client.ask("textDocument/hover", place(uri, 0, 0))["error"]["code"], -32600);
  EXPECT_FALSE(client.server.ended());
  client.notify("exit", nullptr);
  client.run();
  EXPECT_TRUE(client.server.ended());
  EXPECT_EQ(client.server.exit_code(), 0);
}

TEST(Server, ExitWithoutShutdownIsAFault) {
  TestClient client;
  client.notify("exit", nullptr);
  client.run();
  EXPECT_TRUE(client.server.ended());
  EXPECT_EQ(client.server.exit_code(), 1);
}

TEST(Server, UnknownRequestsAreRefusedAndNotificationsIgnored) {
  TestClient client;
  client.start();
  EXPECT_EQ(client.ask("textDocument/rename", Message::object())["error"]["code"], -32601);
  const std::size_t before = client.heard.size();
  client.notify("$/setTrace", {{"value", "verbose"}});
  client.notify("what/ever", nullptr);
  client.run();
  EXPECT_EQ(client.heard.size(), before);
}

TEST(Server, MessagesWithoutSenseAreAnswered) {
  TestClient client;
  client.start();
  client.heard.clear();
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string& text :
       std::vector<std::string>{"{", "[]", "1", "{}", R"({"id": {}, "method": "shutdown"})", "\xff", deep,
                                R"({"id": 1, "method": 5})", R"({"id": null, "method": "shutdown"})"})
    client.server.receive(framed(text));
  client.run();
  ASSERT_EQ(client.heard.size(), 9U);
  for (const Message& m : client.heard) EXPECT_TRUE(m.contains("error")) << m.dump();
  EXPECT_FALSE(client.server.ended());
}

TEST(Server, WhatIsCancelledBeforeItsTurnIsNotDone) {
  TestClient client;
  client.start();
  client.open(uri, profile(""));
  const int first = client.request("textDocument/hover", place(uri, 3, 8));
  const int second = client.request("textDocument/hover", place(uri, 3, 8));
  client.notify("$/cancelRequest", {{"id", second}});
  client.notify("$/cancelRequest", {{"id", {{"hostile", true}}}});
  client.run();
  const auto answer_to = [&](int id) {
    for (const Message& m : client.heard)
      if (m.value("id", 0) == id) return m;
    return Message();
  };
  EXPECT_TRUE(answer_to(first).contains("result"));
  EXPECT_EQ(answer_to(second)["error"]["code"], -32800);
}

TEST(Server, TypingIsJudgedOnceItRests) {
  TestClient client(milliseconds(100));
  client.start();
  client.open(uri, profile("<key>Wrong</key><true/>"));
  client.run();
  ASSERT_EQ(client.published(uri).size(), 1U);
  EXPECT_EQ(client.published(uri)[0]["version"], 1);
  for (int version = 2; version < 12; ++version) {
    client.change(uri, version, Message::array({whole(profile("<key>Wrong</key><true/> "))}));
    client.pass(milliseconds(50));
  }
  EXPECT_EQ(client.published(uri).size(), 1U) << "nothing while somebody types";
  ASSERT_TRUE(client.server.due(client.now));
  client.pass(milliseconds(3000));
  ASSERT_EQ(client.published(uri).size(), 2U);
  EXPECT_EQ(client.published(uri)[1]["version"], 11);
  EXPECT_FALSE(client.server.due(client.now));
}

TEST(Server, AStaleResultIsDropped) {
  TestClient client;
  client.start();
  client.open(uri, profile(""));
  ASSERT_TRUE(client.server.step(client.now)) << "opened";
  ASSERT_TRUE(client.server.step(client.now)) << "judged";
  client.change(uri, 2, Message::array({whole(profile(" "))}));
  client.pass(milliseconds(3000));
  ASSERT_EQ(client.published(uri).size(), 1U);
  EXPECT_EQ(client.published(uri)[0]["version"], 2);
}

TEST(Server, IncrementalChangesAddUp) {
  TestClient client;
  client.start();
  client.open(uri, "<plist>\r\n</plist>");
  client.change(uri, 2,
                Message::array({part(0, 7, 7, "\n<dict>\xF0\x9D\x84\x9E"), part(1, 8, 8, "</dict>"),
                                part(1, 6, 8, "<key>Payl"), Message{{"range", "hostile"}, {"text", 5}}}));
  const Message answer = client.ask("textDocument/completion", place(uri, 1, 15));
  EXPECT_THAT(answer.dump(), HasSubstr("PayloadContent"));
}

TEST(Server, ClosingTakesTheDiagnosticsAway) {
  TestClient client;
  client.start();
  client.open(uri, "<plist>");
  client.run();
  client.notify("textDocument/didClose", {{"textDocument", {{"uri", uri}}}});
  client.run();
  ASSERT_EQ(client.published(uri).size(), 2U);
  EXPECT_FALSE(client.published(uri)[0]["diagnostics"].empty());
  EXPECT_TRUE(client.published(uri)[1]["diagnostics"].empty());
}

TEST(Server, SaysWhatItCannotJudge) {
  TestClient client;
  client.start();
  const std::vector<std::pair<std::string, std::string>> files{{"bplist00\xEF\xBF\xBD", "a binary property list"},
                                                               {"0\xEF\xBF\xBD\xEF\xBF\xBD", "signed or encrypted"},
                                                               {"-----BEGIN PKCS7-----", "signed or encrypted"},
                                                               {std::string(std::size_t{17} << 20, ' '), "too large"}};
  int number = 0;
  for (const auto& [text, said] : files) {
    const std::string name = uri + std::to_string(++number) + ".mobileconfig";
    client.open(name, text);
    client.run();
    const Message list = client.published(name).back()["diagnostics"];
    ASSERT_EQ(list.size(), 1U);
    EXPECT_THAT(list[0]["message"].get<std::string>(), HasSubstr(said));
    EXPECT_TRUE(client.ask("textDocument/hover", place(name, 0, 0))["result"].is_null());
  }
}

TEST(Server, ATooLargeTextComesBackWithAWholeOne) {
  TestClient client;
  client.start();
  client.open(uri, std::string(std::size_t{17} << 20, ' '));
  client.change(uri, 2, Message::array({part(0, 0, 0, "<")}));
  client.pass(milliseconds(5000));
  EXPECT_THAT(client.published(uri).back().dump(), HasSubstr("too large"));
  client.change(uri, 3, Message::array({whole("<plist>")}));
  client.pass(milliseconds(5000));
  EXPECT_THAT(client.published(uri).back().dump(), HasSubstr("VP1"));
}

TEST(Server, LeavesForeignFilesAlone) {
  TestClient client;
  client.start();
  client.open("file:///nowhere/package.json", R"({"name": "x", "Type": 5})");
  client.run();
  EXPECT_TRUE(client.published("file:///nowhere/package.json").back()["diagnostics"].empty());
}

TEST(Server, ReadsTheConfigurationFile) {
  const cli::Folder folder;
  const std::string file = "file://" + folder.path("a.mobileconfig");
  folder.write(".vpnprofile.yaml", "ignore: [unknown-key]\n");
  TestClient client;
  client.start();
  client.open(file, profile("<key>IncludeAllNetwork</key><true/>"));
  client.run();
  EXPECT_THAT(client.published(file).back().dump(), testing::Not(HasSubstr("VP1203")));
  folder.write(".vpnprofile.yaml", "ignore: []\nplatfrom: ios\n");
  client.notify("workspace/didChangeWatchedFiles", {{"changes", Message::array()}});
  client.run();
  EXPECT_THAT(client.published(file).back().dump(), HasSubstr("VP1203"));
  EXPECT_THAT(client.published(file).back().dump(), HasSubstr("unknown key 'platfrom'"));
}

TEST(Server, AsksForItsSettings) {
  TestClient client;
  client.start({{"workspace", {{"configuration", true}, {"didChangeWatchedFiles", {{"dynamicRegistration", true}}}}}});
  const auto asked = [&](const std::string& method) {
    for (const Message& m : client.heard)
      if (m.value("method", "") == method) return m;
    return Message();
  };
  EXPECT_EQ(asked("client/registerCapability")["params"]["registrations"][0]["method"],
            "workspace/didChangeWatchedFiles");
  ASSERT_EQ(asked("workspace/configuration")["params"]["items"][0]["section"], "vpnprofile");
  client.open(uri, profile(""));
  client.run();
  client.send({{"jsonrpc", "2.0"}, {"id", "configuration"}, {"result", {{{"platform", "ios,beos"}}}}});
  client.run();
  EXPECT_THAT(asked("window/showMessage").dump(), HasSubstr("'beos' is no platform"));
  client.send({{"jsonrpc", "2.0"},
               {"id", "configuration"},
               {"result", {{{"platform", "watchos"}, {"os-version", "11"}, {"supervised", false}}}}});
  client.run();
  EXPECT_THAT(client.published(uri).back().dump(), HasSubstr("VP17"));
}

TEST(Server, AStreamOutOfStepIsTheEnd) {
  TestClient client;
  client.start();
  client.server.receive("no header\r\n\r\n{}");
  client.run();
  EXPECT_TRUE(client.server.ended());
  EXPECT_EQ(client.server.exit_code(), 1);
}

}  // namespace
}  // namespace vpn::lsp
