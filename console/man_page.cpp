#include <algorithm>
#include <string>

#include "console/command.h"
#include "console/completion.h"
#include "policy/ascii.h"

namespace vpn::cli {
namespace {

/// Text for troff: no line starts a request, dashes stay what they are.
std::string troff(std::string_view text) {
  std::string result;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    line_start = c == '\n';
  }
  return result;
}

std::string option_entry(const Option& o) {
  std::string text = ".TP\n";
  if (o.letter != 0) text += std::string("\\fB\\-") + o.letter + "\\fR, ";
  text += "\\fB\\-\\-" + troff(o.name) + "\\fR";
  if (!o.argument.empty()) text += " \\fI" + troff(o.argument) + "\\fR";
  text += "\n" + troff(o.help);
  if (!o.choices.empty()) {
    std::string words(o.choices);
    for (std::size_t at = 0; (at = words.find(',', at)) != std::string::npos; at += 2) words.replace(at, 1, ", ");
    text += " (" + troff(words) + ")";
  }
  if (o.list) text += "; a comma\\-separated list";
  if (o.repeated) text += "; may be repeated";
  return text + ".\n";
}

std::string command_section(const Command& command) {
  std::string text;
  if (!program().single) {
    text = ".SS " + troff(full_name(command)) + " [\\fIOPTIONS\\fR]";
    if (!command.positional.empty()) text += " " + troff(command.positional);
    text += "\n" + troff(command.summary) + ".\n";
  }
  for (const Option& o : command.options) text += option_entry(o);
  if (!command.example.empty()) text += ".PP\n.nf\n.RS\n" + troff(command.example) + "\n.RE\n.fi\n";
  return text;
}

}  // namespace

std::string man_page() {
  const Program& p = program();
  const std::string name(p.name);
  std::string text = ".TH " + ascii::upper_case(name) + " " + std::to_string(p.section) + " \"\" \"" + name +
                     " " VPN_VERSION "\" \"" + (p.section == 1 ? "User Commands" : "System Administration") +
                     "\"\n.SH NAME\n" + name + " \\- " + troff(p.summary) + "\n.SH SYNOPSIS\n.B " + name + "\n" +
                     (p.single ? "" : "\\fICOMMAND\\fR ") + "[\\fIOPTIONS\\fR] ...\n.SH DESCRIPTION\n" +
                     troff(p.description) + "\n.SH " + (p.single ? "OPTIONS" : "COMMANDS") + "\n";
  for (const Command* c : commands()) text += command_section(*c);
  if (!p.single) text += ".SS Every command\n";
  for (const Option& o : common_options()) text += option_entry(o);
  return text +
         ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nAny value switches colours off, unless \\fB\\-\\-color always\\fR is "
         "given.\n" +
         std::string(p.more);
}

}  // namespace vpn::cli
