// Runs a program to its end, without a shell.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::ci {

struct Finished {
  int exit = 0;  ///< exit code; 128 and the signal's number where a signal ended it
  std::string out, errors;
};

/// `arguments[0]` is looked for in PATH. Sends `input`, takes at most `limit` bytes of output and 64 KiB of errors. The
/// program gets our environment but for the variables that `without` names.
/// Errors: environment where it cannot be started, invalid_input where it says more than `limit`.
Result<Finished> run_process(const std::vector<std::string>& arguments, std::string_view input, std::size_t limit,
                             std::span<const std::string_view> without = {});

}  // namespace vpn::ci
