// Ranges of addresses to the fewest prefixes under longest match.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "policy/address.h"

namespace vpn::agent {

/// What holds from an address up to the next segment's.
struct RouteSegment {
  policy::Address first;
  std::uint8_t choice = 0;  ///< below most_choices, or any_choice
};

inline constexpr std::uint8_t most_choices = 64;
inline constexpr std::uint8_t any_choice = 0xff;  ///< nobody asks for these addresses: whatever is shorter

/// The fewest prefixes whose longest match gives each address its segment's choice; what no prefix holds has
/// `otherwise`. Segments of one family, ascending, the first one at its lowest address. The result is sorted as Prefix
/// compares. (Draves, King, Venkatachary, Zill: Constructing Optimal IP Routing Tables, 1999.)
std::vector<std::pair<policy::Prefix, std::uint8_t>> cover(std::span<const RouteSegment> segments,
                                                           std::uint8_t otherwise);

}  // namespace vpn::agent
