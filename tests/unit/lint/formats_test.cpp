// Every format tells every finding of tests/golden, and every code there is.
#include <gtest/gtest.h>

#include "tests/unit/lint/golden_case.h"
#include "tests/unit/lint/reports.h"

namespace vpn::lint::test {
namespace {

using format::Style;

constexpr Style styles[] = {Style::text, Style::json, Style::sarif, Style::github, Style::gitlab, Style::junit};

/// Names are relative to `base` already, so that all formats give them alike.
std::vector<Told> told_by(Style style, const findings::Sink& sink, std::vector<std::string> files) {
  format::Report report;
  report.findings = sink.all();
  report.files = std::move(files);
  format::Options options;
  options.base = "/profiles";
  options.version = "1.0.0";
  return read_back(style, format::format(style, report, options));
}

void expect_told(const findings::Sink& sink, const std::vector<std::string>& files) {
  for (const Style style : styles) {
    SCOPED_TRACE("style " + std::to_string(static_cast<int>(style)));
    const std::vector<Told> told = told_by(style, sink, files);
    ASSERT_EQ(told.size(), sink.all().size());
    // JUnit groups them by file, in the order of the files: here the same.
    for (std::size_t i = 0; i < told.size(); ++i) {
      const Told expected = expected_of(style, sink.all()[i]);
      EXPECT_EQ(told[i].code, expected.code);
      EXPECT_EQ(told[i].severity, expected.severity);
      EXPECT_EQ(told[i].file, expected.file);
      EXPECT_EQ(told[i].line, expected.line) << expected.text;
      EXPECT_EQ(told[i].column, expected.column) << expected.text;
      EXPECT_NE(told[i].text.find(expected.text), std::string::npos)
          << told[i].text << "\nis without " << expected.text;
    }
  }
}

class Formats : public testing::TestWithParam<std::string> {};

TEST_P(Formats, TellWhatIsExpected) {
  const GoldenCase c = load_case(GetParam());
  std::vector<std::string> files;
  for (const File& file : c.files) files.push_back(file.name);
  const Linted linted = lint_case(c);
  expect_told(linted.sink, files);
}

INSTANTIATE_TEST_SUITE_P(Lint, Formats, testing::ValuesIn(golden_cases()),
                         [](const auto& test) { return test_name(test.param); });

TEST(Formats, TellEveryCode) {
  const document::Source source("a.mobileconfig", "<dict>\n  <key>Key</key>\n</dict>\n");
  findings::Sink sink;
  for (const findings::CodeInfo& info : findings::all_codes())
    sink.add(info.code, source, {14, 17}, "what " + std::string(info.name) + " says");
  ASSERT_GT(sink.all().size(), 130U);
  expect_told(sink, {source.name()});
}

}  // namespace
}  // namespace vpn::lint::test
