// Looks over the tables of a binary property list before libplist is let near it. Internal to compiler/document.
#pragma once

#include <optional>
#include <string_view>

#include "compiler/document/reader.h"

namespace vpn::document {

/// What libplist 2.2 does not guard against: objects that are shared until the tree explodes, nesting that exhausts the
/// stack, kinds of objects that profiles do not have, dates and integers beyond what its interface can give back.
/// Nothing: the list is fit to be read. Linear in the size of the file.
std::optional<Fault> check_binary(std::string_view bytes, const Limits& limits);

}  // namespace vpn::document
