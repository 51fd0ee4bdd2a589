// Whole files, read with a bound and written so that nothing half-written is ever there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "policy/result.h"

namespace vpn::agent {

/// Errors: `unreadable`; also what is no regular file, or is larger than `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = std::size_t{64} << 20);

/// Writes a temporary file beside it, fsyncs it, renames it over and fsyncs the folder.
Result<void> write_file(const std::string& path, std::string_view content, unsigned mode = 0600);

/// A folder, with those above it that are missing; an existing one gets the mode, too.
Result<void> make_folder(const std::string& path, unsigned mode);

/// A text with what a terminal would obey (control characters) shown as \xNN.
std::string printable(std::string_view text);

}  // namespace vpn::agent
