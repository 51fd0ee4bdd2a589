// From the paths a user names to the files that are read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::cli {

struct Inputs {
  std::vector<std::string> files;  ///< in the order given, those of a folder by name; each once; "-" is standard input
  std::vector<Error> problems;     ///< of paths that cannot be opened, and folders without a profile
};

/// Files as they are named; of folders, recursively, every *.mobileconfig, and every *.plist, *.xml and *.json whose
/// content looks like a profile or a declaration. Hidden folders and symbolic links to folders are passed over.
Inputs collect_inputs(const std::vector<std::string>& paths);

/// Whether the text of a *.plist, *.xml or *.json looks like a profile or a declaration.
bool holds_profile(std::string_view extension, std::string_view text);

/// Whether a file of a folder is read that has this name, and, where that leaves it open, this text.
bool may_be_input(std::string_view name);
bool is_input(std::string_view name, std::string_view text);

/// Whether JSON text, judged by its first character.
bool looks_like_json(std::string_view text);

}  // namespace vpn::cli
