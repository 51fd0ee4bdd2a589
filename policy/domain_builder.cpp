// Writes a domain table: sorts the names, gives every entry its kind, packs the blocks, fills the buckets.
#include <algorithm>
#include <cstring>
#include <limits>

#include "policy/domain_blocks.h"
#include "policy/domain_classes.h"
#include "policy/domain_layout.h"
#include "policy/domain_sort.h"
#include "policy/domain_table.h"
#include "policy/types.h"

namespace vpn::policy {
namespace {

using namespace domain_layout;

constexpr std::uint32_t attempts = 8;
// Names for each hundred slots. Fuller, and the runs of full buckets that a look-up walks grow.
constexpr std::uint64_t names_per_100_slots = 85;
constexpr std::size_t bytes_per_name = 8;  // of blocks, about: what is reserved
constexpr std::uint32_t repeated = none;   // block of an item whose name the item before had too

tl::unexpected<Error> too_large(const char* what) {
  return fail(ErrorKind::invalid_input, std::string("there are more ") + what + " than a policy can hold", {},
              "split the policy");
}

/// Gives every distinct name its kind: what its own items say, and what its ancestors give to names below them.
class KindFinder {
 public:
  explicit KindFinder(DomainClasses& classes) : classes_(classes) {}

  /// The lists that one name is added to; names come in their order. `shared`: with the name before.
  std::uint32_t kind(std::string_view name, std::span<const std::uint32_t> memberships, std::size_t shared) {
    // What is on the stack ends the name before; it ends this one if it is within what they share.
    while (!ancestors_.empty() && ancestors_.back().length > shared) ancestors_.pop_back();
    const std::uint32_t inherited = inherit(name);
    std::uint32_t kind = 0;
    if (memberships.size() == 1) {
      kind = classes_.kind(inherited, memberships[0] >> 1, (memberships[0] & 1) != 0);
    } else {
      collect(memberships);
      kind = classes_.kind(inherited, whole_, below_);
    }
    ancestors_.push_back({name.size(), classes_.below(kind)});
    return kind;
  }

 private:
  struct Ancestor {
    std::size_t length;
    std::uint32_t below;
  };

  /// From the longest one that ends at a label's border: a name never matches across one.
  std::uint32_t inherit(std::string_view name) const {
    for (auto a = ancestors_.rbegin(); a != ancestors_.rend(); ++a) {
      if (name[name.size() - a->length - 1] == '.') return a->below;
    }
    return 0;
  }

  void collect(std::span<const std::uint32_t> memberships) {
    whole_.clear();
    below_.clear();
    for (const std::uint32_t m : memberships) {  // sorted
      DomainClasses::Lists& lists = (m & 1) != 0 ? below_ : whole_;
      if (lists.empty() || lists.back() != m >> 1) lists.push_back(m >> 1);
    }
  }

  DomainClasses& classes_;
  std::vector<Ancestor> ancestors_;
  DomainClasses::Lists whole_, below_;
};

/// One more than there are dots.
std::size_t label_count(std::string_view name) {
  constexpr std::uint64_t ones = 0x0101010101010101, sevens = 0x7f7f7f7f7f7f7f7f;
  const auto dots = [&](std::uint64_t word) {
    const std::uint64_t x = word ^ ('.' * ones);
    return ((~(((x & sevens) + sevens) | x) & ~sevens) >> 7) * ones >> 56;  // bytes of x that are zero
  };
  std::size_t count = 1, at = 0;
  for (; at + 8 <= name.size(); at += 8) count += dots(load_le64(name.data() + at));
  return count + dots(load_le_short(name.data() + at, name.size() - at));
}

/// One table in the making.
class Writer {
 public:
  Writer(std::vector<DomainItem> items, std::vector<SuffixKey> keys)
      : items_(std::move(items)), keys_(std::move(keys)) {}

  Result<std::vector<std::byte>> write() {
    sort_by_suffix(keys_, items_);
    out_.reserve(sizeof(DomainHeader) + items_.size() * bytes_per_name + bucket_count(items_.size()) * bucket_size);
    // How many digits a kind takes is known when all kinds are: guessed right in most policies.
    unsigned digits = 0;
    do {
      digits = kind_digits(static_cast<std::uint32_t>(std::max<std::size_t>(1, classes_.kinds().size())));
      write_blocks(digits);
      if (classes_.too_many()) return too_large("memberships of domain names in lists");
    } while (kind_digits(static_cast<std::uint32_t>(classes_.kinds().size())) != digits);
    const std::size_t blocks = (out_.size() - sizeof(DomainHeader)) / block_size;
    if (block_bits(blocks) > max_block_bits) return too_large("domain names");
    header_.blocks = static_cast<std::uint32_t>(blocks);
    header_.buckets = static_cast<std::uint32_t>(bucket_count(header_.names));
    if (!write_buckets()) return fail(ErrorKind::invalid_input, "the domain names are made to collide");
    finish();
    return std::move(out_);
  }

 private:
  static std::uint64_t bucket_count(std::uint64_t names) {
    return names * 100 / (names_per_100_slots * slots_per_bucket) + 1;
  }

  const DomainItem& item(std::size_t i) const { return items_[keys_[i].item]; }

  /// Items and names that will be needed soon. Always inlined, for GCC takes a function that only prefetches for one
  /// without effect.
  [[gnu::always_inline]] void prefetch(std::size_t i) const {
    constexpr std::size_t ahead = 16;
    if (i + 2 * ahead >= keys_.size()) return;
    __builtin_prefetch(&item(i + 2 * ahead));
    const DomainItem& soon = item(i + ahead);
    __builtin_prefetch(soon.text);
    __builtin_prefetch(soon.text + soon.length - 1);
  }

  /// Blocks of all names. Afterwards a key holds its name's hash and block.
  void write_blocks(unsigned digits) {
    out_.resize(sizeof(DomainHeader));
    header_ = {};
    DomainBlocks blocks(out_, digits);
    KindFinder finder(classes_);
    std::vector<std::uint32_t> memberships;  // of the items that have one name
    std::string_view before;
    for (std::size_t i = 0, end = 0; i < keys_.size() && !classes_.too_many(); i = end) {
      const std::string_view name = item(i).name();
      const std::size_t shared = shared_suffix(before, name);
      memberships.clear();
      do {
        prefetch(end);
        memberships.push_back(item(end).membership);
        keys_[end].low = repeated;
      } while (++end < keys_.size() && item(end).name() == name);
      keys_[i].low = blocks.add(name, shared, finder.kind(name, memberships, shared));
      keys_[i].high = hash_text(name.data(), name.size(), 0);
      header_.depths |= std::uint64_t{1} << depth_bit(label_count(name));
      ++header_.names;
      before = name;
    }
    blocks.close();
  }

  bool write_buckets() {
    const std::size_t begin = out_.size();
    for (std::uint32_t attempt = 0; attempt < attempts; ++attempt) {
      if (attempt > 0) rehash(attempt, begin);
      out_.resize(begin);
      out_.resize(begin + std::size_t{header_.buckets} * bucket_size, std::byte{0xff});  // empty slots
      if (fill_buckets(out_.data() + begin)) return true;
    }
    return false;
  }

  void rehash(std::uint32_t attempt, std::size_t blocks_end) {
    header_.seed = hash_seed(checksum(std::span(out_).first(blocks_end)), attempt);
    for (SuffixKey& key : keys_) key.high = hash_text(items_[key.item].text, items_[key.item].length, header_.seed);
  }

  /// False when a name would be too far from its bucket.
  bool fill_buckets(std::byte* buckets) {
    const unsigned bits = block_bits(header_.blocks);
    std::vector<std::uint8_t> used(header_.buckets, 0);
    header_.longest_probe = 0;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      constexpr std::size_t ahead = 16;
      if (i + ahead < keys_.size())
        __builtin_prefetch(buckets + hash_place(keys_[i + ahead].high, header_.buckets) * bucket_size, 1);
      if (keys_[i].low == repeated) continue;
      std::uint32_t bucket = hash_place(keys_[i].high, header_.buckets);
      std::uint32_t probe = 0;
      while (used[bucket] == slots_per_bucket) {
        if (++probe > probe_limit) return false;
        bucket = bucket + 1 == header_.buckets ? 0 : bucket + 1;
      }
      header_.longest_probe = std::max(header_.longest_probe, probe);
      const std::uint32_t slot = static_cast<std::uint32_t>(keys_[i].high) << bits | keys_[i].low;
      store_le(buckets + bucket * bucket_size + 4 * std::size_t{used[bucket]++}, slot);
    }
    return true;
  }

  void append(std::span<const std::byte> bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

  void finish() {
    append(std::as_bytes(classes_.kinds()));
    append(std::as_bytes(classes_.class_ends()));
    append(std::as_bytes(classes_.refs()));
    header_.magic = magic;
    header_.kinds = static_cast<std::uint32_t>(classes_.kinds().size());
    header_.classes = static_cast<std::uint32_t>(classes_.class_ends().size());
    header_.refs = static_cast<std::uint32_t>(classes_.refs().size());
    std::memcpy(out_.data(), &header_, sizeof header_);
    store_le(out_.data() + offsetof(DomainHeader, checksum), checksum(out_));
  }

  std::vector<DomainItem> items_;
  std::vector<SuffixKey> keys_;
  DomainClasses classes_;
  DomainHeader header_{};
  std::vector<std::byte> out_;
};

}  // namespace

struct DomainTableBuilder::Data {
  std::vector<DomainItem> items;
  std::vector<SuffixKey> keys;
  bool outside_limits = false;
};

DomainTableBuilder::DomainTableBuilder() : data_(std::make_unique<Data>()) {}
DomainTableBuilder::~DomainTableBuilder() = default;

void DomainTableBuilder::reserve(std::size_t names) {
  // Lists announce themselves one after the other: growing to each one's need exactly would copy all every time.
  const std::size_t now = data_->items.capacity();
  if (names <= now) return;
  data_->items.reserve(std::max(names, now + now / 2));
  data_->keys.reserve(std::max(names, now + now / 2));
}

void DomainTableBuilder::add(std::string_view name, std::uint32_t list, bool below_only) {
  const std::size_t number = data_->items.size();
  if (name.empty() || name.size() > longest_name || list >= 65535 || number == none) {
    data_->outside_limits = true;
    return;
  }
  // The key is made now, while the text is in the cache.
  data_->items.push_back({name.data(), list << 1 | (below_only ? 1u : 0u), static_cast<std::uint32_t>(name.size())});
  data_->keys.push_back(suffix_key(name, 0, static_cast<std::uint32_t>(number)));
}

Result<std::vector<std::byte>> DomainTableBuilder::finish() {
  Data data = std::move(*data_);
  *data_ = {};
  if (data.outside_limits)
    return fail(ErrorKind::invalid_input,
                "a domain name or the number of its list is out of range, or there are too many");
  if (data.items.empty()) return std::vector<std::byte>{};
  return Writer(std::move(data.items), std::move(data.keys)).write();
}

}  // namespace vpn::policy
