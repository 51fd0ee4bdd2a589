// Nested prefixes to disjoint ranges, tuples of values to classes.
#include "policy/range_table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <unordered_map>

#include "policy/range_search.h"

namespace vpn::policy {
namespace {

/// From `start` up to the next one all addresses have this tuple.
struct Boundary {
  Address start;
  std::uint32_t tuple;
};

/// The distinct tuples of values, numbered. 0: nothing matches.
class Tuples {
 public:
  explicit Tuples(std::size_t dimensions) : dimensions_(dimensions), values_(dimensions, '\0') {
    numbers_.emplace(values_, 0);
  }

  /// The tuple that differs from `tuple` in one dimension.
  std::uint32_t with(std::uint32_t tuple, std::uint16_t dimension, std::uint8_t value) {
    const std::uint64_t step = std::uint64_t{tuple} << 24 | std::uint64_t{dimension} << 8 | value;
    if (step == last_step_) return last_;
    auto [it, is_new] = steps_.try_emplace(step, 0);
    if (is_new) it->second = intern(tuple, dimension, value);
    last_step_ = step;
    return last_ = it->second;
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(numbers_.size()); }
  std::string_view values(std::uint32_t tuple) const {
    return std::string_view(values_).substr(tuple * dimensions_, dimensions_);
  }

 private:
  std::uint32_t intern(std::uint32_t tuple, std::uint16_t dimension, std::uint8_t value) {
    std::string changed(values(tuple));
    changed[dimension] = static_cast<char>(value);
    const auto [it, is_new] = numbers_.try_emplace(changed, size());
    if (is_new) values_ += changed;
    return it->second;
  }

  std::size_t dimensions_;
  std::string values_;  // one after the other
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::unordered_map<std::uint64_t, std::uint32_t> steps_;
  std::uint64_t last_step_ = ~std::uint64_t{0};
  std::uint32_t last_ = 0;
};

/// An entry as three words, in whose order Sweep wants them: by prefix, dimension, priority and value.
struct Packed {
  std::uint64_t high, low, rest;
  friend bool operator<(const Packed& a, const Packed& b) {
    if (a.high != b.high) return a.high < b.high;
    return a.low != b.low ? a.low < b.low : a.rest < b.rest;
  }

  static Packed of(const RangeEntry& e) {
    const Prefix p = Prefix::of(e.prefix.base, e.prefix.length);
    const std::uint64_t rest =
        std::uint64_t{p.length} << 32 | std::uint64_t{e.dimension} << 16 | std::uint64_t{e.priority} << 8 | e.value;
    return p.base.v6 ? Packed{p.base.high, p.base.low, rest} : Packed{p.base.low, 0, rest};
  }
  RangeEntry entry(bool v6) const {
    const Address base = v6 ? Address::from_v6(high, low) : Address::from_v4(static_cast<std::uint32_t>(high));
    return {{base, static_cast<std::uint8_t>(rest >> 32)},
            static_cast<std::uint16_t>(rest >> 16),
            static_cast<std::uint8_t>(rest),
            static_cast<std::uint8_t>(rest >> 8)};
  }
};

/// One family's entries.
std::vector<Packed> sorted(std::span<const RangeEntry> entries, std::uint16_t dimensions, bool v6) {
  std::vector<Packed> out;
  out.reserve(entries.size());
  for (const RangeEntry& e : entries)
    if (e.dimension < dimensions && e.prefix.base.v6 == v6) out.push_back(Packed::of(e));
  std::sort(out.begin(), out.end());
  return out;
}

/// The address after a prefix's last, or nothing at the end of the address family.
std::optional<Address> after(const Prefix& p) {
  const Address last = p.last();
  return last == highest(last.v6) ? std::nullopt : std::optional(next(last));
}

/// One walk over sorted prefixes of one family: the prefixes that hold at the present address are on a stack, for
/// prefixes nest or are disjoint.
class Sweep {
 public:
  Sweep(Tuples& tuples, bool v6) : tuples_(tuples), v6_(v6) { boundaries_.push_back({{0, 0, v6}, 0}); }

  std::vector<Boundary> run(std::span<const Packed> entries) {
    for (std::size_t i = 0; i < entries.size();) {
      const Prefix prefix = entries[i].entry(v6_).prefix;
      while (!open_.empty() && !open_.back().prefix.contains(prefix)) close();
      std::uint32_t tuple = current();
      std::optional<std::uint16_t> dimension;
      for (; i < entries.size(); ++i) {
        const RangeEntry e = entries[i].entry(v6_);
        if (e.prefix != prefix) break;
        if (dimension == e.dimension) continue;  // a lower priority number has been here
        dimension = e.dimension;
        tuple = tuples_.with(tuple, e.dimension, e.value);
      }
      open_.push_back({prefix, tuple});
      emit(prefix.first());
    }
    while (!open_.empty()) close();
    return std::move(boundaries_);
  }

 private:
  struct Open {
    Prefix prefix;
    std::uint32_t tuple;
  };

  std::uint32_t current() const { return open_.empty() ? 0 : open_.back().tuple; }

  void close() {
    const auto next = after(open_.back().prefix);
    open_.pop_back();
    if (next) emit(*next);
  }

  void emit(const Address& start) {
    if (boundaries_.back().start == start) {
      boundaries_.back().tuple = current();
    } else {
      boundaries_.push_back({start, current()});
    }
    const std::size_t n = boundaries_.size();
    if (n > 1 && boundaries_[n - 2].tuple == boundaries_[n - 1].tuple) boundaries_.pop_back();
  }

  Tuples& tuples_;
  bool v6_;
  std::vector<Open> open_;
  std::vector<Boundary> boundaries_;
};

constexpr std::uint32_t divided = 1u << 31;

}  // namespace

// IPv6 is searched by the upper half of the address; where one upper half holds several ranges, its value is `divided`
// plus the number of an Inner, which is searched by the lower half.
struct RangeTable::Data {
  struct Inner {
    std::uint32_t first = 0;  // in inner_starts; or in inner_searches
    std::uint32_t count = 0;  // 0: it is long and has a search of its own
  };
  static constexpr std::size_t long_inner = 64;

  RangeSearch<std::uint32_t> v4;
  RangeSearch<std::uint64_t> v6;
  std::vector<Inner> inner;
  std::vector<RangeStart<std::uint64_t>> inner_starts;
  std::vector<RangeSearch<std::uint64_t>> inner_searches;
  std::uint32_t classes = 1;

  void build_v4(std::span<const Boundary> boundaries) {
    std::vector<RangeStart<std::uint32_t>> starts;
    starts.reserve(boundaries.size());
    for (const Boundary& b : boundaries) starts.push_back({b.start.v4(), b.tuple});
    v4 = RangeSearch<std::uint32_t>(std::move(starts));
  }

  void build_v6(std::span<const Boundary> boundaries) {
    std::vector<RangeStart<std::uint64_t>> starts;
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < boundaries.size();) {
      const std::uint64_t high = boundaries[i].start.high;
      std::size_t end = i;
      while (end < boundaries.size() && boundaries[end].start.high == high) ++end;
      const auto group = boundaries.subspan(i, end - i);
      const bool whole = group.size() == 1 && group[0].start.low == 0;
      starts.push_back({high, whole ? group[0].tuple : add_inner(group, before)});
      before = group.back().tuple;
      const bool next_follows = end < boundaries.size() && boundaries[end].start.high == high + 1;
      if (!whole && !next_follows && high != ~std::uint64_t{0}) starts.push_back({high + 1, before});
      i = end;
    }
    v6 = RangeSearch<std::uint64_t>(std::move(starts));
  }

  std::uint32_t add_inner(std::span<const Boundary> group, std::uint32_t before) {
    std::vector<RangeStart<std::uint64_t>> starts;
    if (group[0].start.low != 0) starts.push_back({0, before});
    for (const Boundary& b : group) starts.push_back({b.start.low, b.tuple});
    const auto number = static_cast<std::uint32_t>(inner.size());
    if (starts.size() > long_inner) {
      inner.push_back({static_cast<std::uint32_t>(inner_searches.size()), 0});
      inner_searches.emplace_back(std::move(starts));
    } else {
      inner.push_back({static_cast<std::uint32_t>(inner_starts.size()), static_cast<std::uint32_t>(starts.size())});
      inner_starts.insert(inner_starts.end(), starts.begin(), starts.end());
    }
    return number | divided;
  }

  std::span<const RangeStart<std::uint64_t>> inner_of(std::uint32_t value) const {
    const Inner& i = inner[value & ~divided];
    if (i.count == 0) return inner_searches[i.first].starts();
    return std::span(inner_starts).subspan(i.first, i.count);
  }

  std::uint32_t find_inner(std::uint32_t value, std::uint64_t low) const noexcept {
    const Inner& i = inner[value & ~divided];
    if (i.count == 0) return inner_searches[i.first].find(low);
    return last_not_above(inner_starts.data() + i.first, i.count, low)->value;
  }
};

RangeTable::RangeTable() : data_(std::make_shared<const Data>()) {}
RangeTable::~RangeTable() = default;
RangeTable::RangeTable(const RangeTable&) = default;
RangeTable& RangeTable::operator=(const RangeTable&) = default;
RangeTable::RangeTable(RangeTable&&) noexcept = default;
RangeTable& RangeTable::operator=(RangeTable&&) noexcept = default;

RangeTable RangeTable::build(std::span<const RangeEntry> entries, std::uint16_t dimensions) {
  Tuples tuples(dimensions);
  std::array<std::vector<Boundary>, 2> families{Sweep(tuples, false).run(sorted(entries, dimensions, false)),
                                                Sweep(tuples, true).run(sorted(entries, dimensions, true))};

  // Tuples that were only steps on the way to others get no class.
  RangeTable table;
  const auto data = std::make_shared<Data>();
  table.dimensions_ = dimensions;
  table.values_.assign(dimensions, 0);
  std::vector<std::uint32_t> classes(tuples.size(), 0);
  for (auto& boundaries : families) {
    for (Boundary& b : boundaries) {
      std::uint32_t& cls = classes[b.tuple];
      if (b.tuple != 0 && cls == 0) {
        cls = data->classes++;
        const std::string_view values = tuples.values(b.tuple);
        table.values_.insert(table.values_.end(), values.begin(), values.end());
      }
      b.tuple = cls;
    }
  }
  data->build_v4(families[0]);
  data->build_v6(families[1]);
  table.data_ = data;
  return table;
}

std::uint32_t RangeTable::find(const Address& a) const noexcept {
  if (!a.v6) return data_->v4.find(a.v4());
  const std::uint32_t value = data_->v6.find(a.high);
  return (value & divided) == 0 ? value : data_->find_inner(value, a.low);
}

void RangeTable::prefetch(const Address& a) const noexcept {
  if (a.v6) {
    data_->v6.prefetch(a.high);
  } else {
    data_->v4.prefetch(a.v4());
  }
}

std::uint32_t RangeTable::class_count() const noexcept { return data_->classes; }

void RangeTable::for_each_range(bool v6, const RangeVisitor& visit) const {
  std::optional<std::uint32_t> before;
  const auto range = [&](const Address& first, std::uint32_t cls) {
    if (before != cls) visit(first, cls);
    before = cls;
  };
  if (!v6) {
    for (const auto& start : data_->v4.starts()) range(Address::from_v4(start.key), start.value);
    return;
  }
  for (const auto& start : data_->v6.starts()) {
    if ((start.value & divided) == 0) {
      range(Address::from_v6(start.key, 0), start.value);
      continue;
    }
    for (const auto& inner : data_->inner_of(start.value)) range(Address::from_v6(start.key, inner.key), inner.value);
  }
}

std::size_t RangeTable::range_count(bool v6) const noexcept {
  if (!v6) return data_->v4.size();
  std::size_t count = data_->v6.size() + data_->inner_starts.size();
  for (const auto& search : data_->inner_searches) count += search.size();
  return count;
}

}  // namespace vpn::policy
