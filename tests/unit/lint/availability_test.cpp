#include "compiler/lint/availability.h"

#include <gtest/gtest.h>

#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

schema::Availability since_12_deprecated_14_removed_16() {
  schema::Availability a;
  a.has_since = a.has_deprecated = a.has_removed = true;
  a.since = {12, 0, 0};
  a.deprecated = {14, 0, 0};
  a.removed = {16, 0, 0};
  return a;
}

std::optional<Lack> at(const schema::Availability& a, schema::Version version) {
  Options options;
  options.os_version = version;
  return lack_of(a, options);
}

TEST(Availability, FollowsTheVersion) {
  const auto a = since_12_deprecated_14_removed_16();
  EXPECT_EQ(at(a, {11, 4, 1}), Lack::later);
  EXPECT_EQ(at(a, {12, 0, 0}), std::nullopt);
  EXPECT_EQ(at(a, {14, 0, 0}), Lack::deprecated);
  EXPECT_EQ(at(a, {16, 0, 0}), Lack::removed);
  EXPECT_EQ(at(a, {27, 0, 0}), Lack::removed);
}

TEST(Availability, WithoutAVersionTheNewestCounts) {
  EXPECT_EQ(lack_of(since_12_deprecated_14_removed_16(), {}), Lack::removed);
  EXPECT_EQ(lack_of({}, {}), std::nullopt);
}

TEST(Availability, SupervisionCountsOnlyWhenItIsKnownToBeAbsent) {
  schema::Availability a;
  a.supervised = true;
  Options options;
  EXPECT_EQ(lack_of(a, options), std::nullopt);
  options.supervised = true;
  EXPECT_EQ(lack_of(a, options), std::nullopt);
  options.supervised = false;
  EXPECT_EQ(lack_of(a, options), Lack::unsupervised);
}

TEST(Availability, NothingIsSaidWithoutAPlatform) {
  Options options = default_options();
  options.supervised = false;
  const auto linted = lint_in("IKEv2", "<key>EnableFallback</key><integer>1</integer>", options);
  EXPECT_TRUE(linted.all().empty());
}

TEST(Availability, WhatAPayloadLacksIsNotRepeatedForItsKeys) {
  const auto linted = lint_in("applayer", "<key>MailDomains</key><array><string>a.example.com</string></array>",
                              parse_options("--platform tvos"));
  ASSERT_EQ(linted.all().size(), 1U);
  EXPECT_EQ(linted.all()[0].message, "this payload is not available on tvOS");
  EXPECT_EQ(Linted::underlined(linted.all()[0]), "<string>com.apple.vpn.managed.applayer</string>");
}

TEST(Availability, SeveralPlatformsShareAFinding) {
  const auto linted = lint_in("AlwaysOn", "", parse_options("--platform macos,tvos,ios --supervised false"));
  ASSERT_EQ(linted.all().size(), 2U);
  EXPECT_EQ(linted.all()[0].message, "'AlwaysOn' is not available on macOS, tvOS");
  EXPECT_EQ(linted.all()[1].message, "'AlwaysOn' needs a supervised device on iOS");
  EXPECT_EQ(linted.all()[1].severity, findings::Severity::error);
}

}  // namespace
}  // namespace vpn::lint::test
