#include "agent/datapath/route_cover.h"

#include <algorithm>
#include <bit>

namespace vpn::agent {
namespace {

using policy::Address;
using policy::Prefix;

/// A binary tree of prefixes over the segments, walked twice in the same order: bottom-up for the choices that a prefix
/// could have with the fewest routes in it, then top-down for the routes. As deep as an address is long.
class Cover {
 public:
  Cover(std::span<const RouteSegment> segments, std::uint8_t otherwise)
      : segments_(segments), width_(segments.front().first.v6 ? 128 : 32), otherwise_(otherwise) {
    for (const RouteSegment& s : segments) all_ |= s.choice == any_choice ? 0 : std::uint64_t{1} << s.choice;
    all_ |= std::uint64_t{1} << otherwise;
  }

  std::vector<std::pair<Prefix, std::uint8_t>> run() {
    const Node root{{segments_.front().first, 0}, 0, segments_.size()};
    gather(root);
    emit(root, otherwise_);
    std::sort(out_.begin(), out_.end());
    return std::move(out_);
  }

 private:
  /// A prefix and its segments: the first may begin before it, the last end behind it.
  struct Node {
    Prefix prefix;
    std::size_t begin, end;
  };

  std::pair<Node, Node> children(const Node& n) const {
    const auto length = static_cast<std::uint8_t>(n.prefix.length + 1);
    Address middle = n.prefix.base;
    const unsigned bit = width_ - length;
    (bit >= 64 ? middle.high : middle.low) |= std::uint64_t{1} << (bit % 64);
    const auto first = segments_.begin() + static_cast<std::ptrdiff_t>(n.begin);
    const auto last = segments_.begin() + static_cast<std::ptrdiff_t>(n.end);
    const auto at = static_cast<std::size_t>(
        std::lower_bound(first, last, middle, [](const RouteSegment& s, const Address& a) { return s.first < a; }) -
        segments_.begin());
    const bool cut = at == n.end || segments_[at].first != middle;
    return {Node{{n.prefix.base, length}, n.begin, at}, Node{{middle, length}, cut ? at - 1 : at, n.end}};
  }

  bool is_leaf(const Node& n) const { return n.end - n.begin == 1; }

  std::uint64_t gather(const Node& n) {
    const std::size_t number = choices_.size();
    choices_.push_back(0);
    std::uint64_t out = 0;
    if (is_leaf(n)) {
      const std::uint8_t choice = segments_[n.begin].choice;
      out = choice == any_choice ? all_ : std::uint64_t{1} << choice;
    } else {
      const auto [left, right] = children(n);
      const std::uint64_t a = gather(left), b = gather(right);
      out = (a & b) != 0 ? a & b : a | b;
    }
    return choices_[number] = out;
  }

  void emit(const Node& n, std::uint8_t inherited) {
    const std::uint64_t choices = choices_[next_++];
    if ((choices >> inherited & 1) == 0) {
      inherited = static_cast<std::uint8_t>(std::countr_zero(choices));
      out_.emplace_back(n.prefix, inherited);
    }
    if (is_leaf(n)) return;
    const auto [left, right] = children(n);
    emit(left, inherited);
    emit(right, inherited);
  }

  std::span<const RouteSegment> segments_;
  unsigned width_;
  std::uint8_t otherwise_;
  std::uint64_t all_ = 0;
  std::vector<std::uint64_t> choices_;  // of each node, in the order of the walk
  std::size_t next_ = 0;
  std::vector<std::pair<Prefix, std::uint8_t>> out_;
};

}  // namespace

std::vector<std::pair<Prefix, std::uint8_t>> cover(std::span<const RouteSegment> segments, std::uint8_t otherwise) {
  return Cover(segments, otherwise).run();
}

}  // namespace vpn::agent
