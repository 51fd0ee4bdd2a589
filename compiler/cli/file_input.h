// Whole files and standard input, for commands.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "console/options.h"
#include "policy/result.h"

namespace vpn::cli {

/// The content of a file, or of standard input for "-". Errors: unreadable; larger than `limit` bytes.
Result<std::string> read_input(const std::string& path, std::size_t limit = std::size_t{64} << 20);

/// An argument that is JSON itself, or "@FILE".
Result<std::string> inline_or_file(const std::string& argument);

/// Errors: usage, where more than one of the positional arguments and the values of these options is "-": the first
/// would leave nothing to the second.
Result<void> check_standard_input(const Arguments& arguments, std::initializer_list<std::string_view> options);

}  // namespace vpn::cli
