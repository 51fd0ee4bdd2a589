#include "agent/network/router_options.h"

#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/network/netlink_attributes.h"
#include "policy/ascii.h"

namespace vpn::agent {
namespace {

using std::chrono::seconds;
using OptionBytes = std::span<const std::byte>;
using FactKind = RouterFact::Kind;

constexpr std::uint8_t rdnss_option = 25, dnssl_option = 31, portal_option = 37, pref64_option = 38;
constexpr std::size_t most_of_option = 16;  // resolvers or domains
constexpr std::size_t longest_name = 253, longest_label = 63;

std::uint32_t big_endian(OptionBytes bytes) {
  std::uint32_t out = 0;
  for (const std::byte b : bytes) out = out << 8 | std::to_integer<std::uint32_t>(b);
  return out;
}

// A name as the wire has it, without pointers (RFC 8106, 5.2): nothing where the bytes are none. Takes it from `bytes`.
std::optional<std::string> take_name(OptionBytes& bytes) {
  std::string out;
  while (!bytes.empty()) {
    const auto size = std::to_integer<std::size_t>(bytes[0]);
    bytes = bytes.subspan(1);
    if (size == 0) return out;
    if (size > longest_label || size > bytes.size() || out.size() + size + 1 > longest_name) return std::nullopt;
    if (!out.empty()) out += '.';
    for (const std::byte b : bytes.first(size)) {
      const char c = ascii::lower(static_cast<char>(b));
      if (!ascii::is_letter(c) && !ascii::is_digit(c) && c != '-' && c != '_') return std::nullopt;
      out += c;
    }
    bytes = bytes.subspan(size);
  }
  return std::nullopt;
}

// What nobody but a translator can be behind: global unicast (2000::/3), unique local, and 64:ff9b:1::/48 (RFC 8215).
// 64:ff9b::/96 is known anyway.
bool can_be_translated(const policy::Prefix& p) {
  const std::uint64_t high = p.base.high;
  return high >> 61 == 1 || high >> 57 == 0xfc >> 1 || high >> 16 == 0x0064ff9b0001;
}

class OptionReader {
 public:
  OptionReader(RouterFact common, std::vector<RouterFact>& out) : common_(std::move(common)), out_(out) {}
  /// One option as a whole, its type and length among it. False: it does not hold together.
  bool read(OptionBytes option) {
    switch (std::to_integer<std::uint8_t>(option[0])) {
      case rdnss_option:
        return read_resolvers(option);
      case dnssl_option:
        return read_domains(option);
      case portal_option:
        return read_portal(option);
      case pref64_option:
        return read_pref64(option);
      default:
        return true;
    }
  }

 private:
  void add(FactKind kind, std::string text, seconds lifetime, const policy::Prefix& nat64 = {}) {
    common_.kind = kind;
    common_.text = std::move(text);
    common_.nat64 = nat64;
    common_.lifetime = std::min(lifetime, longest_router_fact);
    out_.push_back(common_);
  }
  bool read_resolvers(OptionBytes option) {
    if (option.size() < 24 || option.size() % 16 != 8) return false;
    const seconds lifetime(big_endian(option.subspan(4, 4)));
    OptionBytes left = option.subspan(8);
    for (std::size_t i = 0; i < most_of_option && left.size() >= 16; ++i, left = left.subspan(16)) {
      const auto a = netlink_address(left.first(16));
      const bool none = (a->high == 0 && a->low <= 1) || a->high >> 56 == 0xff;  // ::, ::1, multicast
      if (!none) add(FactKind::resolver, a->to_string(), lifetime);
    }
    return true;
  }
  bool read_domains(OptionBytes option) {
    if (option.size() < 16) return false;
    const seconds lifetime(big_endian(option.subspan(4, 4)));
    OptionBytes left = option.subspan(8);
    for (std::size_t i = 0; i < most_of_option && !left.empty(); ++i) {
      auto name = take_name(left);
      if (!name) return false;
      if (name->empty()) return true;  // padding
      add(FactKind::search_domain, std::move(*name), lifetime);
    }
    return true;
  }
  bool read_portal(OptionBytes option) {
    std::string uri;
    for (const std::byte b : option.subspan(2)) uri += static_cast<char>(b);
    uri.resize(uri.find_last_not_of('\0') + 1);
    const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (uri.empty() || !std::all_of(uri.begin(), uri.end(), printable)) return false;
    add(FactKind::captive_portal, std::move(uri), longest_portal);
    return true;
  }
  bool read_pref64(OptionBytes option) {
    constexpr std::array<std::uint8_t, 6> lengths{96, 64, 56, 48, 40, 32};
    if (option.size() != 16) return false;
    const std::uint32_t head = big_endian(option.subspan(2, 2));
    if ((head & 7) >= lengths.size()) return false;
    std::array<std::byte, 16> whole{};
    std::copy_n(option.begin() + 4, 12, whole.begin());
    const auto prefix = policy::Prefix::of(*netlink_address(whole), lengths.at(head & 7));
    if (!can_be_translated(prefix)) return false;
    add(FactKind::nat64, prefix.to_string(), seconds(head & ~7u), prefix);  // in units of eight seconds
    return true;
  }

  RouterFact common_;
  std::vector<RouterFact>& out_;
};

bool read_advertisement(const nlmsghdr* message, std::vector<RouterFact>& out) {
  if (message->nlmsg_type != RTM_NEWNDUSEROPT) return true;
  const auto* h = header_of<nduseroptmsg>(message);
  if (h == nullptr) return false;
  if (h->nduseropt_family != AF_INET6 || h->nduseropt_icmp_type != ND_ROUTER_ADVERT || h->nduseropt_icmp_code != 0)
    return true;
  const std::size_t size = mnl_nlmsg_get_payload_len(message) - sizeof *h, options = h->nduseropt_opts_len;
  if (h->nduseropt_ifindex <= 0 || options > size) return false;
  const auto* first = static_cast<const std::byte*>(mnl_nlmsg_get_payload(message)) + sizeof *h;
  const std::size_t aligned = std::min(netlink_aligned(options), size);
  const NetlinkAttributes attributes(first + aligned, size - aligned, 0);
  const auto router = netlink_address(attributes.bytes(NDUSEROPT_SRCADDR));
  if (!router || !router->v6) return false;
  RouterFact common;
  common.link = static_cast<std::uint32_t>(h->nduseropt_ifindex);
  common.router = *router;
  OptionReader reader(std::move(common), out);
  bool whole = true;
  for (OptionBytes left(first, options); !left.empty();) {
    const std::size_t length = left.size() < 2 ? 0 : std::to_integer<std::size_t>(left[1]) * 8;
    if (length == 0 || length > left.size()) return false;
    whole = reader.read(left.first(length)) && whole;
    left = left.subspan(length);
  }
  return whole;
}

}  // namespace

RouterNews read_router_options(std::span<const std::byte> datagram) {
  RouterNews out;
  out.malformed =
      each_netlink_message(datagram, [&](const nlmsghdr* message) { return read_advertisement(message, out.facts); });
  return out;
}

}  // namespace vpn::agent
