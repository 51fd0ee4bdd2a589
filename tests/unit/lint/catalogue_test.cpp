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

std::vector<std::string> codes_with(std::string_view CodeInfo::*example) {
  std::vector<std::string> out;
  for (const CodeInfo& info : findings::all_codes())
    if (is_of_lint(info) && !(info.*example).empty()) out.emplace_back(info.id);
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

class BadExample : public testing::TestWithParam<std::string> {};
class GoodExample : public testing::TestWithParam<std::string> {};

TEST_P(BadExample, GivesItsCodeAlone) {
  const CodeInfo& info = *findings::find_code(GetParam());
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

TEST_P(GoodExample, GivesNothing) {
  const CodeInfo& info = *findings::find_code(GetParam());
  const Linted linted = lint_files(place_example(info.place, info.good), parse_options(info.with));
  auto all = codes(linted, Severity::note);
  all.erase("VP1007");  // small examples have no XML declaration
  all.erase("VP1109");
  all.erase("VP1506");
  EXPECT_THAT(all, testing::IsEmpty()) << report(linted);
}

const auto name_of = [](const testing::TestParamInfo<std::string>& test) { return test.param; };
INSTANTIATE_TEST_SUITE_P(Catalogue, BadExample, testing::ValuesIn(codes_with(&CodeInfo::bad)), name_of);
INSTANTIATE_TEST_SUITE_P(Catalogue, GoodExample, testing::ValuesIn(codes_with(&CodeInfo::good)), name_of);

}  // namespace
}  // namespace vpn::lint::test
