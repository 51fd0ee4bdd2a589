#include "compiler/cli/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "folder.h"

namespace vpn::cli {
namespace {

const findings::CodeInfo& unknown_key() { return findings::info(findings::Code::unknown_key); }

TEST(CodePattern, IsACodeANameOrAGroup) {
  for (const char* word : {"VP1203", "vp1203", "unknown-key", "VP12", "VP"}) {
    const auto pattern = CodePattern::parse(word);
    ASSERT_TRUE(pattern) << word;
    EXPECT_TRUE(pattern->matches(unknown_key())) << word;
  }
  EXPECT_FALSE(CodePattern::parse("VP90")->matches(unknown_key()));
}

TEST(CodePattern, RefusesWhatNamesNothing) {
  for (const char* word : {"", "V", "VP12030", "unknown_key", "VP0000"}) {
    EXPECT_FALSE(CodePattern::parse(word)) << word;
  }
  EXPECT_EQ(CodePattern::parse("unknown-kee").error().help, "did you mean 'unknown-key'?");
}

TEST(Configuration, ReadsEveryKey) {
  const Folder folder;
  folder.write(
      ".vpnprofile.yaml",
      "platform: [ios, macos]\nos-version: 18.2\nsupervised: true\nselect: VP12\nignore: [unused-ignore]\n"
      "severity: {unknown-key: error}\nper-path:\n  - path: 'old/*'\n    ignore: unknown-key\n    supervised: false\n");
  const auto read = read_configuration(folder.path(".vpnprofile.yaml"));
  ASSERT_TRUE(read) << read.error().what;
  const LintRules rules = read->rules_for(folder.path("new/a.mobileconfig"));
  EXPECT_THAT(rules.platforms, testing::ElementsAre(policy::Platform::ios, policy::Platform::macos));
  EXPECT_EQ(rules.os_version->to_string(), "18.2");
  EXPECT_EQ(rules.supervised, true);
  EXPECT_TRUE(rules.selects(unknown_key()));
  ASSERT_EQ(rules.severity.size(), 1U);
  EXPECT_EQ(rules.severity[0].second, findings::Severity::error);
  const LintRules old = read->rules_for(folder.path("old/deep/a.mobileconfig"));
  EXPECT_FALSE(old.selects(unknown_key()));
  EXPECT_EQ(old.supervised, false);
  EXPECT_EQ(old.platforms.size(), 2U);
}

TEST(Configuration, AnEmptyFileSaysNothing) {
  const Folder folder;
  folder.write("c.yaml", "# nothing yet\n");
  EXPECT_TRUE(read_configuration(folder.path("c.yaml")));
}

TEST(Configuration, IsStrict) {
  const struct {
    const char* text;
    const char* place;
    const char* what;
    const char* help;
  } cases[] = {
      {"platform: ios\nignroe: VP12\n", ":2:1", "unknown key 'ignroe'", "did you mean 'ignore'?"},
      {"ignore: VP12\nignore: VP12\n", ":2:1", "'ignore' is there twice", ""},
      {"platform: android\n", ":1:11", "'android' is no platform", "ios, macos"},
      {"os-version: new\n", ":1:13", "'new' is no version", "18"},
      {"os-version: [18]\n", ":1:13", "'' is no version", "18"},
      {"supervised: maybe\n", ":1:13", "'supervised' is true or false", ""},
      {"select: {a: b}\n", ":1:9", "a word or a list of words", ""},
      {"select: [[a]]\n", ":1:10", "a word is wanted here", ""},
      {"ignore: unknown-kee\n", ":1:9", "no finding is called 'unknown-kee'", "unknown-key"},
      {"severity: VP12\n", ":1:11", "'severity' must map", ""},
      {"severity: {VP12: fatal}\n", ":1:18", "'fatal' is no severity", "error, warning or note"},
      {"severity: {[a]: error}\n", ":1:12", "no finding is called ''", ""},
      {"per-path: {path: a}\n", ":1:11", "'per-path' must be a list", "path: GLOB"},
      {"per-path: [{ignore: VP12}]\n", ":1:12", "needs 'path'", ""},
      {"per-path: [{path: a, per-path: b}]\n", ":1:22", "unknown key 'per-path'", "keys here are"},
      {"- a\n", ":1:1", "must be a mapping", ""},
      {"a: [\n", ":2:1", "this is no YAML", ""},
      {"? [a]\n: b\n", ":1:3", "a key must be a word", ""},
  };
  const Folder folder;
  for (const auto& c : cases) {
    folder.write("c.yaml", c.text);
    const auto read = read_configuration(folder.path("c.yaml"));
    ASSERT_FALSE(read) << c.text;
    EXPECT_EQ(read.error().kind, ErrorKind::usage);
    EXPECT_EQ(read.error().where, folder.path("c.yaml") + c.place) << c.text;
    EXPECT_THAT(read.error().what, testing::HasSubstr(c.what)) << c.text;
    EXPECT_THAT(read.error().help, testing::HasSubstr(c.help)) << c.text;
  }
}

TEST(Configuration, DeepNestingIsAnError) {
  const Folder folder;
  folder.write("c.yaml", "select: " + std::string(100000, '['));
  EXPECT_FALSE(read_configuration(folder.path("c.yaml")));
}

TEST(Configuration, IsFoundUpwardsOnce) {
  const Folder folder;
  folder.write(".vpnprofile.yaml", "supervised: true\n");
  folder.write("a/b/x.mobileconfig", "");
  folder.write("c/.vpnprofile.yaml", "supervised: false\n");
  ConfigurationFinder finder;
  const auto outer = finder.governing(folder.path("a/b/x.mobileconfig"));
  ASSERT_TRUE(outer);
  ASSERT_NE(*outer, nullptr);
  EXPECT_EQ((*outer)->rules.supervised, true);
  EXPECT_EQ(*finder.governing(folder.path("a/y.mobileconfig")), *outer);
  EXPECT_EQ(*finder.governing(folder.path("z.mobileconfig")), *outer);
  EXPECT_EQ((*finder.governing(folder.path("c/x.mobileconfig")))->rules.supervised, false);
}

TEST(Configuration, TheCommandLineWins) {
  LintRules rules;
  rules.platforms = {policy::Platform::ios};
  rules.supervised = true;
  rules.ignore = *parse_patterns({"VP90"});
  LintRules over;
  over.platforms = {policy::Platform::linux};
  over.ignore = *parse_patterns({"unknown-key"});
  rules.overlay(over);
  EXPECT_THAT(rules.platforms, testing::ElementsAre(policy::Platform::linux));
  EXPECT_EQ(rules.supervised, true);
  EXPECT_FALSE(rules.selects(unknown_key()));
  EXPECT_FALSE(rules.selects(findings::info(findings::Code::unused_ignore)));
}

}  // namespace
}  // namespace vpn::cli
