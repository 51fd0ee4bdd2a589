// Whole files and standard input, for commands.
#pragma once

#include <string>

#include "policy/result.h"

namespace vpn::cli {

/// The content of a file, or of standard input for "-". Errors: unreadable; larger than `limit` bytes.
Result<std::string> read_input(const std::string& path, std::size_t limit = std::size_t{64} << 20);

/// An argument that is JSON itself, or "@FILE".
Result<std::string> inline_or_file(const std::string& argument);

}  // namespace vpn::cli
