#include "compiler/cli/ignore_comments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vpn::cli {
namespace {

using findings::Code;

/// The lines and messages left of one finding about each <key> of `body`.
std::vector<std::string> left_of(const std::string& body) {
  findings::Sink sink;
  auto source =
      std::make_unique<document::Source>("a.plist", "<plist version=\"1.0\">\n<dict>\n" + body + "</dict>\n</plist>\n");
  const auto document = document::read(std::move(source), {}, sink);
  EXPECT_NE(document, nullptr);
  sink.all().clear();
  for (const document::Member& m : document->root().dictionary())
    sink.add(Code::unknown_key, document->source(), m.key_span, "unknown");
  apply_ignore_comments(*document, sink);
  std::vector<std::string> left;
  for (const findings::Finding& f : sink.all())
    left.push_back(std::to_string(document->source().position(f.span.begin).line) + " " +
                   std::string(findings::info(f.code).name));
  return left;
}

TEST(IgnoreComments, GovernTheNextLine) {
  EXPECT_THAT(left_of("<!-- vpnprofile-ignore: VP1203 the reason -->\n<key>a</key><true/>\n<key>b</key><true/>\n"),
              testing::ElementsAre("5 unknown-key"));
}

TEST(IgnoreComments, GovernTheirOwnLineWhenTheyShareIt) {
  EXPECT_THAT(left_of("<key>a</key><true/> <!-- vpnprofile-ignore: unknown-key -->\n<key>b</key><true/>\n"),
              testing::ElementsAre("4 unknown-key"));
}

TEST(IgnoreComments, GovernTheWholeFile) {
  EXPECT_THAT(left_of("<key>a</key><true/>\n<key>b</key><true/>\n<!-- vpnprofile-ignore-file: VP12 -->\n"),
              testing::IsEmpty());
}

TEST(IgnoreComments, TakeSeveralCodes) {
  EXPECT_THAT(left_of("<!-- vpnprofile-ignore: VP90, unknown-key , and why -->\n<key>a</key><true/>\n"),
              testing::UnorderedElementsAre("3 bad-ignore", "4 unknown-key"));
  EXPECT_THAT(left_of("<!-- vpnprofile-ignore: VP90, unknown-key and why -->\n<key>a</key><true/>\n"),
              testing::IsEmpty());
}

TEST(IgnoreComments, OneThatMatchesNothingIsNoted) {
  EXPECT_THAT(left_of("<key>a</key><true/>\n<!-- vpnprofile-ignore: VP1203 -->\n\n<key>b</key><true/>\n"),
              testing::UnorderedElementsAre("3 unknown-key", "6 unknown-key", "4 unused-ignore"));
}

TEST(IgnoreComments, MistakesInThemAreFindings) {
  EXPECT_THAT(left_of("<!-- vpnprofile-ignore VP1203 -->\n"), testing::ElementsAre("3 bad-ignore"));
  EXPECT_THAT(left_of("<!-- vpnprofile-ignore: -->\n"), testing::ElementsAre("3 bad-ignore"));
  EXPECT_THAT(left_of("<!-- vpnprofile-ignore: VP0001 -->\n"), testing::ElementsAre("3 bad-ignore"));
}

TEST(IgnoreComments, OtherCommentsAndTextAreNone) {
  EXPECT_THAT(left_of("<!-- see vpnprofile-ignore: VP1203 -->\n<key>a</key><true/>\n"),
              testing::ElementsAre("4 unknown-key"));
  EXPECT_THAT(left_of("<key>a</key><string><![CDATA[<!-- vpnprofile-ignore: VP1203 -->]]></string>\n"),
              testing::ElementsAre("3 unknown-key"));
}

}  // namespace
}  // namespace vpn::cli
