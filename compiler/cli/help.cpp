#include "compiler/cli/help.h"

#include <algorithm>
#include <vector>

namespace vpn::cli {
namespace {

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 1, width), ' ');
  return text;
}

std::string option_line(const Option& o) {
  std::string left = o.letter != 0 ? std::string("  -") + o.letter + ", --" : std::string("      --");
  left += o.name;
  if (!o.argument.empty()) left += " " + std::string(o.argument);
  std::string line = padded(left, 32) + std::string(o.help);
  if (!o.choices.empty()) line += " (" + std::string(o.choices) + ")";
  if (o.list) line += "; comma-separated";
  if (o.list) line += "; comma-separated";
  if (o.repeated) line += "; may be repeated";
  return line + "\n";
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

const Command* find_command(std::string_view name) {
  for (const Command* c : commands())
    if (c->name == name) return c;
  return nullptr;
}

std::string suggestion(std::string_view word) {
  const Command* best = nullptr;
  std::size_t least = 3;
  for (const Command* c : commands()) {
    if (const std::size_t d = edit_distance(word, c->name); d < least) {
      least = d;
      best = c;
    }
  }
  return best != nullptr ? "did you mean '" + std::string(best->name) + "'?" : "see 'vpnprofile --help'";
}

std::string option_suggestion(const Command& command, std::string_view option) {
  option.remove_prefix(std::min(option.find_first_not_of('-'), option.size()));
  std::string_view best;
  std::size_t least = 3;
  const auto consider = [&](const Option& o) {
    if (const std::size_t d = edit_distance(option, o.name); d < least) {
      least = d;
      best = o.name;
    }
  };
  for (const Option& o : command.options) consider(o);
  for (const Option& o : common_options()) consider(o);
  if (!best.empty()) return "did you mean '--" + std::string(best) + "'?";
  return "see 'vpnprofile " + std::string(command.name) + " --help'";
}

std::string program_help() {
  std::string text =
      "vpnprofile reads Apple VPN profiles, finds every mistake, compiles them into one policy and says what it "
      "does.\n\n"
      "usage: vpnprofile COMMAND [OPTIONS] …\n\ncommands:\n";
  for (const Command* c : commands()) text += padded("  " + std::string(c->name), 14) + std::string(c->summary) + "\n";
  return text + "\n'vpnprofile COMMAND --help' shows a command's options and an example.\n";
}

std::string command_help(const Command& command) {
  std::string text = "vpnprofile " + std::string(command.name) + ": " + std::string(command.summary) +
                     "\n\nusage: vpnprofile " + std::string(command.name) + " [OPTIONS]";
  if (!command.positional.empty()) text += " " + std::string(command.positional);
  text += "\n\noptions:\n";
  for (const Option& o : command.options) text += option_line(o);
  for (const Option& o : common_options()) text += option_line(o);
  if (!command.example.empty()) text += "\nexample:\n" + std::string(command.example) + "\n";
  return text;
}

std::string version_text() { return "vpnprofile " VPN_VERSION "\n"; }

}  // namespace vpn::cli
