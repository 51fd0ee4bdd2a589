// Every format, byte for byte. To renew after a wanted change: VPN_UPDATE_GOLDEN=1 bin/unit_format, then read the diff.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <sstream>

#include "sample.h"

namespace vpn::format {
namespace {

std::string formatted(Style style, bool color = false) {
  Sample sample;
  fill(sample);
  Options options = plain_options();
  options.color = color;
  return format(style, sample.done(), options);
}

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = VPN_SOURCE_DIR "/tests/unit/format/golden/" + name;
  if (std::getenv("VPN_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

TEST(Golden, Text) { expect_golden("findings.txt", formatted(Style::text)); }
TEST(Golden, ColoredText) { expect_golden("findings.ansi", formatted(Style::text, true)); }
TEST(Golden, Github) { expect_golden("findings.github", formatted(Style::github)); }

TEST(Golden, Json) {
  const std::string text = formatted(Style::json);
  expect_golden("findings.json", text);
  const auto json = nlohmann::json::parse(text);
  ASSERT_TRUE(json.is_array());
  for (const auto& finding : json) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : finding.items()) keys.push_back(key);
    EXPECT_THAT(keys, testing::UnorderedElementsAre("code", "name", "severity", "message", "file", "line", "column",
                                                    "end_line", "end_column", "path", "fix", "help"));
  }
}

TEST(Golden, Sarif) {
  const std::string text = formatted(Style::sarif);
  expect_golden("findings.sarif", text);
  EXPECT_FALSE(nlohmann::json::parse(text).is_null());
}

TEST(Golden, Gitlab) {
  const std::string text = formatted(Style::gitlab);
  expect_golden("findings.gitlab.json", text);
  std::set<std::string> fingerprints;
  for (const auto& finding : nlohmann::json::parse(text)) fingerprints.insert(finding["fingerprint"]);
  EXPECT_EQ(fingerprints.size(), nlohmann::json::parse(text).size());
}

TEST(Golden, Junit) {
  const std::string text = formatted(Style::junit);
  expect_golden("findings.junit.xml", text);
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(text.c_str())) << text;
  EXPECT_EQ(document.child("testsuites").attribute("failures").as_int(), 2);
}

TEST(Golden, EmptyReports) {
  Sample sample;
  sample.add("clean.mobileconfig", "<dict/>");
  const Options options = plain_options();
  EXPECT_EQ(format(Style::text, sample.done(), options), "no findings in 1 file\n");
  EXPECT_EQ(format(Style::json, sample.done(), options), "[]\n");
  EXPECT_EQ(format(Style::gitlab, sample.done(), options), "[]\n");
  EXPECT_EQ(format(Style::github, sample.done(), options), "");
  EXPECT_TRUE(nlohmann::json::parse(format(Style::sarif, sample.done(), options))["runs"][0]["results"].empty());
  EXPECT_THAT(format(Style::junit, sample.done(), options), testing::HasSubstr("failures=\"0\""));
}

TEST(Golden, NoFormatShowsASecretOrObeysTheFile) {
  for (const Style style : {Style::text, Style::json, Style::sarif, Style::github, Style::gitlab, Style::junit}) {
    const std::string text = formatted(style);
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("hunter2")));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("\x1B[2J")));
  }
}

}  // namespace
}  // namespace vpn::format
