#include "agent/tunnel/openvpn/environment.h"

#include <bit>
#include <map>
#include <optional>
#include <string>

#include "policy/ascii.h"

namespace vpn::agent::openvpn {
namespace {

using policy::Address;
using policy::Prefix;

constexpr std::size_t most_values = 8192, most_options = 128;

using Values = std::map<std::string_view, std::string_view>;

std::string_view value(const Values& values, const std::string& name) {
  const auto found = values.find(name);
  return found == values.end() ? std::string_view() : found->second;
}

/// 255.255.255.0 is 24; nothing where the ones are not in a row.
std::optional<std::uint8_t> mask_length(std::string_view text) {
  const auto mask = Address::parse(text);
  if (!mask || mask->v6) return std::nullopt;
  const auto bits = static_cast<std::uint32_t>(mask->low);
  const int ones = std::countl_one(bits);
  if (ones < 32 && bits << ones != 0) return std::nullopt;
  return static_cast<std::uint8_t>(ones);
}

tl::unexpected<Error> bad(const std::string& name) {
  return fail(ErrorKind::environment, "what OpenVPN says of the tunnel does not hold together", name);
}

Result<void> read_addresses(const Values& values, NetworkSettings& out) {
  if (const auto text = value(values, "ifconfig_local"); !text.empty()) {
    const auto address = Address::parse(text);
    if (!address || address->v6) return bad("ifconfig_local");
    const auto mask = value(values, "ifconfig_netmask");
    const auto length = mask.empty() ? std::optional<std::uint8_t>(32) : mask_length(mask);
    if (!length) return bad("ifconfig_netmask");
    out.addresses.emplace_back(*address, *length);
  }
  if (const auto text = value(values, "ifconfig_ipv6_local"); !text.empty()) {
    const auto address = Address::parse(text);
    unsigned length = 128;
    const auto bits = value(values, "ifconfig_ipv6_netbits");
    if (!address || !address->v6 || (!bits.empty() && !ascii::read_number(bits, length)) || length > 128)
      return bad("ifconfig_ipv6_local");
    out.addresses.emplace_back(*address, static_cast<std::uint8_t>(length));
  }
  if (out.addresses.empty()) return bad("ifconfig_local");
  return {};
}

Result<void> read_routes(const Values& values, NetworkSettings& out) {
  const auto vpn_gateway = value(values, "route_vpn_gateway");
  // A server that does not push its own gateway names it with each route: it is on the tunnel's own network.
  const auto is_of_tunnel = [&](std::string_view gateway) {
    const auto address = Address::parse(gateway);
    return address && std::any_of(out.addresses.begin(), out.addresses.end(), [&](const auto& own) {
             return own.first.v6 == address->v6 && Prefix::of(own.first, own.second).contains(*address);
           });
  };
  for (std::size_t i = 1; i < most_values; ++i) {
    const std::string number = std::to_string(i);
    const auto network = value(values, "route_network_" + number);
    if (network.empty()) break;
    const auto base = Address::parse(network);
    const auto mask = value(values, "route_netmask_" + number), gateway = value(values, "route_gateway_" + number);
    const auto length = mask.empty() ? std::optional<std::uint8_t>(32) : mask_length(mask);
    if (!base || base->v6 || !length) return bad("route_network_" + number);
    // By another gateway than the tunnel's ("net_gateway"): beside it.
    const bool included = gateway.empty() || gateway == vpn_gateway || is_of_tunnel(gateway);
    auto& routes = included ? out.included_routes : out.excluded_routes;
    routes.push_back(Prefix::of(*base, *length));
  }
  for (std::size_t i = 1; i < most_values; ++i) {
    const auto network = value(values, "route_ipv6_network_" + std::to_string(i));
    if (network.empty()) break;
    const auto prefix = Prefix::parse(network);
    if (!prefix || !prefix->base.v6) return bad("route_ipv6_network_" + std::to_string(i));
    out.included_routes.push_back(*prefix);
  }
  const bool all = value(values, "redirect_gateway") == "1";
  if (all) out.included_routes.push_back(Prefix::of(Address::from_v4(0), 0));
  if (value(values, "redirect_gateway_ipv6") == "1" || (all && out.addresses.back().first.v6))
    out.included_routes.push_back(Prefix::of(Address::from_v6(0, 0), 0));
  return {};
}

// "dhcp-option DNS 10.8.0.1", in the order in which they were pushed.
void read_options(const Values& values, NetworkSettings& out) {
  for (std::size_t i = 1; i < most_options; ++i) {
    std::string_view option = value(values, "foreign_option_" + std::to_string(i));
    if (option.empty()) break;
    const auto next = [&option] {
      const auto end = std::min(option.find(' '), option.size());
      const std::string_view word = option.substr(0, end);
      option.remove_prefix(std::min(end + 1, option.size()));
      return word;
    };
    if (next() != "dhcp-option") continue;
    const std::string_view kind = next(), argument = option;
    if (kind == "DNS" || kind == "DNS6") {
      if (const auto address = Address::parse(argument)) out.dns.servers.push_back(*address);
    } else if ((kind == "DOMAIN" || kind == "DOMAIN-SEARCH") && !argument.empty()) {
      out.dns.search_domains.emplace_back(argument);
    }
  }
}

}  // namespace

Result<NetworkSettings> read_environment(std::string_view text) {
  Values values;
  while (!text.empty() && values.size() < most_values) {
    const std::string_view one = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    if (const auto equals = one.find('='); equals != std::string_view::npos)
      values.emplace(one.substr(0, equals), one.substr(equals + 1));
  }
  NetworkSettings out;
  out.interface = value(values, "dev");
  if (out.interface.empty() || out.interface.size() > 15) return bad("dev");
  if (auto read = read_addresses(values, out); !read) return tl::unexpected(read.error());
  if (auto read = read_routes(values, out); !read) return tl::unexpected(read.error());
  read_options(values, out);
  const auto mtu = value(values, "tun_mtu");
  if (!mtu.empty() && !ascii::read_number(mtu, out.mtu)) return bad("tun_mtu");
  return out;
}

}  // namespace vpn::agent::openvpn
