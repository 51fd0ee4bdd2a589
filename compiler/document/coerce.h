// What a value means where it is not of the type that a schema asks for, but clear all the same (`<true/>` for the
// integer 1, "1" for 1, `<real>1</real>` for a version): the one place that says what is accepted as meant.
#pragma once

#include <cstdint>
#include <optional>

#include "compiler/document/value.h"

namespace vpn::document {

/// Truth of a flag: a boolean, a number (0 is false), or a text that says one of these ("1", "true", "YES").
std::optional<bool> meant_flag(const Value& value);

/// A whole number: an integer, a boolean (1, 0), a real without a fraction, a decimal text.
std::optional<std::int64_t> meant_integer(const Value& value);

}  // namespace vpn::document
