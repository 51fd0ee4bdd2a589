// Looks over the tables of a binary property list before libplist is let near it. Internal to compiler/document.
#pragma once

#include <optional>
#include <string_view>

#include "compiler/document/reader.h"

namespace vpn::document {

/// The tree that a list becomes, shared objects counted each time.
struct BinaryExtent {
  std::uint64_t values = 0;  ///< keys included
  std::uint64_t bytes = 0;   ///< of texts and data, as they are in the file
};

/// What libplist 2.2 does not guard against: objects that are shared until the tree explodes, nesting that exhausts the
/// stack, kinds of objects that profiles do not have, dates and integers beyond what its interface can give back.
/// Nothing: the list is fit to be read, and `extent` says how large it is. Linear in the size of the file.
std::optional<Fault> check_binary(std::string_view bytes, const Limits& limits, BinaryExtent& extent);

}  // namespace vpn::document
