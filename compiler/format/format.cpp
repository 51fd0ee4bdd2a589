#include "compiler/format/format.h"

#include <algorithm>
#include <array>

#include "compiler/format/styles.h"

namespace vpn::format {
namespace {

std::string counted(std::size_t n, std::string_view one, std::string_view many) {
  return std::to_string(n) + " " + std::string(n == 1 ? one : many);
}

std::string indented(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto end = text.find('\n');
    result.append("    ").append(text.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace

bool parse(std::string_view word, Style& out) {
  constexpr std::array<std::string_view, 6> words{"text", "json", "sarif", "github", "gitlab", "junit"};
  const auto it = std::find(words.begin(), words.end(), word);
  if (it == words.end()) return false;
  out = static_cast<Style>(it - words.begin());
  return true;
}

std::string format(Style style, const Report& report, const Options& options) {
  switch (style) {
    case Style::json:
      return json_report(report, options);
    case Style::sarif:
      return sarif_report(report, options);
    case Style::github:
      return github_report(report, options);
    case Style::gitlab:
      return gitlab_report(report, options);
    case Style::junit:
      return junit_report(report, options);
    case Style::text:
      break;
  }
  return text_report(report, options);
}

std::string summary(const Report& report) {
  std::array<std::size_t, 3> counts{};
  for (const findings::Finding& f : report.findings) ++counts[static_cast<std::size_t>(f.severity)];
  std::string text;
  const auto add = [&](findings::Severity severity, std::string_view many) {
    const std::size_t n = counts[static_cast<std::size_t>(severity)];
    if (n == 0) return;
    if (!text.empty()) text += ", ";
    text += counted(n, findings::to_string(severity), many);
  };
  add(findings::Severity::error, "errors");
  add(findings::Severity::warning, "warnings");
  add(findings::Severity::note, "notes");
  if (text.empty()) text = "no findings";
  return text + " in " + counted(report.files.size(), "file", "files");
}

std::string explain(const findings::CodeInfo& code, bool color) {
  const std::string_view bold = color ? "\x1b[1m" : "", reset = color ? "\x1b[0m" : "";
  std::string text(bold);
  text.append(code.id)
      .append(" ")
      .append(code.name)
      .append(reset)
      .append(" (")
      .append(findings::to_string(code.severity))
      .append(")\n");
  text.append(code.title).append("\n\n").append(code.reason);
  if (!text.ends_with('\n')) text += "\n";
  if (!code.bad.empty())
    text.append("\n").append(bold).append("wrong:").append(reset).append("\n") += indented(code.bad);
  if (!code.good.empty())
    text.append("\n").append(bold).append("right:").append(reset).append("\n") += indented(code.good);
  return text;
}

}  // namespace vpn::format
