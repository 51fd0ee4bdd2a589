// Predecessor search in a sorted array of integers, with an index in front of large ones. For range_table.cpp.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace vpn::policy {

/// Where a range begins, and what holds from there to the next one.
template <class Key>
struct RangeStart {
  Key key;
  std::uint32_t value;
};

/// The last of `count` (at least one) sorted starts whose key is not above `key`; the first when there is none.
/// Without branches that depend on the keys.
template <class Key>
const RangeStart<Key>* last_not_above(const RangeStart<Key>* first, std::size_t count, Key key) {
  while (count > 1) {
    const std::size_t half = count / 2;
    first += first[half].key <= key ? half : 0;
    count -= half;
  }
  return first;
}

/// Sorted range starts behind a tree of direct indexes. An index cuts the span of its keys into equal buckets, about
/// one for each key; a bucket that still holds many keys (addresses cluster) gets an index of its own. So a look-up
/// reads one or two cells of an index and one or two neighbouring starts, whatever the number of ranges. A table with
/// few ranges has no index, and is searched directly: nothing to miss the cache on.
template <class Key>
class RangeSearch {
 public:
  using Start = RangeStart<Key>;

  RangeSearch() : starts_{{0, 0}} {}

  /// `starts` strictly ascending, the first one at key 0; below 2^31 of them.
  explicit RangeSearch(std::vector<Start> starts) : starts_(std::move(starts)) {
    if (starts_.size() > direct_limit) add_node(0, static_cast<std::uint32_t>(starts_.size()), 0);
  }

  std::uint32_t find(Key key) const noexcept {
    if (nodes_.empty()) return last_not_above(starts_.data(), starts_.size(), key)->value;
    const Node* node = nodes_.data();
    while (true) {
      const std::uint32_t* cell = cells_.data() + node->first_cell + bucket(*node, key);
      const std::uint32_t from = cell[0];
      if ((from & child_flag) == 0) {
        const std::uint32_t to = cell[1] & child_flag ? nodes_[cell[1] & ~child_flag].first_start : cell[1];
        return last_not_above(starts_.data() + from, to - from + 1, key)->value;
      }
      node = nodes_.data() + (from & ~child_flag);
    }
  }

  /// Fetches what find() will read first. Always inlined, for GCC takes a function that only prefetches for one without
  /// effect, and leaves out the call.
  [[gnu::always_inline]] void prefetch(Key key) const noexcept {
    if (!nodes_.empty()) __builtin_prefetch(cells_.data() + nodes_[0].first_cell + bucket(nodes_[0], key));
  }

  std::span<const Start> starts() const noexcept { return starts_; }
  std::size_t size() const noexcept { return starts_.size(); }
  std::size_t bytes() const noexcept {
    return starts_.capacity() * sizeof(Start) + cells_.capacity() * sizeof(std::uint32_t) +
           nodes_.capacity() * sizeof(Node);
  }

 private:
  // Cell b of a node: number of the last start at or below the bucket's lower edge; or, with the flag, the node that
  // refines the bucket. Bucket 0 begins at the node's first start, whatever that one's key. One more cell behind the
  // last bucket ends it.
  struct Node {
    Key low;  // key of the second start: where counting buckets begins
    std::uint32_t first_cell;
    std::uint32_t last_bucket;
    std::uint32_t first_start;
    unsigned shift;  // log2 of a bucket's width
  };
  static constexpr std::uint32_t child_flag = 1u << 31;
  static constexpr std::size_t direct_limit = 64;  // starts that are searched without an index
  static constexpr std::size_t crowded = 24;       // starts in a bucket from which on it gets a node
  static constexpr int max_depth = 8;

  static std::size_t bucket(const Node& node, Key key) noexcept {
    const Key offset = key > node.low ? key - node.low : 0;
    return static_cast<std::size_t>(std::min<Key>(offset >> node.shift, node.last_bucket));
  }

  /// A node for starts[first] to starts[end - 1], at least two; its number. The first start is what holds before the
  /// others, often from far below: it says nothing about where they are, so the buckets begin at the second.
  std::uint32_t add_node(std::uint32_t first, std::uint32_t end, int depth) {
    const Key low = starts_[first + 1].key;
    const Key span = starts_[end - 1].key - low;
    const auto wanted = static_cast<int>(std::bit_width(end - first));
    const auto width = static_cast<int>(std::bit_width(span));
    Node node{low, static_cast<std::uint32_t>(cells_.size()), 0, first,
              static_cast<unsigned>(std::max(0, width - wanted))};
    node.last_bucket = static_cast<std::uint32_t>(span >> node.shift);
    const auto number = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back(node);
    cells_.resize(cells_.size() + node.last_bucket + 2);
    fill(node, first, end, depth);
    return number;
  }

  void fill(const Node& node, std::uint32_t first, std::uint32_t end, int depth) {
    std::uint32_t next = first + 1;  // first start that is above the bucket's lower edge
    for (std::uint32_t b = 0; b <= node.last_bucket; ++b) {
      const Key edge = node.low + (static_cast<Key>(b) << node.shift);
      while (next < end && starts_[next].key <= edge) ++next;
      std::uint32_t bucket_end = next;
      while (bucket_end < end && (starts_[bucket_end].key - node.low) >> node.shift == b) ++bucket_end;
      const std::uint32_t before = b == 0 ? first : next - 1;
      std::uint32_t cell = before;
      if (bucket_end - before > crowded && node.shift > 0 && depth < max_depth)
        cell = add_node(before, bucket_end, depth + 1) | child_flag;
      cells_[node.first_cell + b] = cell;
      next = bucket_end;
    }
    cells_[node.first_cell + node.last_bucket + 1] = end - 1;
  }

  std::vector<Start> starts_;
  std::vector<std::uint32_t> cells_;
  std::vector<Node> nodes_;
};

}  // namespace vpn::policy
