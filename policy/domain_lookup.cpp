// Looking a host up in a domain table: no allocation, two dependent cache misses for a name that is there (a bucket, a
// block), about one for each suffix that is not. The table has been checked, the host can be anything.
#include <array>
#include <bit>
#include <limits>

#include "policy/domain_layout.h"
#include "policy/domain_table.h"
#include "policy/lanes.h"

namespace vpn::policy {

using namespace domain_layout;

namespace {

constexpr std::uint32_t not_found = std::numeric_limits<std::uint32_t>::max();

/// A host in words of eight bytes from its end, the byte nearest to the end uppermost; zeros before its beginning. So
/// bytes at any distance from the end are had without asking where the host begins.
class HostWords {
 public:
  explicit HostWords(std::string_view host) : size_(host.size()) {
    const std::size_t whole = size_ / 8, left = size_ % 8;
    for (std::size_t i = 0; i < whole; ++i) words_[i] = load_le64(host.data() + size_ - 8 * (i + 1));
    words_[whole] = left == 0 ? 0 : load_le_short(host.data(), left) << (8 * (8 - left));
    words_[whole + 1] = 0;
  }

  std::size_t size() const { return size_; }
  std::uint64_t word(std::size_t i) const { return words_[i]; }

  /// Eight bytes, the first of them `distance` bytes from the end.
  std::uint64_t at(std::size_t distance) const {
    const unsigned shift = static_cast<unsigned>(distance % 8) * 8;
    const std::uint64_t upper = words_[distance / 8];
    return shift == 0 ? upper : upper << shift | words_[distance / 8 + 1] >> (64 - shift);
  }

  /// Bit i: the byte at distance 64 * part + i is a dot.
  std::uint64_t dots(std::size_t part) const {
    constexpr std::uint64_t ones = 0x0101010101010101, sevens = 0x7f * ones;
    std::uint64_t mask = 0;
    for (std::size_t i = 8 * part; i < 8 * part + 8 && i * 8 < size_; ++i) {
      const std::uint64_t x = words_[i] ^ ('.' * ones);
      const std::uint64_t zeros = ~(((x & sevens) + sevens) | x) >> 7 & ones;
      mask |= (zeros * 0x8040201008040201 >> 56) << (8 * (i - 8 * part));  // the lowest byte becomes the highest bit
    }
    return mask;
  }

 private:
  std::array<std::uint64_t, longest_name / 8 + 3> words_;
  std::size_t size_;
};

/// The ends of a block's entries, in order.
class EntryEnds {
 public:
  explicit EntryEnds(const std::byte* block) : block_(block), mask_(top_bits(block)) {}

  /// One byte beyond the next entry. There is one.
  const std::byte* next() {
    while (mask_ == 0) mask_ = top_bits(block_ += 64);
    const std::byte* end = block_ + std::countr_zero(mask_) + 1;
    mask_ &= mask_ - 1;
    return end;
  }

 private:
  const std::byte* block_;
  std::uint64_t mask_;
};

/// How an entry's text compares to as many bytes of the host, both read from the end.
struct Comparison {
  std::size_t same;   // bytes that are the same
  bool text_greater;  // where they differ
};

Comparison compare(const std::byte* text_end, const HostWords& host, std::size_t distance, std::size_t limit) {
  for (std::size_t same = 0;; same += 8) {
    const std::uint64_t text = load_le64(text_end - same - 8) & 0x7f7f7f7f7f7f7f7f;
    const std::uint64_t name = host.at(distance + same);
    const std::size_t here = static_cast<std::size_t>(std::countl_zero(text ^ name)) / 8;
    if (same + here >= limit) return {limit, false};
    if (here < 8) return {same + here, text > name};
  }
}

std::uint32_t read_number(const std::byte* p, unsigned digits) {
  std::uint32_t value = 0;
  for (unsigned d = 0; d < digits; ++d) value |= static_cast<std::uint32_t>(p[d]) << (7 * d);
  return value;
}

/// The kind of the host's suffix of `length` bytes, or not_found when the block does not hold it.
std::uint32_t find_in_block(const std::byte* block, unsigned kind_digits, const HostWords& host, std::size_t length) {
  const auto head = static_cast<std::uint8_t>(*block);
  const bool mixed = (head & mixed_kinds) != 0;
  const std::byte* entry = block + 1 + (mixed ? 0 : kind_digits);
  EntryEnds ends(block);
  // `matched`: bytes that the entry before shares with the name, at their ends. Names ascend, so an entry that shares
  // more with the one before it differs from the name where that one did, and one that shares less is beyond the name.
  std::size_t matched = 0;
  for (unsigned left = head & count_mask; left > 0; --left) {
    const std::byte* text = entry;
    const std::byte* text_end = ends.next();
    entry = text_end;
    std::size_t shared = static_cast<std::uint8_t>(*text++);
    if (shared == shared_escape) shared += static_cast<std::uint8_t>(*text++);
    if (shared > matched) continue;
    if (shared < matched) return not_found;
    const std::byte* kind = mixed ? text : block + 1;
    if (mixed) text += kind_digits;
    const auto size = static_cast<std::size_t>(text_end - text);
    const std::size_t limit = size < length - matched ? size : length - matched;
    const Comparison c = compare(text_end, host, matched, limit);
    if (c.text_greater) return not_found;
    matched += c.same;
    if (matched == length) return c.same == size ? read_number(kind, kind_digits) : not_found;
  }
  return not_found;
}

/// The parts of a table that a suffix is looked for in.
struct Buckets {
  const std::byte* buckets;
  const std::byte* blocks;
  std::uint32_t count;
  std::uint32_t longest_probe;
  unsigned block_bits;
  unsigned kind_digits;

  const std::byte* bucket(std::uint32_t i) const { return buckets + std::size_t{i} * bucket_size; }

  std::uint32_t find(std::uint64_t hash, const HostWords& host, std::size_t length) const {
    const std::uint32_t tag = static_cast<std::uint32_t>(hash) << block_bits;
    std::uint32_t i = hash_place(hash, count);
    for (std::uint32_t probe = 0; probe <= longest_probe; ++probe) {
      const std::byte* slots = bucket(i);
      for (std::uint32_t equal = equal_lanes(slots, tag, block_bits); equal != 0; equal &= equal - 1) {
        const std::uint32_t slot = load_le32(slots + std::size_t{4} * static_cast<unsigned>(std::countr_zero(equal)));
        if (slot == empty_slot) break;
        const std::byte* block = blocks + std::size_t{slot ^ tag} * block_size;
        __builtin_prefetch(block + 64);
        const std::uint32_t kind = find_in_block(block, kind_digits, host, length);
        if (kind != not_found) return kind;
      }
      if (load_le32(slots + bucket_size - 4) == empty_slot) break;  // not full: nothing went further
      i = i + 1 == count ? 0 : i + 1;
    }
    return not_found;
  }
};

/// A suffix of a host that may be in the table.
struct Candidate {
  std::uint64_t hash;
  std::size_t length;
};

/// The suffixes of a host that begin at a label, as far as names of so many labels are in the table; shortest first.
class Candidates {
 public:
  Candidates(const HostWords& host, std::uint64_t seed, std::uint64_t depths)
      : host_(host), depths_(depths), hash_(seed) {}

  /// Calls found(candidate) for each. False when the host has more labels than a name can have.
  template <class Found>
  bool collect(Found found) {
    for (std::size_t part = 0; part * 64 < host_.size(); ++part) {
      for (std::uint64_t dots = host_.dots(part); dots != 0; dots &= dots - 1) {
        const std::size_t length = part * 64 + static_cast<std::size_t>(std::countr_zero(dots));
        if (!add(length, found)) return false;
      }
    }
    return add(host_.size(), found);
  }

  std::size_t size() const { return count_; }
  const Candidate& operator[](std::size_t i) const { return all_[i]; }

 private:
  template <class Found>
  bool add(std::size_t length, Found& found) {
    if ((depths_ >> depth_bit(++labels_) & 1) == 0) return true;
    if (count_ == all_.size()) return false;
    for (; words_ < length / 8; ++words_) hash_.word(host_.word(words_));
    const std::size_t left = length % 8;
    const std::uint64_t rest = left == 0 ? 0 : host_.word(words_) >> (8 * (8 - left));
    all_[count_] = {hash_.finish(rest, length), length};
    found(all_[count_++]);
    return true;
  }

  const HostWords& host_;
  std::uint64_t depths_;
  SuffixHash hash_;
  std::size_t words_ = 0, labels_ = 0, count_ = 0;
  std::array<Candidate, (longest_name + 1) / 2> all_;
};

}  // namespace

DomainClass DomainTable::lookup(std::string_view name) const noexcept {
  if (names_ == 0 || name.empty() || name.size() > longest_name) return 0;
  const HostWords host(name);
  const Buckets table{buckets_, blocks_, bucket_count_, longest_probe_, block_bits_, kind_digits_};
  Candidates candidates(host, seed_, depths_);
  // All buckets are on their way before the first one is looked into.
  const bool complete = candidates.collect(
      [&](const Candidate& c) { __builtin_prefetch(table.bucket(hash_place(c.hash, table.count))); });
  if (!complete) return 0;
  // The longest entry that holds knows what its ancestors give.
  for (std::size_t i = candidates.size(); i-- > 0;) {
    const std::uint32_t kind = table.find(candidates[i].hash, host, candidates[i].length);
    if (kind == not_found) continue;
    const std::byte* record = kinds_ + std::size_t{kind} * kind_size;
    return load_le32(record + (candidates[i].length == name.size() ? offsetof(Kind, self) : offsetof(Kind, below)));
  }
  return 0;
}

}  // namespace vpn::policy
