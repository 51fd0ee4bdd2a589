#include "compiler/analyse/cover.h"

#include <algorithm>
#include <map>

namespace vpn::analyse {
namespace {

// What is alike along the third dimension is gathered along the second, and that along the first.
std::vector<Box> gathered(const std::vector<Cell>& cells, const std::array<unsigned, 3>& order) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, Numbers> thirds;
  for (const Cell& c : cells) thirds[{c[order[0]], c[order[1]]}].push_back(c[order[2]]);
  std::map<Numbers, std::map<std::uint32_t, Numbers>> seconds;  // by third: first to seconds
  for (auto& [pair, third] : thirds) {
    std::sort(third.begin(), third.end());
    seconds[third][pair.first].push_back(pair.second);
  }
  std::vector<Box> out;
  for (auto& [third, by_first] : seconds) {
    std::map<Numbers, Numbers> firsts;
    for (auto& [first, second] : by_first) {
      std::sort(second.begin(), second.end());
      firsts[second].push_back(first);
    }
    for (const auto& [second, first] : firsts) {
      Box& box = out.emplace_back();
      box.sides[order[0]] = first;
      box.sides[order[1]] = second;
      box.sides[order[2]] = third;
    }
  }
  return out;
}

}  // namespace

std::vector<Box> cover(const std::vector<Cell>& cells) {
  std::array<unsigned, 3> order{0, 1, 2};
  std::vector<Box> fewest;
  do {
    std::vector<Box> boxes = gathered(cells, order);
    if (fewest.empty() || boxes.size() < fewest.size()) fewest = std::move(boxes);
  } while (std::next_permutation(order.begin(), order.end()));
  std::sort(fewest.begin(), fewest.end(), [](const Box& a, const Box& b) { return a.sides < b.sides; });
  return fewest;
}

}  // namespace vpn::analyse
