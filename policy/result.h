// Result: the way errors cross a module border; no exception leaves a library.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace vpn {

/// What kind of failure an Error is; the programs map it to their exit code.
enum class ErrorKind : std::uint8_t {
  invalid_input,  ///< the content is wrong (exit 1)
  usage,          ///< the caller asked for something that makes no sense (exit 2)
  unreadable,     ///< a file cannot be opened, read or written (exit 3)
  environment,    ///< missing permission or kernel support (exit 4)
};

/// A failure that a person can act on: what happened, where, and what to do about it.
struct Error {
  ErrorKind kind = ErrorKind::invalid_input;
  std::string what;   ///< one sentence, no trailing full stop
  std::string where;  ///< file, offset or key path; empty when there is none
  std::string help;   ///< what to do; empty when nothing useful can be said
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorKind kind, std::string what, std::string where = {}, std::string help = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(what), std::move(where), std::move(help)});
}

}  // namespace vpn
