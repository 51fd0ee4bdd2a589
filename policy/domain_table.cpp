// Opening a domain table and looking names up in it. The format is in policy/domain_layout.h.
#include "policy/domain_table.h"

#include <array>
#include <cstring>

#include "policy/domain_layout.h"
#include "policy/domain_walk.h"

namespace vpn::policy {

using namespace domain_layout;

namespace {

/// A probe of one suffix of a host.
struct Suffix {
  std::uint64_t hash;
  std::size_t length;
};

}  // namespace

std::span<const std::uint32_t> DomainTable::lists(DomainClass c) const noexcept {
  if (c == 0 || c >= classes_) return {};
  const std::uint32_t begin = load_le32(class_ends_ + std::size_t{c - 1} * 4);
  const std::uint32_t end = load_le32(class_ends_ + std::size_t{c} * 4);
  return {reinterpret_cast<const std::uint32_t*>(refs_) + begin, end - begin};
}

DomainClass DomainTable::lookup(std::string_view host) const noexcept {
  if (names_ == 0 || host.empty() || host.size() > longest_name) return 0;
  const char* end = host.data() + host.size();
  std::array<Suffix, (longest_name + 1) / 2 + 1> suffixes;
  std::size_t count = 0, words = 0, labels = 0, label_end = host.size();
  SuffixHash hash(seed_);
  while (true) {
    const std::size_t dot = label_end == 0 ? std::string_view::npos : host.rfind('.', label_end - 1);
    const std::size_t begin = dot == std::string_view::npos ? 0 : dot + 1;
    const std::size_t length = host.size() - begin;
    if ((depths_ >> depth_bit(++labels) & 1) != 0 && count < suffixes.size()) {
      for (; words < length / 8; ++words) hash.word(load_le64(end - 8 * (words + 1)));
      const std::size_t left = length % 8;
      const std::uint64_t rest = length < 8 ? load_le_short(end - length, left)
                                            : load_le64(end - length) & ((std::uint64_t{1} << (8 * left)) - 1);
      suffixes[count] = {hash.finish(rest, length), length};
      __builtin_prefetch(buckets_ + std::size_t{hash_place(suffixes[count].hash, bucket_count_)} * bucket_size);
      ++count;
    }
    if (dot == std::string_view::npos) break;
    label_end = dot;
  }
  // The longest entry that holds knows what its ancestors give.
  while (count > 0) {
    const Suffix& s = suffixes[--count];
    const std::uint32_t kind = find(s.hash, end, s.length);
    if (kind == 0xffffffff) continue;
    const std::byte* record = kinds_ + std::size_t{kind} * kind_size;
    return load_le32(record + (s.length == host.size() ? offsetof(Kind, self) : offsetof(Kind, below)));
  }
  return 0;
}

std::uint32_t DomainTable::find(std::uint64_t hash, const char* end, std::size_t length) const noexcept {
  std::uint32_t bucket = hash_place(hash, bucket_count_);
  const std::uint32_t tag = static_cast<std::uint32_t>(hash) << block_bits_ >> block_bits_;
  for (std::uint32_t probe = 0; probe <= longest_probe_; ++probe) {
    const std::byte* slots = buckets_ + std::size_t{bucket} * bucket_size;
    for (std::size_t i = 0; i < slots_per_bucket; ++i) {
      const std::uint32_t slot = load_le32(slots + 4 * i);
      if (slot == empty_slot) return 0xffffffff;
      if (slot >> block_bits_ != tag) continue;
      const std::uint32_t block = slot & ((1u << block_bits_) - 1);
      const std::uint32_t kind = find_in_block(blocks_ + std::size_t{block} * block_size, kind_digits_, end, length);
      if (kind != 0xffffffff) return kind;
    }
    bucket = bucket + 1 == bucket_count_ ? 0 : bucket + 1;
  }
  return 0xffffffff;
}

void DomainTable::for_each(const Visitor& visit) const {
  DomainWalk(blocks_, block_count_, kind_digits_).run([&](std::string_view name, std::uint32_t kind, std::uint32_t) {
    const std::byte* record = kinds_ + std::size_t{kind} * kind_size;
    visit(name, lists(load_le32(record + offsetof(Kind, own_whole))),
          lists(load_le32(record + offsetof(Kind, own_below))));
  });
}

}  // namespace vpn::policy
