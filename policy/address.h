// Internet addresses and prefixes: parsing, embedded IPv4, the special ranges of docs/semantics.md.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::policy {

/// An IPv4 or IPv6 address. IPv4 is kept in the low 32 bits of `low` with `v6` false.
struct Address {
  std::uint64_t high = 0;  ///< host byte order, upper 64 bits (IPv6 only)
  std::uint64_t low = 0;   ///< host byte order, lower 64 bits, or the IPv4 address
  bool v6 = false;

  static constexpr Address from_v4(std::uint32_t host_order) { return {0, host_order, false}; }
  static constexpr Address from_v6(std::uint64_t high, std::uint64_t low) { return {high, low, true}; }
  /// Strict textual forms only (RFC 4291, dotted quad without leading zeros); a zone ("%eth0") is refused.
  static std::optional<Address> parse(std::string_view text);
  std::string to_string() const;  ///< RFC 5952
  constexpr std::uint32_t v4() const { return static_cast<std::uint32_t>(low); }
  friend constexpr bool operator==(const Address&, const Address&) = default;
  friend constexpr auto operator<=>(const Address& a, const Address& b) {
    if (a.v6 != b.v6) return a.v6 <=> b.v6;
    if (a.high != b.high) return a.high <=> b.high;
    return a.low <=> b.low;
  }
};

/// A prefix in CIDR form; host bits are zero after parse().
struct Prefix {
  Address base;
  std::uint8_t length = 0;  ///< 0 to 32 or 128

  /// "10.0.0.0/8"; an address without a length is a host prefix. Host bits are cleared.
  static std::optional<Prefix> parse(std::string_view text);
  static Prefix of(Address a, std::uint8_t length);  ///< clears host bits
  std::string to_string() const;
  bool contains(const Address& a) const;
  bool contains(const Prefix& p) const;
  Address first() const { return base; }
  Address last() const;
  friend constexpr bool operator==(const Prefix&, const Prefix&) = default;
  friend constexpr auto operator<=>(const Prefix& a, const Prefix& b) {
    if (auto c = a.base <=> b.base; std::is_neq(c)) return c;
    return a.length <=> b.length;
  }
};

constexpr Prefix ipv4_mapped{Address::from_v6(0, 0xffff00000000), 96};
constexpr Prefix well_known_nat64{Address::from_v6(0x0064ff9b00000000, 0), 96};
/// IPv6 prefixes whose addresses all have an IPv4 one in them.
constexpr std::array<Prefix, 2> embedding_prefixes{ipv4_mapped, well_known_nat64};

/// The IPv4 address in an IPv4-mapped (::ffff:0:0/96) or NAT64 address (64:ff9b::/96, or `nat64` when given, RFC 6052),
/// otherwise the address itself.
Address embedded(const Address& a, const Prefix* nat64 = nullptr);
/// Likewise for prefixes that lie within ::ffff:0:0/96 or 64:ff9b::/96.
Prefix embedded(const Prefix& p, const Prefix* nat64 = nullptr);

/// The addresses beside one; the caller sees to it that there is one.
Address next(Address a);
Address previous(Address a);
/// The highest address of a family.
constexpr Address highest(bool v6) {
  return v6 ? Address::from_v6(~std::uint64_t{0}, ~std::uint64_t{0}) : Address::from_v4(0xffffffffu);
}
/// The fewest prefixes from `first` to `last`, ascending: at most 254. None where they are of two families.
std::vector<Prefix> prefixes_between(Address first, const Address& last);

/// Within 10/8, 172.16/12, 192.168/16, 169.254/16, fc00::/7 or fe80::/10 as a whole.
bool is_private(const Prefix& p);

}  // namespace vpn::policy
