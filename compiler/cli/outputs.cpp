#include "compiler/cli/outputs.h"

#include <algorithm>
#include <filesystem>

#include "compiler/cli/configuration.h"

namespace vpn::cli {
namespace fs = std::filesystem;
namespace {

bool is_file(const std::string& path) { return !path.empty() && path != "-"; }

/// Two names of one file, the file itself there or not.
bool same_file(const std::string& a, const std::string& b) {
  std::error_code ignored;
  if (!is_file(a) || !is_file(b)) return false;
  return fs::path(a).lexically_normal() == fs::path(b).lexically_normal() || fs::equivalent(a, b, ignored);
}

/// Devices are written to, not replaced.
bool is_replaceable(const std::string& path) {
  std::error_code ignored;
  const auto type = fs::status(path, ignored).type();
  return type == fs::file_type::regular || type == fs::file_type::not_found;
}

}  // namespace

Result<void> keep_apart(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string& output = outputs[i];
    if (!is_file(output) || !is_replaceable(output)) continue;
    const auto is_output = [&](const std::string& other) { return same_file(output, other); };
    if (fs::path(output).filename() == configuration_file_name)
      return fail(ErrorKind::usage, "this is where the configuration is, so it cannot be written", output,
                  "give another name for what is written");
    if (std::any_of(inputs.begin(), inputs.end(), is_output))
      return fail(ErrorKind::usage, "this file is read, so it cannot be written", output,
                  "give another name for what is written");
    if (std::any_of(outputs.begin() + static_cast<std::ptrdiff_t>(i) + 1, outputs.end(), is_output))
      return fail(ErrorKind::usage, "two things cannot be written to one file", output, "give each a name of its own");
  }
  return {};
}

}  // namespace vpn::cli
