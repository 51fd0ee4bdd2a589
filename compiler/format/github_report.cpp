// Workflow commands that GitHub Actions turns into annotations.
#include "compiler/document/characters.h"
#include "compiler/format/machine.h"
#include "compiler/format/paths.h"
#include "compiler/format/styles.h"
#include "compiler/format/terminal.h"

namespace vpn::format {
namespace {

/// Data of a workflow command is escaped per cent sign and line ends first; in a property also ':' and ','.
std::string escaped(std::string_view text, bool property) {
  std::string result;
  for (const char c : document::valid_utf8(text)) {
    switch (c) {
      case '%':
        result += "%25";
        break;
      case '\r':
        result += "%0D";
        break;
      case '\n':
        result += "%0A";
        break;
      case ':':
        result += property ? "%3A" : ":";
        break;
      case ',':
        result += property ? "%2C" : ",";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          result += "\xEF\xBF\xBD";  // the log is shown on terminals, too
        } else {
          result += c;
        }
    }
  }
  return result;
}

std::string_view command(findings::Severity severity) {
  switch (severity) {
    case findings::Severity::error:
      return "error";
    case findings::Severity::warning:
      return "warning";
    case findings::Severity::note:
      break;
  }
  return "notice";
}

/// GitHub takes columns only where the annotation stays on one line.
std::string region(const Place& place) {
  if (place.begin.line == 0) return {};
  std::string text = ",line=" + std::to_string(place.begin.line) + ",endLine=" + std::to_string(place.end.line);
  if (place.begin.line == place.end.line)
    text += ",col=" + std::to_string(place.begin.column) + ",endColumn=" + std::to_string(place.end.column);
  return text;
}

}  // namespace

std::string github_annotation(findings::Severity severity, std::string_view file, const Place& place,
                              std::string_view title, std::string_view message) {
  std::string text = "::" + std::string(command(severity)) + " ";
  if (!file.empty()) text += "file=" + escaped(file, true) + region(place) + ",";
  return text + "title=" + escaped(title, true) + "::" + escaped(message, false) + "\n";
}

std::string github_report(const Report& report, const Options& options) {
  Locator locator;
  std::string text;
  for (const findings::Finding& f : report.findings) {
    const findings::CodeInfo& info = findings::info(f.code);
    const Place place = f.source == nullptr ? Place{} : locator.locate(*f.source, f.span);
    std::string message = message_with_help(f);
    if (place.begin.line == 0 && !f.path.empty()) message.insert(0, f.path + ": ");
    text += github_annotation(f.severity, relative_name(file_name(f), options.base), place,
                              std::string(info.id) + " " + std::string(info.name), message);
  }
  return text;
}

}  // namespace vpn::format
