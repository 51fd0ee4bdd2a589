// A set of cells in three dimensions as few boxes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace vpn::analyse {

/// Numbers along one dimension, ascending.
using Numbers = std::vector<std::uint32_t>;
using Cell = std::array<std::uint32_t, 3>;

/// All combinations of one number from each dimension; none of them is empty.
struct Box {
  std::array<Numbers, 3> sides;
};

/// Disjoint boxes that hold the cells and nothing else: of the six ways to gather dimension by dimension the one that
/// gives the fewest. Same cells in any order: same boxes. Cells are distinct.
std::vector<Box> cover(const std::vector<Cell>& cells);

}  // namespace vpn::analyse
