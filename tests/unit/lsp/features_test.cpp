// Completion, hover and quick fixes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lsp/client.h"

namespace vpn::lsp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string document = "file:///nowhere/b.mobileconfig";
const std::string declaration = "file:///nowhere-either/b.json";

Message able() {
  return {{"textDocument",
           {{"completion", {{"completionItem", {{"snippetSupport", true}, {"documentationFormat", {"markdown"}}}}}},
            {"hover", {{"contentFormat", {"markdown"}}}},
            {"codeAction", {{"codeActionLiteralSupport", Message::object()}}}}}};
}

/// The items at the mark.
Message completed(const Marked& marked, const std::string& name = document, const Message& capabilities = able()) {
  TestClient client;
  client.start(capabilities);
  client.open(name, marked.text);
  client.run();
  return client.ask("textDocument/completion",
                    {{"textDocument", {{"uri", name}}}, {"position", marked.json()}})["result"]["items"];
}

std::vector<std::string> labels(const Message& items) {
  std::vector<std::string> out;
  for (const Message& item : items) out.push_back(item["label"]);
  return out;
}

Message labelled(const Message& items, const std::string& label) {
  for (const Message& item : items)
    if (item["label"] == label) return item;
  return {{"textEdit", {{"newText", "there is no " + label}}}};
}

std::string put_in(const Message& items, const std::string& label) {
  return labelled(items, label)["textEdit"]["newText"];
}

std::string hovered(const Marked& marked, const std::string& name = document) {
  TestClient client;
  client.start(able());
  client.open(name, marked.text);
  client.run();
  const Message said =
      client.ask("textDocument/hover", {{"textDocument", {{"uri", name}}}, {"position", marked.json()}})["result"];
  return said.is_null() ? "nothing" : said["contents"]["value"].get<std::string>();
}

TEST(Completion, OffersTheKeysThatAreLacking) {
  const Message items =
      completed(Marked(profile("<key>IKEv2</key><dict><key>RemoteAddress</key><string>a</string>\n<|</dict>")));
  const auto there = labels(items);
  EXPECT_THAT(there, testing::Contains("AuthenticationMethod"));
  EXPECT_THAT(there, Not(testing::Contains("RemoteAddress")));
  EXPECT_EQ(put_in(items, "AuthenticationMethod"),
            "<key>AuthenticationMethod</key>\n<string>${1|None,SharedSecret,Certificate|}</string>");
  EXPECT_EQ(labelled(items, "AuthenticationMethod")["filterText"], "<key>AuthenticationMethod");
  EXPECT_EQ(put_in(items, "DeadPeerDetectionRate"),
            "<key>DeadPeerDetectionRate</key>\n<string>${1|Medium,None,Low,High|}</string>");
  EXPECT_EQ(put_in(items, "IncludeAllNetworks"), "<key>IncludeAllNetworks</key>\n<integer>${1|1,0|}</integer>");
  EXPECT_THAT(labelled(items, "EnablePFS")["documentation"]["value"].get<std::string>(),
              HasSubstr("perfect forward secrecy"));
}

TEST(Completion, FollowsTheKindOfVpn) {
  const auto there = labels(completed(Marked(profile("|"))));
  EXPECT_THAT(there, testing::Contains("IKEv2"));
  EXPECT_THAT(there, Not(testing::Contains("AlwaysOn")));
  EXPECT_THAT(there, Not(testing::Contains("VPNType")));
}

TEST(Completion, WritesWhatIsMissingBehindAKey) {
  EXPECT_EQ(put_in(completed(Marked(profile(
                       "<key>IKEv2</key><dict>\n<key>Loc|</key>\n<key>RemoteAddress</key><string>a</string></dict>"))),
                   "LocalIdentifier"),
            "<key>LocalIdentifier</key>\n<string>$1</string>");
  EXPECT_EQ(put_in(completed(Marked(profile("<key>IKEv2</key><dict>\n<key>Loc|</key><string>a</string></dict>"))),
                   "LocalIdentifier"),
            "LocalIdentifier")
      << "with a value there already";
}

TEST(Completion, WithoutSnippetsTextAlone) {
  const Message items = completed(Marked(profile("<key>IKEv2</key><dict>|</dict>")), document, Message::object());
  EXPECT_EQ(put_in(items, "DeadPeerDetectionRate"), "<key>DeadPeerDetectionRate</key>\n<string>Medium</string>");
  EXPECT_FALSE(labelled(items, "DeadPeerDetectionRate").contains("insertTextFormat"));
}

TEST(Completion, OfValues) {
  EXPECT_THAT(labels(completed(
                  Marked(profile("<key>IKEv2</key><dict><key>DeadPeerDetectionRate</key><string>|</string></dict>")))),
              ElementsAre("Medium", "None", "Low", "High"));
  EXPECT_EQ(
      put_in(completed(Marked(profile("<key>IKEv2</key><dict><key>DeadPeerDetectionRate</key>\n|</dict>"))), "Low"),
      "<string>Low</string>");
  EXPECT_EQ(put_in(completed(Marked(profile("<key>IKEv2</key><dict><key>OnDemandEnabled</key>\n<|"))), "1"),
            "<integer>1</integer>");
}

TEST(Completion, OfReferences) {
  const Message items =
      completed(Marked(profile("<key>IKEv2</key><dict><key>PayloadCertificateUUID</key><string>|</string></dict>")));
  EXPECT_THAT(labels(items), ElementsAre("Device (5E2C94A6-1B55-4C6B-9D0C-6A4C1E0D7A09)"));
  EXPECT_EQ(items[0]["textEdit"]["newText"], "5E2C94A6-1B55-4C6B-9D0C-6A4C1E0D7A09");
}

TEST(Completion, OfWholePayloads) {
  std::string text = profile("");
  text.replace(text.find("<array>"), 7, "<array>\n|");
  const std::string put = put_in(completed(Marked(text)), "com.apple.security.pem");
  EXPECT_THAT(put, HasSubstr("<key>PayloadType</key>\n\t<string>com.apple.security.pem</string>"));
  EXPECT_THAT(put, testing::ContainsRegex("[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-8[0-9A-F]{3}-[0-9A-F]{12}"));
}

TEST(Completion, OfTypes) {
  std::string text = profile("");
  const auto there = labels(completed(Marked(text.replace(text.find("com.apple.vpn.managed"), 21, "com.|"))));
  EXPECT_THAT(there, testing::Contains("com.apple.vpn.managed.applayer"));
  EXPECT_THAT(there, Not(testing::Contains("com.apple.asset.credential.acme")));
}

TEST(Completion, InDeclarations) {
  const std::string start = R"({"Type": "com.apple.configuration.network.vpn.ikev2", "Payload": {)";
  const Message keys = completed(Marked(start + "|\n \"HostName\": \"a\"}}"), declaration);
  EXPECT_EQ(put_in(keys, "EnablePFS"), "\"EnablePFS\": ${1|true,false|},");
  EXPECT_THAT(labels(keys), Not(testing::Contains("HostName")));
  EXPECT_EQ(put_in(completed(Marked(start + "\"Ena|"), declaration), "EnablePFS"), "\"EnablePFS\": ${1|true,false|}");
  EXPECT_THAT(labels(completed(Marked(start + "\"EnablePFS\": |}}"), declaration)), ElementsAre("true", "false"));
  EXPECT_EQ(put_in(completed(Marked(start + R"("Authentication": {"Method": |}}})"), declaration), "Certificate"),
            "\"Certificate\"");
}

TEST(Hover, SaysWhatAKeyMeans) {
  const std::string said =
      hovered(Marked(profile("<key>IKEv2</key><dict><key>DeadPeer|DetectionRate</key><string>Low</string></dict>")));
  EXPECT_THAT(said, HasSubstr("**`DeadPeerDetectionRate`** string, `Medium` unless said"));
  EXPECT_THAT(said, HasSubstr("- values: `None`, `Low`, `Medium`, `High`"));
  EXPECT_THAT(said, HasSubstr("- available: iOS 4.0"));
}

TEST(Hover, SaysWhatAValueIs) {
  EXPECT_THAT(
      hovered(Marked(profile("<key>IKEv2</key><dict><key>DeadPeerDetectionRate</key><string>Lo|w</string></dict>"))),
      HasSubstr("`Low` is one of its values"));
  EXPECT_THAT(hovered(Marked(profile("<key>IKEv2</key><dict><key>PayloadCertificateUUID</"
                                     "key><string>5E2C94A6|-1B55-4C6B-9D0C-6A4C1E0D7A09</string>"))),
              HasSubstr("refers to **Device** `com.apple.security.pkcs12`"));
  std::string text = profile("");
  EXPECT_THAT(hovered(Marked(text.insert(text.find("com.apple.vpn.managed") + 3, "|"))),
              HasSubstr("A VPN for the whole device"));
}

TEST(Hover, SaysWhatACodeMeans) {
  EXPECT_THAT(hovered(Marked(profile("<!-- vpnprofile-ignore: VP12|03 -->"))), HasSubstr("**VP1203 unknown-key**"));
  EXPECT_THAT(hovered(Marked(profile("<key>Include|AllNetwork</key><true/>"))), HasSubstr("**VP1203 unknown-key**"));
  EXPECT_EQ(hovered(Marked(profile("|"))), "nothing");
}

TEST(Hover, InDeclarations) {
  EXPECT_THAT(
      hovered(Marked(R"({"Type": "com.apple.configuration.network.vpn.ikev2", "Payload": {"EnableP|FS": true}})"),
              declaration),
      HasSubstr("`EnablePFS`** boolean"));
}

/// The quick fixes for the finding with this message.
Message actions_for(const std::string& text, const std::string& message, const Message& options = nullptr,
                    const std::string& name = document) {
  TestClient client;
  client.start(able(), options);
  client.open(name, text);
  client.run();
  const Message said = client.published(name).back();
  Message wrong;
  for (const Message& d : said["diagnostics"])
    if (d["message"].get<std::string>().find(message) != std::string::npos) wrong = d;
  EXPECT_FALSE(wrong.is_null()) << said.dump();
  if (wrong.is_null()) return Message::array();
  return client.ask("textDocument/codeAction", {{"textDocument", {{"uri", name}}},
                                                {"range", wrong["range"]},
                                                {"context", {{"diagnostics", {wrong}}}}})["result"];
}

Message titled(const Message& actions, const std::string& title, const std::string& name = document) {
  for (const Message& action : actions)
    if (action["title"] == title) return action["edit"]["changes"][name][0];
  return {{"newText", "no action '" + title + "' in " + actions.dump()}};
}

TEST(Actions, AddWhatIsMissing) {
  const Message actions =
      actions_for(profile("<key>IKEv2</key>\n<dict>\n\t<key>RemoteAddress</key>\n\t<string>a</string>\n</dict>"),
                  "'AuthenticationMethod' is missing");
  EXPECT_EQ(titled(actions, "add 'AuthenticationMethod'")["newText"],
            "\n\t<key>AuthenticationMethod</key>\n\t<string>None</string>");
  const std::string json = R"({
  "Type": "com.apple.configuration.network.vpn.ikev2",
  "Payload": {
    "HostName": "a"
  }
})";
  const Message added =
      titled(actions_for(json, "'Identifier' is missing", nullptr, declaration), "add 'Identifier'", declaration);
  EXPECT_EQ(added["newText"], ",\n  \"Identifier\": \"\"");
  EXPECT_EQ(added["range"]["start"], (Message{{"line", 4}, {"character", 3}}));
}

TEST(Actions, SayWhatMayBeMeant) {
  const Message actions =
      actions_for(profile("<key>IKEv2</key><dict><key>DeadPeerDetectionRate</key><string>Hihg</string></dict>"),
                  "cannot be 'Hihg'");
  EXPECT_EQ(titled(actions, "write 'High'")["newText"], "High");
}

TEST(Actions, TemplatesAreReadAround) {
  const std::string text =
      profile("<key>IKEv2</key><dict><key>DeadPeerDetectionRate</key><string>{{ rate }}</string></dict>");
  EXPECT_FALSE(actions_for(text, "a placeholder stands where").empty());
  TestClient client;
  client.start(able(), {{"template", true}});
  client.open(document, text);
  client.run();
  EXPECT_THAT(client.published(document).back().dump(), Not(HasSubstr("a placeholder stands where")));
}

TEST(Actions, MendIgnoreAndAllTogether) {
  TestClient client;
  client.start(able());
  client.open(document,
              profile("<key>IKEv2</key><dict>\r\n      <key>IncludeAllNetwork</key>\r\n      <true/></dict>"));
  client.run();
  Message wrong;
  const Message said = client.published(document).back();
  for (const Message& d : said["diagnostics"])
    if (d["code"] == "VP1203") wrong = d;
  ASSERT_FALSE(wrong.is_null()) << said.dump();
  const Message actions = client.ask("textDocument/codeAction", {{"textDocument", {{"uri", document}}},
                                                                 {"range", wrong["range"]},
                                                                 {"context", {{"diagnostics", {wrong}}}}})["result"];
  std::vector<std::string> titles;
  for (const Message& a : actions) titles.push_back(a["title"]);
  EXPECT_THAT(titles, testing::IsSupersetOf({"write it as 'IncludeAllNetworks'", "mend all in this file"}));
  EXPECT_THAT(titles, testing::Contains("ignore VP1203 here"));
  for (const Message& a : actions) {
    if (!a["title"].get<std::string>().starts_with("ignore")) continue;
    EXPECT_EQ(a["edit"]["changes"][document][0]["newText"], "      <!-- vpnprofile-ignore: VP1203 -->\r\n");
  }
}

}  // namespace
}  // namespace vpn::lsp
