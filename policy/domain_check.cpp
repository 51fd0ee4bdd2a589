// DomainTable::open(): everything that later look-ups rely on is checked here, once.
#include <algorithm>
#include <bit>
#include <vector>

#include "policy/domain_layout.h"
#include "policy/domain_table.h"
#include "policy/domain_walk.h"

namespace vpn::policy {

using namespace domain_layout;

/// One opening. The functions give what is wrong, or null.
struct DomainTableCheck {
  std::span<const std::byte> bytes;
  bool is_verified;
  DomainHeader h{};
  DomainTable t{};

  const char* header() {
    if (bytes.size() < sizeof h) return "it is cut off";
    std::memcpy(&h, bytes.data(), sizeof h);
    if (h.magic != magic) return "it does not begin with its mark";
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(std::uint32_t) != 0) return "it is not aligned";
    if (h.names == 0 || h.buckets == 0 || h.blocks == 0 || h.kinds == 0 || h.classes == 0)
      return "a part of it is missing";
    if (block_bits(h.blocks) > max_block_bits || h.kinds > max_kinds || h.refs > max_refs ||
        h.longest_probe > probe_limit)
      return "a part of it is too large";
    return nullptr;
  }

  /// Sections one after the other, up to the last byte. Sums of products below 2^40: no overflow.
  const char* sections() {
    const std::uint64_t blocks = sizeof h, buckets = blocks + std::uint64_t{h.blocks} * block_size,
                        kinds = buckets + std::uint64_t{h.buckets} * bucket_size,
                        class_ends = kinds + std::uint64_t{h.kinds} * kind_size,
                        refs = class_ends + std::uint64_t{h.classes} * 4, end = refs + std::uint64_t{h.refs} * 4;
    if (end != bytes.size()) return "its parts do not add up to its size";
    t.buckets_ = bytes.data() + buckets;
    t.blocks_ = bytes.data() + blocks;
    t.kinds_ = bytes.data() + kinds;
    t.class_ends_ = bytes.data() + class_ends;
    t.refs_ = bytes.data() + refs;
    t.seed_ = h.seed;
    t.depths_ = h.depths;
    t.names_ = h.names;
    t.block_count_ = h.blocks;
    t.bucket_count_ = h.buckets;
    t.longest_probe_ = h.longest_probe;
    t.classes_ = h.classes;
    t.block_bits_ = static_cast<std::uint8_t>(block_bits(h.blocks));
    t.kind_digits_ = static_cast<std::uint8_t>(kind_digits(h.kinds));
    return is_verified || checksum(bytes) == h.checksum ? nullptr : "its checksum is wrong";
  }

  const char* classes() const {
    std::uint32_t begin = 0;
    for (std::uint32_t c = 0; c < h.classes; ++c) {
      const std::uint32_t end = load_le32(t.class_ends_ + std::size_t{c} * 4);
      if (end < begin || end > h.refs || (end == begin) != (c == 0)) return "a class of it is wrong";
      for (std::uint32_t i = begin + 1; i < end; ++i) {
        if (list(i) <= list(i - 1)) return "the lists of a class are not sorted";
      }
      begin = end;
    }
    if (begin != h.refs) return "a class of it is wrong";
    for (std::uint32_t k = 0; k < h.kinds; ++k) {
      for (std::size_t part = 0; part < 4; ++part) {
        if (load_le32(t.kinds_ + std::size_t{k} * kind_size + 4 * part) >= h.classes) return "a kind of entry is wrong";
      }
    }
    return nullptr;
  }

  std::uint32_t list(std::uint32_t i) const { return load_le32(t.refs_ + std::size_t{i} * 4); }

  /// Walks all names; afterwards bit b of `starts` says whether a block begins at b.
  const char* names(std::vector<std::uint64_t>& starts) const {
    std::uint32_t count = 0, highest_kind = 0;
    DomainWalk walk(t.blocks_, h.blocks, t.kind_digits_);
    const auto begin = [&](std::uint32_t block, unsigned entries) {
      starts[block / 64] |= std::uint64_t{1} << (block % 64);
      count += entries;
    };
    const auto visit = [&](std::string_view, std::uint32_t kind) { highest_kind = std::max(highest_kind, kind); };
    const bool sound = walk.run(begin, visit);
    if (!sound || count != h.names) return "its names are wrong";
    return highest_kind >= h.kinds ? "an entry is of an unknown kind" : nullptr;
  }

  const char* slots(const std::vector<std::uint64_t>& starts) const {
    std::uint64_t used = 0;
    const std::uint32_t mask = (1u << t.block_bits_) - 1;
    for (std::size_t i = 0; i < std::size_t{h.buckets} * slots_per_bucket; ++i) {
      const std::uint32_t slot = load_le32(t.buckets_ + i * 4);
      if (slot == empty_slot) continue;
      const std::uint32_t block = slot & mask;
      if (block >= h.blocks || (starts[block / 64] >> (block % 64) & 1) == 0) return "a slot names no block";
      ++used;
    }
    return used == h.names ? nullptr : "it has more or fewer slots in use than names";
  }

  const char* run() {
    if (const char* fault = header()) return fault;
    if (const char* fault = sections()) return fault;
    if (const char* fault = classes()) return fault;
    std::vector<std::uint64_t> starts(h.blocks / 64 + 1, 0);
    if (const char* fault = names(starts)) return fault;
    return slots(starts);
  }
};

Result<DomainTable> DomainTable::open(std::span<const std::byte> bytes, bool is_verified) {
  DomainTableCheck check{bytes, is_verified};
  if (const char* fault = check.run()) {
    return fail(ErrorKind::invalid_input, std::string("the table of domain names is damaged: ") + fault, "domain table",
                "compile the policy again");
  }
  return check.t;
}

}  // namespace vpn::policy
