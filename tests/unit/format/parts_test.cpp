#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/format/fingerprint.h"
#include "compiler/format/paths.h"
#include "compiler/format/secrets.h"
#include "compiler/format/terminal.h"
#include "sample.h"

namespace vpn::format {
namespace {

using findings::Code;

std::vector<std::string> secrets_in(std::string_view text) {
  constexpr std::string_view keys[] = {"Password", "SharedSecret"};
  std::vector<std::string> found;
  for (const document::Span s : secret_spans(text, keys)) found.emplace_back(text.substr(s.begin, s.end - s.begin));
  return found;
}

TEST(Secrets, AreTheElementsBehindTheirKeys) {
  EXPECT_THAT(secrets_in("<key>Password</key><string>one</string><key>Name</key><string>no</string>"
                         "<key> SharedSecret </key>\n <!-- <data> --> <data>dHdv</data>"),
              testing::ElementsAre("one", "dHdv"));
}

TEST(Secrets, AreFoundInTextThatDoesNotParse) {
  EXPECT_THAT(secrets_in("<key>Password<key><string>one"), testing::ElementsAre("one"));
  EXPECT_THAT(secrets_in("<key>Password</key><string>one\n<key>"), testing::ElementsAre("one\n<key>"));
  EXPECT_THAT(secrets_in("<key>Password</key>"), testing::IsEmpty());
  EXPECT_THAT(secrets_in("<key>"), testing::IsEmpty());
  EXPECT_THAT(secrets_in("<key>Password</key><string/><key>Password</key><integer>1</integer>"), testing::IsEmpty());
}

TEST(Secrets, AreStringsBehindTheirKeysInJson) {
  EXPECT_THAT(secrets_in(R"( {"Password" : "o\"ne", "Name": "Password", "x": {"SharedSecret":"two"}, "Password": 1})"),
              testing::ElementsAre("o\\\"ne", "two"));
  EXPECT_THAT(secrets_in(R"({"Password": "open)"), testing::ElementsAre("open"));
  EXPECT_THAT(secrets_in(R"({"Password)"), testing::IsEmpty());
}

TEST(Fingerprint, SurvivesMovedLinesAndPayloads) {
  Sample s;
  const auto& before = s.add("a.plist", "<key>Odd</key>");
  const auto& after = s.add("b.plist", "\n\n<!-- new -->\n<key>Odd</key>");
  const auto& one = s.find(Code::unknown_key, before, "Odd", "m", "PayloadContent[0].Odd");
  Fingerprints first;
  const std::string was = first.of(one, "a.plist");
  const auto& two = s.find(Code::unknown_key, after, "Odd", "another message", "PayloadContent[4].Odd");
  Fingerprints second;
  EXPECT_EQ(second.of(two, "a.plist"), was);
  EXPECT_EQ(was.size(), 32U);
}

TEST(Fingerprint, TellsEqualFindingsApart) {
  Sample s;
  const auto& file = s.add("a.plist", "<key>Odd</key>");
  const auto& f = s.find(Code::unknown_key, file, "Odd", "m", "Odd");
  Fingerprints fingerprints;
  const std::string first = fingerprints.of(f, "a.plist");
  EXPECT_NE(fingerprints.of(f, "a.plist"), first);
  EXPECT_NE(fingerprints.of(f, "b.plist"), first);
}

TEST(Fingerprint, DoesNotDependOnASecret) {
  Sample s;
  const auto& one = s.add("a.plist", "<key>SharedSecret</key><string>hunter2</string>");
  const auto& two = s.add("b.plist", "<key>SharedSecret</key><string>hunter3</string>");
  const auto& f1 = s.find(Code::unknown_key, one, "hunter2", "m", "SharedSecret");
  Fingerprints a({"SharedSecret"});
  const std::string first = a.of(f1, "x");
  const auto& f2 = s.find(Code::unknown_key, two, "hunter3", "m", "SharedSecret");
  Fingerprints b({"SharedSecret"});
  EXPECT_EQ(b.of(f2, "x"), first);
}

TEST(Paths, AreRelativeBelowTheBase) {
  EXPECT_EQ(relative_name("./p/../a b.plist", "/home/admin"), "a b.plist");
  EXPECT_EQ(relative_name("/home/admin/p/a.plist", "/home/admin"), "p/a.plist");
  EXPECT_EQ(relative_name("../x.plist", "/home/admin"), "/home/x.plist");
  EXPECT_EQ(relative_name("<stdin>", "/home/admin"), "<stdin>");
  EXPECT_EQ(uri("a b%.plist", "/home/admin"), "a%20b%25.plist");
  EXPECT_EQ(uri("/etc/a.plist", "/home/admin"), "file:///etc/a.plist");
  EXPECT_EQ(uri("<stdin>", "/home/admin"), "stdin");
}

TEST(Terminal, NothingThatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1B[31m\tb\x7F"), "a\xE2\x90\x9B[31m b\xE2\x90\xA1");
  // NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested
  EXPECT_EQ(printable("\xE2\x80\xAE\xE2\x81\xA6"), "<U+202E><U+2066>");
  EXPECT_EQ(printable("\xC0\xAFx\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(display_width("\xE6\x9D\xB1x"), 3U);
}

TEST(Explain, ShowsReasonAndExamples) {
  const std::string text = explain(findings::info(Code::unknown_key), false);
  EXPECT_THAT(text, testing::StartsWith("VP1203 unknown-key (warning)\n"));
  EXPECT_THAT(text, testing::HasSubstr("wrong:\n    <key>"));
  EXPECT_THAT(text, testing::HasSubstr("right:\n    <key>"));
}

}  // namespace
}  // namespace vpn::format
