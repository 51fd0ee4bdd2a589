#include "tables.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace vpn::agent::test {

std::vector<std::uint64_t> words(const Content& c) {
  std::vector<std::uint64_t> out(VPN_W_COUNT);
  const auto section = [&](vpn_word_index first, const std::vector<std::uint64_t>& content) {
    out[first] = out.size();
    out.insert(out.end(), content.begin(), content.end());
  };
  out[VPN_W_MAGIC] = VPN_TABLE_MAGIC;
  out[VPN_W_FLAGS] = c.flags;
  out[VPN_W_PRIMARY] = c.primary;
  out[VPN_W_NAT64_LENGTH] = c.nat64_length;
  out[VPN_W_NAT64_HIGH] = c.nat64_high;
  out[VPN_W_NAT64_LOW] = c.nat64_low;
  out[VPN_W_OWNERS] = c.owners;
  out[VPN_W_PORT_CLASSES] = c.port_classes;
  out[VPN_W_DOMAINS] = c.domains;
  out[VPN_W_DESTINATIONS] = c.places.size();
  out[VPN_W_TUNNEL_COUNT] = c.tunnels.size();
  out[VPN_W_V4_COUNT] = c.v4.size();
  out[VPN_W_V6_COUNT] = c.v6.size();
  out[VPN_W_PORTS_COUNT] = c.ports.size();
  out[VPN_W_ROW_COUNT] = c.cells.size() / c.places.size();
  std::vector<std::uint64_t> ranges;
  for (const auto& r : c.v4) ranges.push_back(std::uint64_t{r.start} << 32 | r.destination);
  section(VPN_W_V4, ranges);
  ranges.clear();
  for (const auto& r : c.v6) ranges.push_back(r.high);
  for (const auto& r : c.v6) ranges.push_back(r.low);
  for (const auto& r : c.v6) ranges.push_back(r.destination);
  section(VPN_W_V6, ranges);
  section(VPN_W_PORTS, c.ports);
  section(VPN_W_PLACES, c.places);
  std::vector<std::uint64_t> index = c.index;
  if (index.empty())
    for (std::uint64_t owner = 0; owner < c.owners; ++owner) index.push_back(owner);
  section(VPN_W_INDEX, index);
  section(VPN_W_ROWS, c.cells);
  std::vector<std::uint64_t> marks = c.marks;
  marks.resize(std::size_t{c.owners} * c.domains);
  section(VPN_W_MARKS, marks);
  section(VPN_W_TUNNELS, {c.tunnels.begin(), c.tunnels.end()});
  return out;
}

Content simple(std::uint32_t tunnel_interface, std::uint32_t primary, const std::vector<std::uint64_t>& cell_of_owner) {
  Content c;
  c.tunnels = {tunnel_interface};
  c.primary = primary;
  c.owners = static_cast<std::uint32_t>(cell_of_owner.size());
  const std::uint32_t eth0 = 0x0a4d0002, wg0 = 0x0a630002, loopback = 0x7f000000;
  c.v4 = {{0, 0}, {eth0, 1}, {eth0 + 1, 0}, {wg0, 1}, {wg0 + 1, 0}, {loopback, 1}, {0x80000000, 0}};
  const std::uint64_t six_eth0 = 0xfd77000000000000, six_wg0 = 0xfd99000000000000;
  c.v6 = {{0, 0, 0}, {0, 1, 1}, {0, 2, 0}, {six_eth0, 2, 1}, {six_eth0, 3, 0}, {six_wg0, 2, 1}, {six_wg0, 3, 0}};
  c.places = {0, VPN_DESTINATION_SELF};
  for (const std::uint64_t cell_of_one : cell_of_owner) {
    c.cells.push_back(cell_of_one);
    c.cells.push_back(system_cell);
  }
  return c;
}

namespace {

std::uint32_t below(std::mt19937_64& random, std::uint64_t limit) {
  return static_cast<std::uint32_t>(random() % limit);
}

/// Mostly what the builder of tables would write, now and then any bits at all.
std::uint64_t random_half(std::mt19937_64& random, std::size_t tunnels) {
  if (below(random, 20) == 0) return random() & 0xffffffff;
  const std::uint32_t tunnel = tunnels == 0 || below(random, 3) == 0 ? VPN_NO_TUNNEL : below(random, tunnels);
  const std::uint32_t flags = below(random, 4) == 0 ? below(random, 4) << 6 : 0;
  return half_cell(below(random, 6), below(random, VPN_RULES), tunnel, below(random, 4) | flags);
}

}  // namespace

Content random_content(std::mt19937_64& random) {
  Content c;
  c.flags = below(random, 4);
  c.primary = below(random, 12);
  for (std::uint32_t i = below(random, 6); i > 0; --i) c.tunnels.push_back(below(random, 12));
  c.owners = VPN_FIRST_APP + below(random, 20);
  c.port_classes = 1 + below(random, 6);
  c.domains = 1 + below(random, 4);
  c.places.resize(1 + below(random, 12));
  for (auto& place : c.places) place = below(random, 4) == 0 ? below(random, 4) : 0;
  const auto destination = [&] { return below(random, c.places.size()); };
  for (std::uint32_t i = below(random, 200); i > 0; --i)
    c.v4.push_back({static_cast<std::uint32_t>(random()), destination()});
  for (std::uint32_t i = below(random, 200); i > 0; --i) {
    const bool near = !c.v6.empty() && below(random, 2) == 0; /* equal upper halves */
    c.v6.push_back({near ? c.v6[below(random, c.v6.size())].high : random(), random(), destination()});
  }
  std::sort(c.v4.begin(), c.v4.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  std::sort(c.v6.begin(), c.v6.end(),
            [](const auto& a, const auto& b) { return std::tie(a.high, a.low) < std::tie(b.high, b.low); });
  for (std::uint32_t i = below(random, 50); i > 0; --i)
    c.ports.push_back(std::uint64_t{below(random, 1u << 24)} << 32 | below(random, c.port_classes));
  std::sort(c.ports.begin(), c.ports.end());
  const std::size_t rows = 1 + below(random, 40);
  for (std::uint32_t i = c.owners * c.port_classes * c.domains; i > 0; --i) c.index.push_back(below(random, rows));
  for (std::size_t i = 0; i < rows * c.places.size(); ++i)
    c.cells.push_back(cell(random_half(random, c.tunnels.size()), random_half(random, c.tunnels.size())));
  for (std::uint32_t i = c.owners * c.domains; i > 0; --i) c.marks.push_back(below(random, VPN_MAX_MARKS + 1));
  constexpr std::array<std::uint64_t, 8> lengths{0, 0, 32, 40, 48, 56, 64, 96};
  c.nat64_length = lengths[below(random, lengths.size())];
  c.nat64_high = random();
  c.nat64_low = c.nat64_length == 96 ? random() << 32 : 0;
  return c;
}

vpn_packet random_packet(std::mt19937_64& random, const Content& c) {
  vpn_packet p{};
  p.v6 = static_cast<std::uint8_t>(below(random, 2));
  if (p.v6 == 0) {
    p.remote.low = below(random, 2) == 0 ? static_cast<std::uint32_t>(random())
                                         : c.v4[below(random, c.v4.size())].start + below(random, 3) - 1;
    p.remote.low &= 0xffffffff;
  } else {
    const auto& near = c.v6[below(random, c.v6.size())];
    switch (below(random, 5)) {
      case 0:
        p.remote = {random(), random()};
        break;
      case 1:
        p.remote = {0, 0xffff00000000 | (random() & 0xffffffff)};
        break;
      case 2:
        p.remote = {0x0064ff9b00000000, random() & 0xffffffff};
        break;
      case 3:
        p.remote = {c.nat64_high ^ (below(random, 2) == 0 ? random() & 0xffff : 0),
                    c.nat64_low | (random() & 0xffffffff)};
        break;
      default:
        p.remote = {near.high, near.low + below(random, 3) - 1};
    }
  }
  constexpr std::array<std::uint8_t, 8> protocols{VPN_TCP, VPN_UDP, VPN_ICMP, VPN_ICMPV6, VPN_IGMP, 4, 47, 41};
  p.protocol =
      below(random, 10) == 0 ? static_cast<std::uint8_t>(random()) : protocols[below(random, protocols.size())];
  p.owner = below(random, c.owners + 2);
  p.domain = below(random, 3) == 0 ? below(random, c.domains + 1) : 0;
  p.interface = below(random, 12);
  p.scope = below(random, 3) == 0 ? below(random, 12) : 0;
  p.uid = below(random, 2) * 1000;
  constexpr std::array<std::uint16_t, 8> ports{67, 547, 68, 546, 53, 443, 853, 5353};
  p.remote_port = below(random, 2) == 0 ? ports[below(random, ports.size())] : static_cast<std::uint16_t>(random());
  p.local_port = below(random, 2) == 0 ? ports[below(random, ports.size())] : static_cast<std::uint16_t>(random());
  p.icmp_type = static_cast<std::uint8_t>(below(random, 2) == 0 ? 128 + below(random, 16) : below(random, 14));
  p.has_icmp_type = static_cast<std::uint8_t>(below(random, 8) != 0);
  constexpr std::array<std::uint8_t, 3> hops{255, 1, 64};
  p.hop_limit = hops[below(random, hops.size())];
  p.incoming = static_cast<std::uint8_t>(below(random, 2));
  constexpr std::array<std::uint8_t, 8> exempt{0, 0, 0, 0, 0, VPN_S1C, VPN_S1D, VPN_S1F};
  p.exempt = exempt[below(random, exempt.size())];
  return p;
}

}  // namespace vpn::agent::test
