// The catalogue's own examples: a bad one gives its code and no other error or warning, a good one gives none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

using findings::CodeInfo;
using findings::Severity;

bool is_of_lint(const CodeInfo& info) { return info.id >= "VP1100" && info.id < "VP2000"; }

std::vector<std::string> codes_of_lint() {
  std::vector<std::string> out;
  for (const CodeInfo& info : findings::all_codes())
    if (is_of_lint(info)) out.emplace_back(info.id);
  return out;
}

std::set<std::string> codes(const Linted& linted, Severity least) {
  std::set<std::string> out;
  for (const findings::Finding& f : linted.all())
    if (f.severity >= least) out.insert(std::string(findings::info(f.code).id));
  return out;
}

std::string report(const Linted& linted) {
  std::string out;
  for (const findings::Finding& f : linted.all())
    out += std::string(findings::info(f.code).id) + " " + std::string(findings::to_string(f.severity)) + ": " +
           f.message + " at " + f.path + "\n";
  return out;
}

class Catalogue : public testing::TestWithParam<std::string> {};

TEST_P(Catalogue, BadExampleGivesItsCodeAlone) {
  const CodeInfo& info = *findings::find_code(GetParam());
  if (info.bad.empty()) GTEST_SKIP() << "no example: tests of its own";
  const auto files = place_example(info.place, info.bad);
  ASSERT_FALSE(files.empty()) << "unknown place " << info.place;
  const Linted linted = lint_files(files, parse_options(info.with));
  const std::string id(info.id);
  EXPECT_THAT(codes(linted, Severity::note), testing::Contains(id)) << report(linted);
  auto severe = codes(linted, Severity::warning);
  severe.erase(id);
  severe.erase("VP1506");  // examples may show what a secret looks like
  EXPECT_THAT(severe, testing::IsEmpty()) << report(linted);
  for (const findings::Finding& f : linted.all()) {
    if (f.code == info.code) {
      EXPECT_EQ(f.severity, info.severity) << report(linted);
    }
  }
}

TEST_P(Catalogue, GoodExampleGivesNothing) {
  const CodeInfo& info = *findings::find_code(GetParam());
  if (info.good.empty()) GTEST_SKIP() << "no example";
  const Linted linted = lint_files(place_example(info.place, info.good), parse_options(info.with));
  auto all = codes(linted, Severity::note);
  all.erase("VP1007");  // small examples have no XML declaration
  all.erase("VP1109");
  all.erase("VP1506");
  EXPECT_THAT(all, testing::IsEmpty()) << report(linted);
}

INSTANTIATE_TEST_SUITE_P(Lint, Catalogue, testing::ValuesIn(codes_of_lint()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace vpn::lint::test
