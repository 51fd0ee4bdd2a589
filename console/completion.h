// Shell completion and the man page, made from the commands' options, so that they never lag behind.
#pragma once

#include <string>
#include <string_view>

namespace vpn::cli {

/// The completion script for "bash", "zsh" or "fish"; empty for another shell.
std::string completion(std::string_view shell);

/// The program's man page as troff with the man macros.
std::string man_page();

}  // namespace vpn::cli
