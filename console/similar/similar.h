// "Did you mean": how far two words are apart, and the nearest of several.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace vpn::cli {

/// Edits (insert, delete, replace, swap of neighbours) between two words, without regard to ASCII case;
/// `limit + 1` when it is more than `limit`. Words longer than 128 bytes are as far apart as can be.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// How many edits a misspelling of a word of this length may have to be worth a suggestion.
std::size_t tolerance(std::size_t length);

/// The nearest of `candidates` within the word's tolerance, the first of several; empty: none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace vpn::cli
