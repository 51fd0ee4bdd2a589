// Writes a domain table: sorts the names, gives every entry its kind, packs the blocks, fills the buckets.
#include <algorithm>
#include <limits>

#include "policy/domain_classes.h"
#include "policy/domain_layout.h"
#include "policy/domain_sort.h"
#include "policy/domain_table.h"

namespace vpn::policy {
namespace {

using namespace domain_layout;

constexpr std::uint32_t attempts = 8;
// Names for each hundred slots. Fuller, and the runs of full buckets that a look-up walks grow.
constexpr std::uint64_t names_per_100_slots = 85;

/// An entry that is about to be written: a distinct name with its kind.
struct Entry {
  std::string_view name;
  std::size_t shared;  // with the entry before
  std::uint32_t kind;
};

/// Packs entries into blocks. The width of a kind's number must be known before the first block: so kinds are collected
/// first, and written in a second walk.
class BlockWriter {
 public:
  BlockWriter(unsigned kind_digits, std::size_t names) : digits_(kind_digits) { bytes_.reserve(names * 9); }

  /// The number of the block that the entry went to.
  std::uint32_t add(const Entry& e) {
    if (count_ == 0 || !append(e)) {
      close();
      begin(e);
    }
    return static_cast<std::uint32_t>(start_ / block_size);
  }

  std::vector<std::byte> take() {
    close();
    return std::move(bytes_);
  }

 private:
  void begin(const Entry& e) {
    start_ = bytes_.size();
    count_ = 1;
    mixed_ = false;
    kind_ = e.kind;
    put(std::byte{0});  // set by close()
    put_number(e.kind, digits_);
    put_shared(0);
    put_text(e.name);
  }

  /// False when the block is full.
  bool append(const Entry& e) {
    const bool turns = !mixed_ && e.kind != kind_;
    const std::size_t text = e.name.size() - e.shared;
    std::size_t size = bytes_.size() - start_ + (e.shared >= shared_escape ? 2 : 1) + text;
    // From one kind for all to one for each entry.
    if (turns) size += count_ * digits_;
    if (mixed_) size += digits_;
    if (count_ == count_mask || size > block_size) return false;
    if (turns) mix_kinds();
    put_shared(e.shared);
    if (mixed_) put_number(e.kind, digits_);
    put_text(e.name.substr(0, text));
    ++count_;
    return true;
  }

  void mix_kinds() {
    std::vector<std::byte> old(bytes_.begin() + static_cast<std::ptrdiff_t>(start_) + 1 + digits_, bytes_.end());
    bytes_.resize(start_ + 1);
    bool at_start = true;
    for (std::size_t i = 0; i < old.size(); ++i) {
      put(old[i]);
      if (at_start) {
        if (old[i] == std::byte{shared_escape}) put(old[++i]);
        put_number(kind_, digits_);
      }
      at_start = (old[i] & std::byte{end_bit}) != std::byte{0};
    }
    mixed_ = true;
  }

  void close() {
    if (count_ == 0) return;
    bytes_[start_] = static_cast<std::byte>(count_ | (mixed_ ? mixed_kinds : 0));
    bytes_.resize((bytes_.size() + block_size - 1) / block_size * block_size);
    count_ = 0;
  }

  void put(std::byte b) { bytes_.push_back(b); }
  void put_number(std::uint32_t value, unsigned digits) {
    for (; digits > 0; --digits, value >>= 7) put(static_cast<std::byte>(value & 0x7f));
  }
  void put_shared(std::size_t shared) {
    if (shared < shared_escape) return put(static_cast<std::byte>(shared));
    put(std::byte{shared_escape});
    put(static_cast<std::byte>(shared - shared_escape));
  }
  void put_text(std::string_view text) {
    const auto raw = std::as_bytes(std::span(text));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
    bytes_.back() |= std::byte{end_bit};
  }

  std::vector<std::byte> bytes_;
  std::size_t start_ = 0;
  unsigned digits_;
  std::size_t count_ = 0;
  std::uint32_t kind_ = 0;
  bool mixed_ = false;
};

/// Where each name is: what the buckets are made of.
struct Placed {
  std::string_view name;
  std::uint32_t block;
};

/// The slots, or nothing when under this seed a name is too far from its bucket.
std::vector<std::uint32_t> fill_buckets(std::span<const Placed> names, std::uint32_t buckets, unsigned bits,
                                        std::uint64_t seed, std::uint32_t& longest_probe) {
  std::vector<std::uint32_t> slots(std::size_t{buckets} * slots_per_bucket, empty_slot);
  longest_probe = 0;
  for (const Placed& p : names) {
    const std::uint64_t hash = hash_text(p.name.data(), p.name.size(), seed);
    std::uint32_t bucket = hash_place(hash, buckets);
    std::uint32_t probe = 0;
    while (slots[std::size_t{bucket} * slots_per_bucket + slots_per_bucket - 1] != empty_slot) {
      if (++probe > probe_limit) return {};
      bucket = bucket + 1 == buckets ? 0 : bucket + 1;
    }
    longest_probe = std::max(longest_probe, probe);
    const auto first = slots.begin() + static_cast<std::ptrdiff_t>(std::size_t{bucket} * slots_per_bucket);
    *std::find(first, first + slots_per_bucket, empty_slot) = static_cast<std::uint32_t>(hash) << bits | p.block;
  }
  return slots;
}

std::size_t label_count(std::string_view name) {
  return static_cast<std::size_t>(std::count(name.begin(), name.end(), '.')) + 1;
}

tl::unexpected<Error> too_large(const char* what) {
  return fail(ErrorKind::invalid_input, std::string("there are more ") + what + " than a policy can hold", {},
              "split the policy");
}

/// Gives every distinct name its kind: what its own items say, and what its ancestors give to names below them.
class KindFinder {
 public:
  explicit KindFinder(DomainClasses& classes) : classes_(classes) {}

  /// Items of one name; names come in their order. `shared`: with the name before.
  std::uint32_t kind(std::span<const DomainItem> items, std::size_t shared) {
    // What is on the stack ends the name before; it ends this one if it is within what they share.
    while (!ancestors_.empty() && ancestors_.back().length > shared) ancestors_.pop_back();
    const std::string_view name = items[0].name();
    const std::uint32_t inherited = inherit(name);
    std::uint32_t kind = 0;
    if (items.size() == 1) {
      kind = classes_.kind(inherited, items[0].membership >> 1, (items[0].membership & 1) != 0);
    } else {
      collect(items);
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

  void collect(std::span<const DomainItem> items) {
    whole_.clear();
    below_.clear();
    for (const DomainItem& i : items) {  // sorted by membership
      DomainClasses::Lists& lists = (i.membership & 1) != 0 ? below_ : whole_;
      if (lists.empty() || lists.back() != i.membership >> 1) lists.push_back(i.membership >> 1);
    }
  }

  DomainClasses& classes_;
  std::vector<Ancestor> ancestors_;
  DomainClasses::Lists whole_, below_;
};

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

struct DomainTableBuilder::Data {
  std::vector<DomainItem> items;
  bool outside_limits = false;
};

DomainTableBuilder::DomainTableBuilder() : data_(std::make_unique<Data>()) {}
DomainTableBuilder::~DomainTableBuilder() = default;

void DomainTableBuilder::reserve(std::size_t names) { data_->items.reserve(names); }

void DomainTableBuilder::add(std::string_view name, std::uint32_t list, bool below_only) {
  if (name.empty() || name.size() > longest_name || list >= 65535) {
    data_->outside_limits = true;
    return;
  }
  data_->items.push_back({name.data(), list << 1 | (below_only ? 1u : 0u), static_cast<std::uint32_t>(name.size())});
}

Result<std::vector<std::byte>> DomainTableBuilder::finish() {
  const Data data = std::move(*data_);
  *data_ = {};
  if (data.outside_limits)
    return fail(ErrorKind::invalid_input, "a domain name or the number of its list is out of range");
  if (data.items.empty()) return std::vector<std::byte>{};
  if (data.items.size() >= std::numeric_limits<std::uint32_t>::max()) return too_large("domain names");
  std::vector<DomainItem> items = std::move(data.items);
  sort_by_suffix(items);

  DomainClasses classes;
  KindFinder finder(classes);
  std::vector<Entry> entries;
  entries.reserve(items.size());
  std::uint64_t depths = 0;
  for (std::size_t i = 0; i < items.size();) {
    const std::string_view name = items[i].name();
    std::size_t end = i + 1;
    while (end < items.size() && items[end].name() == name) ++end;
    const std::size_t shared = entries.empty() ? 0 : shared_suffix(entries.back().name, name);
    entries.push_back({name, shared, finder.kind(std::span(items).subspan(i, end - i), shared)});
    depths |= std::uint64_t{1} << depth_bit(label_count(name));
    i = end;
  }
  if (classes.too_many()) return too_large("memberships of domain names in lists");

  BlockWriter writer(kind_digits(static_cast<std::uint32_t>(classes.kinds().size())), entries.size());
  std::vector<Placed> placed;
  placed.reserve(entries.size());
  for (const Entry& e : entries) placed.push_back({e.name, writer.add(e)});
  const std::vector<std::byte> blocks = writer.take();

  Header header{};
  header.magic = magic;
  header.names = static_cast<std::uint32_t>(entries.size());
  if (blocks.size() / block_size >= std::uint64_t{1} << max_block_bits) return too_large("domain names");
  header.blocks = static_cast<std::uint32_t>(blocks.size() / block_size);
  header.buckets = static_cast<std::uint32_t>(entries.size() * 100 / (names_per_100_slots * slots_per_bucket) + 1);
  header.kinds = static_cast<std::uint32_t>(classes.kinds().size());
  header.classes = static_cast<std::uint32_t>(classes.class_ends().size());
  header.refs = static_cast<std::uint32_t>(classes.refs().size());
  header.depths = depths;
  std::vector<std::uint32_t> slots;
  for (std::uint32_t attempt = 0; slots.empty() && attempt < attempts; ++attempt) {
    header.seed = hash_seed(attempt == 0 ? 0 : checksum(blocks), attempt);
    slots = fill_buckets(placed, header.buckets, block_bits(header.blocks), header.seed, header.longest_probe);
  }
  if (slots.empty()) return fail(ErrorKind::invalid_input, "the domain names are made to collide");

  std::vector<std::byte> out;
  out.reserve(sizeof header + slots.size() * 4 + blocks.size() + classes.kinds().size_bytes() +
              classes.class_ends().size_bytes() + classes.refs().size_bytes());
  append(out, std::as_bytes(std::span(&header, 1)));
  append(out, std::as_bytes(std::span(slots)));
  append(out, blocks);
  append(out, std::as_bytes(classes.kinds()));
  append(out, std::as_bytes(classes.class_ends()));
  append(out, std::as_bytes(classes.refs()));
  store_le(out.data() + offsetof(Header, checksum), checksum(out));
  return out;
}

}  // namespace vpn::policy
