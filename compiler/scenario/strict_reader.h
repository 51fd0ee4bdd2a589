// Reading files in which a misspelt key would be a test that tests nothing: every problem, with its place.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/scenario/tree.h"
#include "policy/flow.h"
#include "policy/result.h"

namespace vpn::scenario {

/// The base of readers; they collect what is wrong and go on.
class StrictReader {
 public:
  /// `help` is said of every problem that has nothing better: which document describes the shape.
  StrictReader(std::string file, std::string help);

  std::vector<Error>& problems() { return problems_; }
  /// What was read so far, the file itself first.
  std::vector<std::string>& files() { return files_; }

 protected:
  void problem(document::Position at, std::string what) { problem(file_, at, std::move(what), help_); }
  void problem(const std::string& file, document::Position at, std::string what, std::string hint);
  void check_keys(const Node& map, std::span<const std::string_view> known);
  /// The keys of a flow or a state that policy/json did not know.
  void report_unknown(const std::string& file, const Node& node, const std::vector<std::string>& unknown);
  /// "did you mean 'x'?", or `otherwise`.
  static std::string did_you_mean(std::string_view word, std::span<const std::string_view> known,
                                  const std::string& otherwise);

  /// The member's text; empty, and a problem, where it is none.
  std::string text(const Member& m);
  std::string text(const Node& map, std::string_view key);
  /// A path that the file names, as the program can open it.
  std::string resolved(const std::string& path) const;
  /// A device state that stands here, or `{file: PATH}`. Nothing: a problem.
  std::optional<policy::DeviceState> state(const Node& node);

  const std::string& file() const { return file_; }
  const std::string& help() const { return help_; }

 private:
  std::optional<policy::DeviceState> parsed_state(const Node& node, const std::string& file);

  std::string file_, help_;
  std::filesystem::path folder_;
  std::vector<Error> problems_;
  std::vector<std::string> files_{file_};
};

}  // namespace vpn::scenario
