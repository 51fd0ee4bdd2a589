// A command's options as data: parsed by Boost.Program_options, and the source of --help, completions and man pages.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::cli {

struct Option {               // NOLINT(clang-analyzer-optin.performance.Padding): in the order in which one reads it
  std::string_view name;      ///< long name without dashes
  char letter = 0;            ///< short name; 0: none
  std::string_view argument;  ///< name of its argument for help ("FILE"); empty: a flag
  std::string_view help;      ///< one sentence
  std::string_view choices;   ///< comma-separated words it takes; empty: anything ("FILE", "DIR" complete to paths)
  bool repeated = false;      ///< may be given several times
  bool list = false;          ///< takes a comma-separated list; `choices` are its words
  std::string_view offers{};  ///< comma-separated words that completion offers beside files; others are taken as well
};

/// What every command takes: --help, --version, --color.
std::span<const Option> common_options();

struct Command;

/// What the user typed, checked against the command's options.
class Arguments {
 public:
  bool has(std::string_view option) const;
  /// Last value given, or `fallback`.
  std::string get(std::string_view option, std::string_view fallback = {}) const;
  /// A whole number of `option`, or `fallback`. Errors: `usage`, for what is none or more than `most`.
  Result<std::uint64_t> number(std::string_view option, std::uint64_t fallback, std::uint64_t most) const;
  std::vector<std::string> all(std::string_view option) const;
  /// All values given, lists split at their commas.
  std::vector<std::string> words(std::string_view option) const;
  const std::vector<std::string>& positional() const { return positional_; }

 private:
  friend Result<Arguments> parse(const Command& command, int argc, const char* const* argv);
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positional_;
};

}  // namespace vpn::cli
