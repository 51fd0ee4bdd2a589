// Which names addresses had, from the DNS answers of a capture ("Domain match" of docs/semantics.md): for whom, and for
// how long. Bounded: what has run out makes room, and then nothing more is taken in.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/simulate/moment.h"
#include "policy/address.h"
#include "policy/dns/message.h"
#include "policy/domain_table.h"

namespace vpn::simulate {

/// A name by its number; 0: none.
using NameId = std::uint32_t;

struct AddressHash {
  std::uint64_t seed;
  std::size_t operator()(const policy::Address& a) const;
};

/// Seeded as well: names of a capture must not be able to collide on purpose.
struct NameHash {
  using is_transparent = void;
  std::uint64_t seed;
  std::size_t operator()(std::string_view name) const;
};

class Names {
 public:
  static constexpr std::size_t most_addresses = std::size_t{1} << 18, most_of_one = 64;
  static constexpr std::size_t most_text = std::size_t{64} << 20;
  static constexpr Moment grace = second;  ///< an answer counts so long beyond its own time, as with the agent

  Names(const policy::DomainTable& domains, std::uint64_t seed);

  /// 0 where there is no room left, or no text.
  NameId intern(std::string_view name);
  std::string_view text(NameId name) const { return texts_[name]; }

  struct Tie {
    NameId name = 0;
    policy::DomainClass domain = 0;
    std::uint32_t app = 0;  ///< whose lookup it was; 0: nobody's in particular, so it counts for all
    Moment from = 0, until = 0;
  };
  /// True: verdicts for one of the addresses may be other ones from now on.
  bool add(std::string_view name, std::uint32_t app, std::span<const dns::AddressAnswer> addresses, Moment now);
  /// All that was ever said of the address and still holds, or has run out of late; newest last.
  std::span<const Tie> of(const policy::Address& address) const;
  std::size_t size() const { return ties_.size(); }
  std::uint64_t refused() const { return refused_; }  ///< ties for which there was no room

 private:
  policy::DomainClass domain_of(std::string_view name) const;
  bool add_one(const Tie& tie, const policy::Address& address);
  void drop_old(Moment now);

  const policy::DomainTable& domains_;
  std::unordered_map<policy::Address, std::vector<Tie>, AddressHash> ties_;
  std::unordered_map<std::string, NameId, NameHash, std::equal_to<>> ids_;
  std::vector<std::string_view> texts_;  ///< into the keys of ids_, which do not move
  std::size_t text_size_ = 0;
  std::uint64_t refused_ = 0;
  Moment next_drop_ = always;
};

}  // namespace vpn::simulate
