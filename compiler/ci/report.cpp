#include "compiler/ci/report.h"

#include <algorithm>
#include <array>

#include "compiler/ci/renderers.h"

namespace vpn::ci {

std::string_view to_string(Outcome outcome) {
  return outcome == Outcome::passed ? "passed" : outcome == Outcome::failed ? "failed" : "skipped";
}

Stage skipped_stage(std::string name, std::string why) {
  Stage stage;
  stage.name = std::move(name);
  stage.outcome = Outcome::skipped;
  stage.summary = std::move(why);
  return stage;
}

Stage refused_stage(std::string name, const Error& error) {
  Stage stage;
  stage.name = std::move(name);
  stage.outcome = Outcome::failed;
  stage.summary = one_line(error);
  stage.plain = stage.text = error_text(error);
  return stage;
}

std::string one_line(const Error& error) { return (error.where.empty() ? "" : error.where + ": ") + error.what; }

std::string error_text(const Error& error) {
  std::string out = "error: " + one_line(error) + "\n";
  if (!error.help.empty()) out += "  help: " + error.help + "\n";
  return out;
}

bool Device::passed() const {
  return std::none_of(stages.begin(), stages.end(), [](const Stage& s) { return s.outcome == Outcome::failed; });
}

bool Report::passed() const {
  return std::all_of(devices.begin(), devices.end(), [](const Device& d) { return d.passed(); });
}

bool parse(std::string_view word, Style& out) {
  constexpr std::array<std::string_view, 6> words{"text", "json", "github", "gitlab", "junit", "markdown"};
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return false;
  out = static_cast<Style>(found - words.begin());
  return true;
}

std::string summary(const Report& report) {
  std::size_t failed = 0;
  for (const Device& d : report.devices) failed += d.passed() ? 0U : 1U;
  const std::size_t all = report.devices.size();
  const std::string devices = std::to_string(all) + (all == 1 ? " device" : " devices");
  return failed == 0 ? devices + " passed" : std::to_string(failed) + " of " + devices + " failed";
}

std::string render(Style style, const Report& report, const format::Options& options) {
  switch (style) {
    case Style::text:
      return text_report(report, options);
    case Style::json:
      return json_report(report, options);
    case Style::github:
      return github_report(report, options);
    case Style::gitlab:
      return gitlab_report(report, options);
    case Style::junit:
      return junit_report(report);
    case Style::markdown:
      break;
  }
  return markdown_report(report);
}

}  // namespace vpn::ci
