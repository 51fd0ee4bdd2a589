// Tables for the kernel made by hand: small ones whose verdicts a test states, and random ones of any content.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "policy/kernel/packet.h"
#include "policy/kernel/table.h"

namespace vpn::agent::test {

/// A cell of the table: what holds, and what holds when its tunnel is not connected.
constexpr std::uint64_t half_cell(std::uint32_t verdict, std::uint32_t rule, std::uint32_t tunnel,
                                  std::uint32_t place) {
  return verdict | rule << 8 | tunnel << 16 | std::uint64_t{place} << 24;
}
constexpr std::uint64_t cell(std::uint64_t now, std::uint64_t without_tunnel) { return now | without_tunnel << 32; }
constexpr std::uint64_t system_cell = cell(half_cell(VPN_SYSTEM, VPN_S8, VPN_NO_TUNNEL, VPN_ANYWHERE),
                                           half_cell(VPN_SYSTEM, VPN_S8, VPN_NO_TUNNEL, VPN_ANYWHERE));
constexpr std::uint64_t drop_cell = cell(half_cell(VPN_DROP, VPN_S3E, VPN_NO_TUNNEL, VPN_ANYWHERE),
                                         half_cell(VPN_DROP, VPN_S3E, VPN_NO_TUNNEL, VPN_ANYWHERE));
constexpr std::uint64_t direct_cell = cell(half_cell(VPN_DIRECT, VPN_S3C, VPN_NO_TUNNEL, VPN_OFF_TUNNEL),
                                           half_cell(VPN_DIRECT, VPN_S3C, VPN_NO_TUNNEL, VPN_OFF_TUNNEL));
constexpr std::uint64_t tunnel_cell =
    cell(half_cell(VPN_TUNNEL, VPN_S3E, 0, VPN_BY_TUNNEL), half_cell(VPN_DROP, VPN_S3E, 0, VPN_ANYWHERE));

/// What goes into a table.
struct Content {
  std::uint64_t flags = 0;
  std::uint32_t primary = 0;
  std::vector<std::uint32_t> tunnels;  ///< their interfaces
  std::uint32_t owners = VPN_FIRST_APP;
  std::uint32_t port_classes = 1, domains = 1;
  struct Range4 {
    std::uint32_t start, destination;
  };
  struct Range6 {
    std::uint64_t high, low, destination;
  };
  std::vector<Range4> v4{{0, 0}};
  std::vector<Range6> v6{{0, 0, 0}};
  std::vector<std::uint64_t> ports{0};
  std::vector<std::uint64_t> places{0};
  std::vector<std::uint64_t> index;  ///< empty: a row for each class of owners
  std::vector<std::uint64_t> cells;  ///< rows * places
  std::vector<std::uint64_t> marks;  ///< empty: 0
  std::uint64_t nat64_length = 0, nat64_high = 0, nat64_low = 0;
};

std::vector<std::uint64_t> words(const Content& content);

/// Loopback and the device's own addresses in class 1 (S0), all others in class 0.
Content simple(std::uint32_t tunnel_interface, std::uint32_t primary, const std::vector<std::uint64_t>& cell_of_owner);

/// A table of random content that holds together.
Content random_content(std::mt19937_64& random);
/// A random packet, likely to meet something in the table.
vpn_packet random_packet(std::mt19937_64& random, const Content& content);

}  // namespace vpn::agent::test
