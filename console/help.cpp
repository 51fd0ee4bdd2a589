#include "console/help.h"

#include <algorithm>
#include <vector>

#include "console/similar/similar.h"

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
  if (o.repeated) line += "; may be repeated";
  return line + "\n";
}

}  // namespace

const Command* find_command(std::string_view name) {
  for (const Command* c : commands())
    if (c->name == name) return c;
  return nullptr;
}

std::string suggestion(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Command* c : commands()) names.push_back(c->name);
  const std::string_view best = nearest(word, names);
  return best.empty() ? "see '" + std::string(program().name) + " --help'"
                      : "did you mean '" + std::string(best) + "'?";
}

std::string option_suggestion(const Command& command, std::string_view option) {
  option.remove_prefix(std::min(option.find_first_not_of('-'), option.size()));
  std::vector<std::string_view> names;
  for (const Option& o : command.options) names.push_back(o.name);
  for (const Option& o : common_options()) names.push_back(o.name);
  const std::string_view best = nearest(option, names);
  if (!best.empty()) return "did you mean '--" + std::string(best) + "'?";
  return "see '" + full_name(command) + " --help'";
}

std::string program_help() {
  const std::string name(program().name);
  std::string text = std::string(program().about) + "\n\nusage: " + name + " COMMAND [OPTIONS] …\n\ncommands:\n";
  for (const Command* c : commands()) text += padded("  " + std::string(c->name), 14) + std::string(c->summary) + "\n";
  return text + "\n'" + name + " COMMAND --help' shows a command's options and an example.\n";
}

std::string command_help(const Command& command) {
  std::string text =
      full_name(command) + ": " + std::string(command.summary) + "\n\nusage: " + full_name(command) + " [OPTIONS]";
  if (!command.positional.empty()) text += " " + std::string(command.positional);
  text += "\n\noptions:\n";
  for (const Option& o : command.options) text += option_line(o);
  for (const Option& o : common_options()) text += option_line(o);
  if (!command.example.empty()) text += "\nexample:\n" + std::string(command.example) + "\n";
  return text;
}

std::string version_text() { return std::string(program().name) + " " VPN_VERSION "\n"; }

}  // namespace vpn::cli
