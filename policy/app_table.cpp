// Layout: header; slots; offsets of the records, in the names' order; records.
// A slot is the upper half of the name's hash and, counted from 1, the offset of its record; slots are probed one after
// the other from the place that the hash gives, up to an empty one. A record is the name's index, its length, its text:
// so a name is found with two reads that miss the cache, a slot and a record.
#include "policy/app_table.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "policy/hash.h"
#include "policy/little_endian.h"

namespace vpn::policy {
namespace {

constexpr std::uint32_t table_magic = 0x31415056;  // "VPA1"
constexpr std::size_t header_size = 24;            // magic, names, slots, bytes of records, seed (64 bits)
constexpr std::size_t slot_size = 8, offset_size = 4, record_head = 8;
constexpr std::uint32_t longest_probe = 200;  // slots; build() takes another seed rather than go beyond
constexpr std::uint32_t seeds_tried = 16;

struct Slot {
  std::uint32_t tag, record;
};

Slot slot_at(const std::byte* slots, std::uint32_t i) {
  const std::uint64_t both = load_le64(slots + std::size_t{i} * slot_size);
  return {static_cast<std::uint32_t>(both), static_cast<std::uint32_t>(both >> 32)};
}

std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }
std::uint32_t next(std::uint32_t slot, std::uint32_t slots) { return slot + 1 == slots ? 0 : slot + 1; }

tl::unexpected<Error> damaged(std::string what) {
  return fail(ErrorKind::invalid_input, "the table of apps is damaged: " + std::move(what), "app table",
              "compile the policy again");
}

/// Slots for `records`, or nothing when a probe would be too long under this seed.
std::vector<std::uint64_t> place(std::span<const std::string_view> names, std::span<const std::uint32_t> offsets,
                                 std::uint32_t slot_count, std::uint64_t seed) {
  std::vector<std::uint64_t> slots(slot_count, 0);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::uint64_t hash = hash_text(names[i].data(), names[i].size(), seed);
    std::uint32_t at = hash_place(hash, slot_count);
    for (std::uint32_t probe = 0; slots[at] != 0; at = next(at, slot_count)) {
      if (++probe == longest_probe) return {};
    }
    slots[at] = tag_of(hash) | std::uint64_t{offsets[i] + 1} << 32;
  }
  return slots;
}

std::uint64_t digest(std::span<const std::string_view> names) {
  return std::accumulate(names.begin(), names.end(), std::uint64_t{0}, [](std::uint64_t sum, std::string_view name) {
    return sum + hash_text(name.data(), name.size(), hash_k2);
  });
}

void append32(std::vector<std::byte>& out, std::uint32_t value) {
  out.resize(out.size() + sizeof value);
  store_le(out.data() + out.size() - sizeof value, value);
}

std::vector<std::byte> write(std::span<const std::string_view> names, std::span<const std::uint32_t> offsets,
                             std::span<const std::uint64_t> slots, std::uint32_t record_bytes, std::uint64_t seed) {
  std::vector<std::byte> out;
  out.reserve(header_size + slots.size() * slot_size + offsets.size() * offset_size + record_bytes);
  append32(out, table_magic);
  append32(out, static_cast<std::uint32_t>(names.size()));
  append32(out, static_cast<std::uint32_t>(slots.size()));
  append32(out, record_bytes);
  append32(out, static_cast<std::uint32_t>(seed));
  append32(out, static_cast<std::uint32_t>(seed >> 32));
  for (const std::uint64_t slot : slots) {
    append32(out, static_cast<std::uint32_t>(slot));
    append32(out, static_cast<std::uint32_t>(slot >> 32));
  }
  for (const std::uint32_t offset : offsets) append32(out, offset);
  for (std::size_t i = 0; i < names.size(); ++i) {
    append32(out, static_cast<std::uint32_t>(i));
    append32(out, static_cast<std::uint32_t>(names[i].size()));
    const auto text = std::as_bytes(std::span(names[i]));
    out.insert(out.end(), text.begin(), text.end());
  }
  return out;
}

}  // namespace

Result<AppTable> AppTable::open(std::span<const std::byte> bytes) {
  if (bytes.size() < header_size || load_le32(bytes.data()) != table_magic)
    return damaged("it does not begin with its mark");
  AppTable t;
  t.count_ = load_le32(bytes.data() + 4);
  t.slot_count_ = load_le32(bytes.data() + 8);
  const std::uint64_t record_bytes = load_le32(bytes.data() + 12);
  t.seed_ = load_le64(bytes.data() + 16);
  // A sum of numbers below 2^36 each: no overflow.
  const std::uint64_t offsets_at = header_size + std::uint64_t{t.slot_count_} * slot_size;
  const std::uint64_t records_at = offsets_at + std::uint64_t{t.count_} * offset_size;
  if (records_at + record_bytes != bytes.size()) return damaged("its parts do not add up to its size");
  if (t.slot_count_ <= t.count_) return damaged("it has no empty slot");
  t.slots_ = bytes.data() + header_size;
  t.offsets_ = bytes.data() + offsets_at;
  t.records_ = bytes.data() + records_at;

  std::uint64_t expected = 0;
  std::string_view before;
  for (std::uint32_t i = 0; i < t.count_; ++i) {
    if (load_le32(t.offsets_ + std::size_t{i} * offset_size) != expected || expected + record_head > record_bytes)
      return damaged("a record is not where it should be");
    const std::byte* record = t.records_ + expected;
    const std::uint64_t length = load_le32(record + 4);
    if (load_le32(record) != i || length > record_bytes - expected - record_head) return damaged("a record is wrong");
    const std::string_view name = t.name(i);
    if (name <= before) return damaged("its names are not sorted");
    before = name;
    expected += record_head + length;
  }
  if (expected != record_bytes) return damaged("there is something behind its records");

  std::uint32_t used = 0;
  for (std::uint32_t i = 0; i < t.slot_count_; ++i) used += slot_at(t.slots_, i).record != 0 ? 1u : 0u;
  if (used != t.count_) return damaged("it has more or fewer slots in use than names");
  // Every slot must name a record before any of them is followed.
  for (std::uint32_t i = 0; i < t.slot_count_; ++i) {
    const std::uint64_t record = slot_at(t.slots_, i).record;
    if (record == 0) continue;
    if (record - 1 + record_head > record_bytes) return damaged("a slot names no record");
    const std::uint32_t index = load_le32(t.records_ + record - 1);
    if (index >= t.count_ || load_le32(t.offsets_ + std::size_t{index} * offset_size) != record - 1)
      return damaged("a slot names no record");
  }
  for (std::uint32_t i = 0; i < t.count_; ++i) {
    if (t.find(t.name(i)) != i) return damaged("a name is not found where it should be");
  }
  return t;
}

AppTable::Wanted AppTable::prepare(std::string_view identifier) const noexcept {
  const std::uint64_t hash = hash_text(identifier.data(), identifier.size(), seed_);
  if (count_ != 0) __builtin_prefetch(slots_ + std::size_t{hash_place(hash, slot_count_)} * slot_size);
  return {identifier, hash};
}

std::uint32_t AppTable::find(const Wanted& wanted) const noexcept {
  if (count_ == 0) return none;
  const auto& [identifier, hash] = wanted;
  const std::uint32_t tag = tag_of(hash);
  std::uint32_t at = hash_place(hash, slot_count_);
  for (std::uint32_t probe = 0; probe < longest_probe; ++probe, at = next(at, slot_count_)) {
    const Slot slot = slot_at(slots_, at);
    if (slot.record == 0) return none;
    if (slot.tag != tag) continue;
    const std::byte* record = records_ + slot.record - 1;
    if (load_le32(record + 4) == identifier.size() &&
        std::memcmp(record + record_head, identifier.data(), identifier.size()) == 0) {
      return load_le32(record);
    }
  }
  return none;
}

std::string_view AppTable::name(std::uint32_t index) const noexcept {
  const std::byte* record = records_ + load_le32(offsets_ + std::size_t{index} * offset_size);
  return {reinterpret_cast<const char*>(record + record_head), load_le32(record + 4)};
}

Result<std::vector<std::byte>> build_app_table(std::span<const std::string_view> names) {
  const auto too_large = [] { return fail(ErrorKind::invalid_input, "there are more apps than a policy can hold"); };
  std::vector<std::uint32_t> offsets;
  offsets.reserve(names.size());
  std::uint64_t record_bytes = 0;
  std::string_view before;
  for (const std::string_view name : names) {
    if (name <= before) return fail(ErrorKind::usage, "the identifiers of the apps are not sorted and distinct");
    before = name;
    offsets.push_back(static_cast<std::uint32_t>(record_bytes));
    record_bytes += record_head + name.size();
    if (record_bytes >= std::numeric_limits<std::uint32_t>::max()) return too_large();
  }
  // Two thirds full: short probes for names that are not there as well. Below 2^32, for a record has nine bytes or
  // more.
  const auto slot_count = static_cast<std::uint32_t>(names.size() + names.size() / 2 + 1);
  for (std::uint32_t attempt = 0; attempt < seeds_tried; ++attempt) {
    const std::uint64_t seed = hash_seed(attempt == 0 ? 0 : digest(names), attempt);
    const auto slots = place(names, offsets, slot_count, seed);
    if (!slots.empty()) return write(names, offsets, slots, static_cast<std::uint32_t>(record_bytes), seed);
  }
  return fail(ErrorKind::invalid_input, "the identifiers of the apps are made to collide");
}

}  // namespace vpn::policy
