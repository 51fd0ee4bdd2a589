// The report for people: text for a terminal, Markdown for a pull request.
#include "compiler/ci/renderers.h"
#include "compiler/format/terminal.h"

namespace vpn::ci {
namespace {

/// Step summaries of GitHub end at 1 MiB; what is longer is cut with a word about it.
constexpr std::size_t most_details = 60'000;

struct Palette {
  const char *reset, *bold, *good, *bad, *dim;
};
constexpr Palette with_color{"\x1b[0m", "\x1b[1m", "\x1b[32m", "\x1b[1;31m", "\x1b[2m"};
constexpr Palette without_color{"", "", "", "", ""};

const char* color_of(Outcome outcome, const Palette& p) {
  return outcome == Outcome::passed ? p.good : outcome == Outcome::failed ? p.bad : p.dim;
}

std::string_view word_of(Outcome outcome) {
  return outcome == Outcome::passed ? "ok" : outcome == Outcome::failed ? "FAIL" : "-";
}

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out;
}

/// What Markdown and HTML would take for their own, in a table's cell.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : format::printable(text)) {
    if (std::string_view("|\\`*_[]#").find(c) != std::string_view::npos) out += '\\';
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

/// A fence that nothing in the text can close.
std::string fenced(std::string_view text) {
  std::size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  std::string out = fence + "text\n" + std::string(text.substr(0, most_details));
  if (out.back() != '\n') out += '\n';
  if (text.size() > most_details) out += "… the log has the rest\n";
  return out + fence + "\n";
}

}  // namespace

std::string text_report(const Report& report, const format::Options& options) {
  const Palette& p = options.color ? with_color : without_color;
  std::string out;
  for (const Device& device : report.devices) {
    for (const Stage& stage : device.stages)
      if (!stage.text.empty()) out += stage.text + (stage.text.ends_with('\n') ? "\n" : "\n\n");
  }
  for (const Device& device : report.devices) {
    out += p.bold + format::printable(device.name) + p.reset + "\n";
    for (const Stage& s : device.stages)
      out += std::string("  ") + color_of(s.outcome, p) + padded(word_of(s.outcome), 4) + p.reset + "  " +
             padded(s.name, 7) + "  " + format::printable(s.summary) + "\n";
  }
  return out + "\n" + (report.passed() ? p.good : p.bad) + summary(report) + p.reset +
         (report.base.empty() ? "" : ", compared with " + format::printable(report.base)) + "\n";
}

std::string markdown_report(const Report& report) {
  std::string out = std::string("## ") + (report.passed() ? "✅" : "❌") + " vpnprofile: " + summary(report) + "\n\n";
  if (!report.base.empty()) out += "Compared with `" + format::printable(report.base) + "`.\n\n";
  out += "| device | step | | |\n|---|---|---|---|\n";
  for (const Device& device : report.devices) {
    bool first = true;
    for (const Stage& s : device.stages) {
      const char* const sign = s.outcome == Outcome::passed ? "✅" : s.outcome == Outcome::failed ? "❌" : "–";
      out += "| " + (first ? cell(device.name) : std::string{}) + " | " + s.name + " | " + sign + " | " +
             cell(s.summary) + " |\n";
      first = false;
    }
  }
  for (const Device& device : report.devices) {
    for (const Stage& s : device.stages) {
      if (s.markdown.empty() && s.plain.empty()) continue;
      out += "\n<details" + std::string(s.outcome == Outcome::failed || s.name == "diff" ? " open" : "") +
             "><summary>" + cell(device.name) + ": " + s.name + "</summary>\n\n" +
             (s.markdown.empty() ? fenced(s.plain) : s.markdown) + "\n</details>\n";
    }
  }
  return out;
}

}  // namespace vpn::ci
