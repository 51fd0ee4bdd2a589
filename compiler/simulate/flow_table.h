// The flows of a capture: found by their five-tuple with one probe of a table that no sender can make collide, for its
// hash is seeded anew in each run.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "compiler/simulate/moment.h"
#include "policy/address.h"
#include "policy/types.h"

namespace vpn::simulate {

enum Direction : std::uint8_t { out = 0, in = 1 };

/// Both directions of a flow have the same key: its lower end stands first.
struct FlowKey {
  std::uint64_t a_high = 0, a_low = 0, b_high = 0, b_low = 0;
  std::uint16_t a_port = 0, b_port = 0;
  std::uint8_t protocol = 0, icmp_type = 0, hop_limit = 0, flags = 0;
  std::uint32_t quote = 0;  ///< an ICMP error's: number of what it quotes; 0: nothing

  enum Flag : std::uint8_t { v6 = 1, has_icmp_type = 2, has_hop_limit = 4 };
  bool operator==(const FlowKey&) const = default;
  policy::Address a() const { return {a_high, a_low, (flags & v6) != 0}; }
  policy::Address b() const { return {b_high, b_low, (flags & v6) != 0}; }
  std::uint64_t hash(std::uint64_t seed) const;
};
static_assert(sizeof(FlowKey) == 48);  // 4 of them not used

/// No record yet; or one that could not be had any more (RecordStore).
inline constexpr std::uint32_t no_record = policy::none, unlisted_record = policy::none - 1;

/// What a packet touches, in two lines of the cache.
struct FlowEntry {
  FlowKey key;
  std::uint64_t generation = 0;                ///< of state and names that its verdicts were found for
  Moment recheck = always;                     ///< they may be other ones from then on
  std::array<Moment, 2> last{always, always};  ///< by Direction, as what follows
  std::array<std::uint64_t, 2> bytes{};        ///< not in a record yet
  std::array<std::uint32_t, 2> packets{};      ///< likewise
  std::array<std::uint32_t, 2> record{no_record, no_record};
  std::uint32_t first_record = no_record;
  std::uint32_t name = 0;              ///< that the flow itself tells: a lookup's, a TLS client's
  std::uint32_t owner = 0;             ///< number of who it is mapped to (Simulation)
  std::array<std::uint8_t, 2> said{};  ///< verdict and rule
  std::uint8_t flags = 0;
  std::uint8_t unused = 0;

  void say(Direction d, policy::Verdict verdict, policy::Rule rule) {
    said[d] = static_cast<std::uint8_t>(static_cast<unsigned>(rule) << 3 | static_cast<unsigned>(verdict));
  }
  policy::Verdict verdict(Direction d) const { return static_cast<policy::Verdict>(said[d] & 7u); }
  policy::Rule rule(Direction d) const { return static_cast<policy::Rule>(said[d] >> 3); }

  enum Flag : std::uint8_t {
    local_is_b = 1,
    forwarded = 2,
    lookup = 4,    ///< datagrams from and to a resolver: each is looked into
    stream = 8,    ///< the beginning of a stream: looked into until it has said what it has to say
    asked = 16,    ///< the device has sent something
    invalid = 32,  ///< verdicts are to be found anew, whatever the generation
    ignored = 64,  ///< frames for another host
    begun = 128    ///< by the device: what comes back comes the way that it went
  };
};
static_assert(sizeof(FlowEntry) == 128);
static_assert(static_cast<unsigned>(policy::Rule::S8) < 32 && static_cast<unsigned>(policy::Verdict::accept) < 8);

class FlowTable {
 public:
  FlowTable(std::uint64_t seed, std::size_t most);

  std::uint64_t hash(const FlowKey& key) const { return key.hash(seed_); }
  /// The number of the flow; `policy::none`: there is no such flow and no room for one.
  /// `fresh`: it is new, with nothing but its key.
  std::uint32_t find(const FlowKey& key, std::uint64_t hash, bool& fresh);
  /// The number of a flow that is there; `policy::none`: it is not.
  std::uint32_t known(const FlowKey& key) const { return look_up(key, hash(key)); }
  /// Brings what find() will look at near: first its slot, and once that is there, its entry.
  void fetch_slot(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]); }
  void fetch_entry(std::uint64_t hash) const;
  FlowEntry& operator[](std::uint32_t number) { return chunks_[number / per_chunk][number % per_chunk]; }
  const FlowEntry& operator[](std::uint32_t number) const { return chunks_[number / per_chunk][number % per_chunk]; }
  std::uint32_t size() const { return size_; }
  std::size_t most() const { return most_; }

 private:
  static constexpr std::size_t per_chunk = 1u << 14;  ///< two MiB: a large page, where the system has any
  struct FreeChunk {
    void operator()(FlowEntry* chunk) const;
  };
  void add_chunk();
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t flow = 0;  ///< its number and 1; 0: nobody's
  };
  void grow();
  void place(std::uint64_t hash, std::uint32_t number);
  std::uint32_t look_up(const FlowKey& key, std::uint64_t hash) const;

  std::uint64_t seed_;
  std::size_t most_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<FlowEntry[], FreeChunk>> chunks_;
  std::uint32_t size_ = 0;
};

// Always inline, for the compiler leaves out calls of functions that do nothing but fetch.
[[gnu::always_inline]] inline void FlowTable::fetch_entry(std::uint64_t hash) const {
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].flow != 0; at = (at + 1) & mask) {
    if (slots_[at].tag != tag) continue;
    const FlowEntry& entry = (*this)[slots_[at].flow - 1];
    __builtin_prefetch(&entry, 1);
    __builtin_prefetch(reinterpret_cast<const char*>(&entry) + sizeof(FlowEntry) / 2, 1);
    return;
  }
}

}  // namespace vpn::simulate
