#include <algorithm>
#include <string>

#include "compiler/cli/command.h"
#include "compiler/cli/completion.h"

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
  std::string text = ".SS vpnprofile " + troff(command.name) + " [\\fIOPTIONS\\fR]";
  if (!command.positional.empty()) text += " " + troff(command.positional);
  text += "\n" + troff(command.summary) + ".\n";
  for (const Option& o : command.options) text += option_entry(o);
  if (!command.example.empty()) text += ".PP\n.nf\n.RS\n" + troff(command.example) + "\n.RE\n.fi\n";
  return text;
}

}  // namespace

std::string man_page() {
  std::string text = ".TH VPNPROFILE 1 \"\" \"vpnprofile " VPN_VERSION
                     "\" \"User Commands\"\n"
                     ".SH NAME\nvpnprofile \\- lint, compile and explain Apple VPN profiles\n"
                     ".SH SYNOPSIS\n.B vpnprofile\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] ...\n"
                     ".SH DESCRIPTION\nReads Apple VPN configuration profiles and declarations, finds every mistake in "
                     "them with its line and fix,\n"
                     "compiles those of one device into one binary policy, and says what happens to a flow in a state "
                     "and which line says so.\n"
                     ".SH COMMANDS\n";
  for (const Command* c : commands()) text += command_section(*c);
  text += ".SS Every command\n";
  for (const Option& o : common_options()) text += option_entry(o);
  return text +
         ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nAny value switches colours off, unless \\fB\\-\\-color always\\fR is "
         "given.\n"
         ".TP\n.B SOURCE_DATE_EPOCH\nSeconds since 1970 that stand for the present, so that findings about expiry can "
         "be repeated.\n"
         ".SH FILES\n.TP\n.B .vpnprofile.yaml\nConfiguration of lint, looked for in the folder of each profile and "
         "upwards.\n"
         ".SH EXIT STATUS\n.TP\n.B 0\nNo finding of severity error; the policy was written; every expectation held.\n"
         ".TP\n.B 1\nFindings of severity error, a refused compile, a failed expectation.\n"
         ".TP\n.B 2\nWrong usage.\n.TP\n.B 3\nA file cannot be opened, read or written.\n"
         ".TP\n.B 4\nThe environment refused: no permission, no kernel support, no memory.\n";
}

}  // namespace vpn::cli
