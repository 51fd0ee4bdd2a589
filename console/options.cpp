#include "console/options.h"

#include <algorithm>
#include <boost/program_options.hpp>

#include "console/command.h"
#include "console/help.h"
#include "policy/ascii.h"

namespace po = boost::program_options;

namespace vpn::cli {
namespace {

constexpr Option everywhere[] = {
    {"color", 0, "WHEN", "colour the output", "auto,always,never"},
    {"help", 'h', {}, "show this help", {}},
    {"version", 0, {}, "show the version", {}},
};

po::options_description describe(const Command& command) {
  po::options_description all;
  const auto add = [&](const Option& o) {
    std::string name(o.name);
    if (o.letter != 0) name += std::string(",") + o.letter;
    if (o.argument.empty()) {
      all.add_options()(name.c_str(), po::value<std::vector<std::string>>()->zero_tokens(), "");
    } else {
      all.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
    }
  };
  for (const Option& o : common_options()) add(o);
  for (const Option& o : command.options) add(o);
  return all;
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> words;
  for (;;) {
    const auto comma = list.find(',');
    if (comma != 0 && !list.empty()) words.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return words;
    list.remove_prefix(comma + 1);
  }
}

Result<void> check_choices(std::span<const Option> options, const Arguments& arguments) {
  for (const Option& o : options) {
    if (o.list && arguments.has(o.name) && arguments.words(o.name).empty())
      return fail(ErrorKind::usage, "--" + std::string(o.name) + " wants at least one " + std::string(o.argument), {},
                  "leave the option out, or say which");
    if (o.choices.empty()) continue;
    const std::vector<std::string> known = split(o.choices);
    for (const std::string& value : o.list ? arguments.words(o.name) : arguments.all(o.name)) {
      if (std::find(known.begin(), known.end(), value) == known.end())
        return fail(ErrorKind::usage, "--" + std::string(o.name) + " does not take '" + value + "'", {},
                    "one of " + std::string(o.choices));
    }
  }
  return {};
}

}  // namespace

std::span<const Option> common_options() { return everywhere; }

bool Arguments::has(std::string_view option) const { return values_.find(option) != values_.end(); }

std::string Arguments::get(std::string_view option, std::string_view fallback) const {
  const auto it = values_.find(option);
  return it == values_.end() || it->second.empty() ? std::string(fallback) : it->second.back();
}

Result<std::uint64_t> Arguments::number(std::string_view option, std::uint64_t fallback, std::uint64_t most) const {
  if (!has(option)) return fallback;
  std::uint64_t value = 0;
  if (!ascii::read_number(get(option), value) || value > most)
    return fail(ErrorKind::usage, "--" + std::string(option) + " wants a number from 0 to " + std::to_string(most));
  return value;
}

std::vector<std::string> Arguments::all(std::string_view option) const {
  const auto it = values_.find(option);
  return it == values_.end() ? std::vector<std::string>{} : it->second;
}

std::vector<std::string> Arguments::words(std::string_view option) const {
  std::vector<std::string> result;
  for (const std::string& value : all(option))
    for (std::string& word : split(value)) result.push_back(std::move(word));
  return result;
}

Result<Arguments> parse(const Command& command, int argc, const char* const* argv) {
  Arguments result;
  try {
    const po::options_description description = describe(command);
    po::positional_options_description none;
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    const auto parsed = po::command_line_parser(argc, argv).options(description).style(style).run();
    for (const auto& option : parsed.options) {
      if (option.position_key >= 0) {
        result.positional_.insert(result.positional_.end(), option.value.begin(), option.value.end());
      } else {
        auto& list = result.values_[option.string_key];
        list.insert(list.end(), option.value.begin(), option.value.end());
      }
    }
  } catch (const po::unknown_option& e) {
    const std::string given = e.get_option_name();  // "--name=value" as a whole
    const std::string name = given.substr(0, given.find('='));
    return fail(ErrorKind::usage, "unknown option '" + name + "'", {}, option_suggestion(command, name));
  } catch (const po::error& e) {
    return fail(ErrorKind::usage, e.what(), {}, "see '" + full_name(command) + " --help'");
  }
  if (auto checked = check_choices(common_options(), result); !checked) return tl::unexpected(checked.error());
  if (auto checked = check_choices(command.options, result); !checked) return tl::unexpected(checked.error());
  if (result.has("help") || result.has("version")) return result;
  const int count = static_cast<int>(result.positional_.size());
  const std::string hint = "see '" + full_name(command) + " --help'";
  if (count < command.min_positional)
    return fail(ErrorKind::usage, "too few arguments: " + std::string(command.positional) + " is needed", {}, hint);
  if (command.max_positional >= 0 && count > command.max_positional)
    return fail(ErrorKind::usage,
                "unexpected argument '" + result.positional_[static_cast<std::size_t>(command.max_positional)] + "'",
                {}, hint);
  return result;
}

}  // namespace vpn::cli
