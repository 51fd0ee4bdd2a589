// Strings are compared as numbers, sixteen characters at a time, and the numbers sorted by radix: comparing texts that
// are spread over a large profile costs a cache miss each.
#include "policy/domain_sort.h"

#include <algorithm>
#include <array>
#include <span>
#include <tuple>
#include <utility>

#include "policy/little_endian.h"

namespace vpn::policy {
namespace {

constexpr std::size_t key_bytes = 16;
constexpr unsigned digit_bits = 12, digits = 8;  // two characters are a digit of the radix sort
constexpr std::size_t radix_from = 3000;         // fewer keys are sorted by comparison

/// Eight characters, the last one of the name in the upper byte, as 48 bits; `count` of them, those in the upper bytes,
/// are there, the others become 0. '-' to '9' become 13 to 25, '_' 31, 'a' to 'z' 33 to 58: the order of ASCII.
std::uint64_t pack(std::uint64_t characters, std::size_t count) {
  if (count == 0) return 0;
  const std::uint64_t low_half = ~(characters >> 1) & 0x2020202020202020;  // where bit 6 is clear
  std::uint64_t x = (characters & 0x3f3f3f3f3f3f3f3f) ^ low_half;
  if (count < 8) x &= ~std::uint64_t{0} << (8 * (8 - count));
  x = (x & 0x003f003f003f003f) | (x >> 2 & 0x0fc00fc00fc00fc0);
  x = (x & 0x00000fff00000fff) | (x >> 4 & 0x00fff00000fff000);
  return (x & 0xffffff) | (x >> 8 & 0xffffff000000);
}

template <unsigned Digit>
std::uint32_t digit(const SuffixKey& key) {
  constexpr unsigned shift = Digit * digit_bits;
  constexpr std::uint32_t mask = (1u << digit_bits) - 1;
  if constexpr (shift >= 32) {
    return static_cast<std::uint32_t>(key.high >> (shift - 32)) & mask;
  } else if constexpr (shift + digit_bits <= 32) {
    return key.low >> shift & mask;
  } else {
    return (key.low >> shift | static_cast<std::uint32_t>(key.high << (32 - shift))) & mask;
  }
}

using Counts = std::array<std::uint32_t, 1u << digit_bits>;

/// One pass of the radix sort, from `from` to `to`; false when all keys have the same digit and nothing was moved.
template <unsigned Digit>
bool distribute(std::span<const SuffixKey> from, std::span<SuffixKey> to, Counts& counts) {
  if (counts[digit<Digit>(from.front())] == from.size()) return false;
  std::uint32_t sum = 0;
  for (std::uint32_t& c : counts) sum += std::exchange(c, sum);
  for (const SuffixKey& key : from) to[counts[digit<Digit>(key)]++] = key;
  return true;
}

template <unsigned... Digits>
void radix_sort(std::span<SuffixKey> keys, std::integer_sequence<unsigned, Digits...>) {
  std::vector<Counts> counts(digits);
  for (const SuffixKey& key : keys) (++counts[Digits][digit<Digits>(key)], ...);
  std::vector<SuffixKey> other(keys.size());
  std::span<SuffixKey> from = keys, to = other;
  const auto pass = [&](bool moved) {
    if (moved) std::swap(from, to);
  };
  (pass(distribute<Digits>(from, to, counts[Digits])), ...);
  if (from.data() != keys.data()) std::copy(from.begin(), from.end(), keys.begin());
}

/// By the keys alone.
void sort_keys(std::span<SuffixKey> keys) {
  if (keys.size() >= radix_from) return radix_sort(keys, std::make_integer_sequence<unsigned, digits>{});
  std::sort(keys.begin(), keys.end(),
            [](const SuffixKey& a, const SuffixKey& b) { return a.high != b.high ? a.high < b.high : a.low < b.low; });
}

class SuffixSort {
 public:
  explicit SuffixSort(const std::vector<DomainItem>& items) : items_(items) {}

  /// `keys` were made with `skipped` bytes skipped. Recursion ends after as many steps as a name has sixteen bytes.
  void sort(std::span<SuffixKey> keys, std::size_t skipped) {
    sort_keys(keys);
    for (std::size_t begin = 0; begin < keys.size();) {
      prefetch(keys, begin);
      std::size_t end = begin + 1;
      for (; end < keys.size() && keys[end].same_bytes(keys[begin]); ++end) prefetch(keys, end);
      if (end - begin > 1) sort_alike(keys.subspan(begin, end - begin), skipped + key_bytes);
      begin = end;
    }
  }

 private:
  /// Names that will be needed soon: those of keys that have a like neighbour. Always inlined, for GCC takes a function
  /// that only prefetches for one without effect.
  [[gnu::always_inline]] void prefetch(std::span<const SuffixKey> keys, std::size_t i) const {
    constexpr std::size_t ahead = 20;
    if (i + 2 * ahead + 1 >= keys.size()) return;
    const auto alike = [&](std::size_t k) {
      return keys[k].same_bytes(keys[k - 1]) || keys[k].same_bytes(keys[k + 1]);
    };
    if (alike(i + 2 * ahead)) __builtin_prefetch(&items_[keys[i + 2 * ahead].item]);
    if (!alike(i + ahead)) return;
    const DomainItem& soon = items_[keys[i + ahead].item];
    __builtin_prefetch(soon.text);
    __builtin_prefetch(soon.text + soon.length - 1);
  }

  /// Keys that are the same for the last `skipped` bytes of their names.
  void sort_alike(std::span<SuffixKey> keys, std::size_t skipped) {
    const bool longer =
        std::any_of(keys.begin(), keys.end(), [&](const SuffixKey& k) { return items_[k.item].length > skipped; });
    if (!longer) {
      std::sort(keys.begin(), keys.end(), [this](const SuffixKey& a, const SuffixKey& b) {
        const DomainItem &x = items_[a.item], &y = items_[b.item];
        return std::tuple(x.name(), x.membership) < std::tuple(y.name(), y.membership);
      });
      return;
    }
    for (SuffixKey& k : keys) k = suffix_key(items_[k.item].name(), skipped, k.item);
    sort(keys, skipped);
  }

  const std::vector<DomainItem>& items_;
};

}  // namespace

SuffixKey suffix_key(std::string_view name, std::size_t skipped, std::uint32_t item) {
  if (name.size() <= skipped) return {0, 0, item};
  name.remove_suffix(skipped);
  const char* begin = name.data();
  const char* end = begin + name.size();
  std::uint64_t last = 0, before = 0;
  if (name.size() >= key_bytes) {
    last = pack(load_le64(end - 8), 8);
    before = pack(load_le64(end - 16), 8);
  } else if (name.size() >= 8) {
    last = pack(load_le64(end - 8), 8);
    // Shifting by 64 bits is not defined, and nothing is left there.
    before = name.size() == 8 ? 0 : pack(load_le64(begin) << (8 * (key_bytes - name.size())), name.size() - 8);
  } else {
    last = pack(load_le_short(begin, name.size()) << (8 * (8 - name.size())), name.size());
  }
  return {last << 16 | before >> 32, static_cast<std::uint32_t>(before), item};
}

void sort_by_suffix(std::vector<SuffixKey>& keys, const std::vector<DomainItem>& items) {
  SuffixSort(items).sort(keys, 0);
}

std::size_t shared_suffix(std::string_view a, std::string_view b) {
  const std::size_t limit = std::min(a.size(), b.size());
  const char* a_end = a.data() + a.size();
  const char* b_end = b.data() + b.size();
  std::size_t n = 0;
  while (n + 8 <= limit) {
    const std::uint64_t differ = load_le64(a_end - n - 8) ^ load_le64(b_end - n - 8);
    if (differ != 0) return n + static_cast<std::size_t>(std::countl_zero(differ)) / 8;
    n += 8;
  }
  while (n < limit && *(a_end - n - 1) == *(b_end - n - 1)) ++n;
  return n;
}

}  // namespace vpn::policy
