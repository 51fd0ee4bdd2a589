// The policy that a command asks: a compiled file, or profiles that are compiled on the spot.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "console/options.h"
#include "policy/policy.h"
#include "policy/types.h"

namespace vpn::cli {

struct Built;  // compiler/cli/compile_device.h

struct PolicyRequest {
  std::vector<std::string> paths;  ///< one compiled policy; or profiles, declarations and folders, in order
  std::string app_map;             ///< for profiles; empty: none
  std::optional<policy::Platform> platform;
  std::vector<std::string> trust;
  std::optional<std::string> decrypt_key;
};

/// What the user typed: positional arguments, --app-map, --platform, --trust and --decrypt-key.
PolicyRequest request_of(const Arguments& arguments);
/// The same for this path alone; what is for profiles is left out for a policy that is compiled already.
PolicyRequest request_of(const Arguments& arguments, std::string path);

struct PolicyInput {
  std::optional<policy::Policy> policy;  ///< nothing: `findings` or `problems` say why
  bool compiled = false;                 ///< from profiles, just now; nothing was written
  std::string findings;                  ///< errors that refused the profiles, for people
  std::vector<Error> problems;
  std::vector<std::string> files;      ///< that were read, all of them: none may be written
  std::shared_ptr<const Built> built;  ///< from profiles: all that was found in them (its policy is the one above)
};

/// Opens a compiled policy; "-" is standard input.
Result<policy::Policy> open_compiled(const std::string& path, const policy::OpenOptions& options = {});

/// Opens or compiles in memory.
PolicyInput open_policy(const PolicyRequest& request);

/// Says on standard error that profiles were compiled in memory, where they were.
void say_compiled(const PolicyInput& input);

/// Prints on standard error why there is no policy; gives the exit code.
int report_failure(const PolicyInput& input);

/// Whether the file is, or by its name should be, a compiled policy.
bool is_compiled_policy(const std::string& path);

}  // namespace vpn::cli
