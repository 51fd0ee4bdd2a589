// Parsing and printing of addresses and prefixes (RFC 4291, 5952), addresses in addresses (RFC 4291 2.5.5.2, RFC 6052).
#include "policy/address.h"

#include <algorithm>
#include <charconv>

#include "policy/kernel/packet.h"

namespace vpn::policy {
namespace {

constexpr std::uint8_t width(const Address& a) { return a.v6 ? 128 : 32; }

/// The upper `length` bits of a 64-bit word set; 0 to 64.
constexpr std::uint64_t upper_bits(unsigned length) { return length == 0 ? 0 : ~std::uint64_t{0} << (64 - length); }

struct Mask {
  std::uint64_t high, low;
};

/// Network mask in the layout of Address. `length` within the address' width.
constexpr Mask mask(bool v6, unsigned length) {
  if (!v6) return {0, upper_bits(length) >> 32};
  return {upper_bits(std::min(length, 64u)), upper_bits(length > 64 ? length - 64 : 0)};
}

/// One decimal number of one to three digits, without leading zeros, up to `limit`; moves `p` behind it.
bool decimal(const char*& p, const char* end, unsigned limit, unsigned& out) {
  const char* start = p;
  unsigned value = 0;
  while (p != end && *p >= '0' && *p <= '9' && p - start < 3) value = value * 10 + static_cast<unsigned>(*p++ - '0');
  if (p == start || (*start == '0' && p - start > 1) || value > limit) return false;
  out = value;
  return true;
}

std::optional<std::uint32_t> parse_v4(const char* p, const char* end) {
  std::uint32_t address = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0 && (p == end || *p++ != '.')) return std::nullopt;
    unsigned octet = 0;
    if (!decimal(p, end, 255, octet)) return std::nullopt;
    address = address << 8 | octet;
  }
  return p == end ? std::optional(address) : std::nullopt;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

using Groups = std::array<std::uint16_t, 8>;

/// State of one walk over the text of an IPv6 address.
struct GroupReader {
  const char* p;
  const char* end;
  Groups groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap{};  ///< groups before "::"

  bool hex_group() {
    unsigned value = 0;
    int digits = 0;
    for (int d = 0; p != end && (d = hex_digit(*p)) >= 0; ++p) {
      if (++digits > 4) return false;
      value = value << 4 | static_cast<unsigned>(d);
    }
    if (digits == 0 || count == 8) return false;
    groups[count++] = static_cast<std::uint16_t>(value);
    return true;
  }

  bool dotted_tail() {
    const auto v4 = parse_v4(p, end);
    if (!v4 || count > 6) return false;
    groups[count++] = static_cast<std::uint16_t>(*v4 >> 16);
    groups[count++] = static_cast<std::uint16_t>(*v4);
    p = end;
    return true;
  }

  bool mark_gap() {
    if (gap) return false;
    gap = count;
    return true;
  }

  bool at(std::string_view token) const {
    return static_cast<std::size_t>(end - p) >= token.size() && std::string_view(p, token.size()) == token;
  }

  /// The colon, or colons, between two groups. A single one must not be the last character.
  bool separator() {
    if (at("::")) {
      p += 2;
      return mark_gap();
    }
    if (!at(":")) return false;
    return ++p != end;
  }

  bool read() {
    if (at("::")) {
      p += 2;
      mark_gap();
    }
    while (p != end) {
      const char* group_end = std::find(p, end, ':');
      if (group_end == end && std::find(p, end, '.') != end) {
        if (!dotted_tail()) return false;
        break;
      }
      if (!hex_group()) return false;
      if (p != end && !separator()) return false;
    }
    return gap ? count < 8 : count == 8;  // "::" stands for at least one group
  }

  Address address() const {
    Groups full{};
    const std::size_t before = gap.value_or(count);
    std::copy_n(groups.begin(), before, full.begin());
    std::copy(groups.begin() + static_cast<std::ptrdiff_t>(before), groups.begin() + static_cast<std::ptrdiff_t>(count),
              full.end() - static_cast<std::ptrdiff_t>(count - before));
    std::uint64_t high = 0, low = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      high = high << 16 | full[i];
      low = low << 16 | full[i + 4];
    }
    return Address::from_v6(high, low);
  }
};

std::string v4_to_string(std::uint32_t a) {
  std::string out;
  for (unsigned shift = 32; shift != 0; shift -= 8) {
    if (shift != 32) out += '.';
    out += std::to_string(a >> (shift - 8) & 0xff);
  }
  return out;
}

struct Run {
  std::size_t start = 8, length = 0;
};

/// The first longest run of zero groups; RFC 5952 4.2.2: a single group is not shortened.
Run longest_zero_run(const Groups& groups) {
  Run best;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t n = i;
    while (n < 8 && groups[n] == 0) ++n;
    if (n - i > best.length && n - i > 1) best = {i, n - i};
  }
  return best;
}

std::string v6_to_string(const Address& a) {
  Groups groups{};
  for (std::size_t i = 0; i < 4; ++i) {
    groups[i] = static_cast<std::uint16_t>(a.high >> (48 - 16 * i));
    groups[i + 4] = static_cast<std::uint16_t>(a.low >> (48 - 16 * i));
  }
  const Run run = longest_zero_run(groups);
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == run.start) {
      out += "::";
      i += run.length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    out.append(digits.data(), end);
  }
  return out;
}

constexpr vpn_address words(const Address& a) { return {a.high, a.low}; }

/// Length of the IPv4 prefix that an IPv6 prefix of `length` within a translation prefix stands for.
std::uint8_t embedded_length(unsigned length, unsigned prefix_length) {
  unsigned bits = length - prefix_length;
  if (prefix_length != 96 && length > 64) bits = 64 - prefix_length + (length > 72 ? length - 72 : 0);
  return static_cast<std::uint8_t>(std::min(bits, 32u));
}

/// The translation prefix that `p` lies in, or null.
const Prefix* translation_prefix(const Prefix& p, const Prefix* nat64) {
  if (!p.base.v6) return nullptr;
  for (const Prefix& embedding : embedding_prefixes)
    if (embedding.contains(p)) return &embedding;
  if (nat64 != nullptr && vpn_is_nat64_length(nat64->length) != 0 && nat64->contains(p)) return nat64;
  return nullptr;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (text.find(':') == std::string_view::npos) {
    const auto v4 = parse_v4(begin, end);
    return v4 ? std::optional(from_v4(*v4)) : std::nullopt;
  }
  GroupReader reader{begin, end};
  return reader.read() ? std::optional(reader.address()) : std::nullopt;
}

std::string Address::to_string() const {
  if (!v6) return v4_to_string(v4());
  if (ipv4_mapped.contains(*this)) return "::ffff:" + v4_to_string(v4());  // RFC 5952 5
  return v6_to_string(*this);
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return of(*address, width(*address));
  const char* p = text.data() + slash + 1;
  const char* end = text.data() + text.size();
  unsigned length = 0;
  if (!decimal(p, end, width(*address), length) || p != end) return std::nullopt;
  return of(*address, static_cast<std::uint8_t>(length));
}

Prefix Prefix::of(Address a, std::uint8_t length) {
  length = std::min(length, width(a));
  const Mask m = mask(a.v6, length);
  a.high &= m.high;
  a.low &= m.low;
  return {a, length};
}

std::string Prefix::to_string() const { return base.to_string() + '/' + std::to_string(length); }

bool Prefix::contains(const Address& a) const {
  if (a.v6 != base.v6) return false;
  const Mask m = mask(a.v6, length);
  return (((a.high ^ base.high) & m.high) | ((a.low ^ base.low) & m.low)) == 0;
}

bool Prefix::contains(const Prefix& p) const { return p.length >= length && contains(p.base); }

Address Prefix::last() const {
  const Mask m = mask(base.v6, length);
  const Mask all = mask(base.v6, width(base));
  return {base.high | (all.high & ~m.high), base.low | (all.low & ~m.low), base.v6};
}

Address embedded(const Address& a, const Prefix* nat64) {
  if (!a.v6) return a;
  const vpn_address address = words(a), prefix = nat64 != nullptr ? words(nat64->base) : vpn_address{};
  const std::uint64_t length = nat64 != nullptr && nat64->base.v6 ? nat64->length : 0;
  std::uint32_t v4 = 0;
  return vpn_embeds(&address, &prefix, length, &v4) != 0 ? Address::from_v4(v4) : a;
}

Prefix embedded(const Prefix& p, const Prefix* nat64) {
  const Prefix* translation = translation_prefix(p, nat64);
  if (translation == nullptr) return p;
  const vpn_address base = words(p.base);
  return Prefix::of(Address::from_v4(vpn_translated(&base, translation->length)),
                    embedded_length(p.length, translation->length));
}

bool is_private(const Prefix& p) {
  static constexpr std::array<Prefix, 6> ranges{{
      {Address::from_v4(0x0a000000), 8},
      {Address::from_v4(0xac100000), 12},
      {Address::from_v4(0xc0a80000), 16},
      {Address::from_v4(0xa9fe0000), 16},
      {Address::from_v6(0xfc00000000000000, 0), 7},
      {Address::from_v6(0xfe80000000000000, 0), 10},
  }};
  return std::any_of(ranges.begin(), ranges.end(), [&](const Prefix& range) { return range.contains(p); });
}

Address next(Address a) {
  ++a.low;
  if (a.v6 && a.low == 0) ++a.high;
  return a;
}

Address previous(Address a) {
  if (a.v6 && a.low == 0) --a.high;
  --a.low;
  return a;
}

std::vector<Prefix> prefixes_between(Address first, const Address& last) {
  std::vector<Prefix> out;
  if (first.v6 != last.v6) return out;
  while (first <= last) {
    // The shortest prefix that begins here and does not reach beyond the end.
    std::uint8_t length = first.v6 ? 128 : 32;
    while (length > 0) {
      const Prefix wider = Prefix::of(first, static_cast<std::uint8_t>(length - 1));
      if (wider.base != first || wider.last() > last) break;
      --length;
    }
    out.push_back(Prefix::of(first, length));
    if (out.back().last() == last) break;
    first = next(out.back().last());
  }
  return out;
}

}  // namespace vpn::policy
