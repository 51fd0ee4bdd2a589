// What the programs look up beside the tables: interfaces, exemptions, numbers. Owners are in owner_entries.cpp,
// names and lookups in name_entries.cpp.
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <algorithm>
#include <limits>

#include "agent/datapath/datapath_data.h"
#include "guard.skel.h"
#include "policy/hash.h"

namespace vpn::agent {
namespace {

constexpr std::uint64_t number_seed = 0x76706e6e756d6265;
constexpr std::uint64_t last_key = 0; /* of `numbers`: holds the last one given */

std::uint64_t until(const std::optional<std::chrono::nanoseconds>& expires) {
  return expires ? static_cast<std::uint64_t>(std::max<std::int64_t>(expires->count(), 0))
                 : std::numeric_limits<std::uint64_t>::max();
}

std::uint32_t rule_of(Exemption::Rule rule) {
  switch (rule) {
    case Exemption::Rule::S1c:
      return VPN_S1C;
    case Exemption::Rule::S1d:
      return VPN_S1D;
    case Exemption::Rule::S1f:
      return VPN_S1F;
  }
  return VPN_S1C;
}

}  // namespace

vpn_ip to_kernel(const policy::Address& address) {
  if (!address.v6) return {{0, 0, htonl(0xffff), htonl(address.v4())}};
  const auto word = [](std::uint64_t half, int shift) { return htonl(static_cast<std::uint32_t>(half >> shift)); };
  return {{word(address.high, 32), word(address.high, 0), word(address.low, 32), word(address.low, 0)}};
}

policy::Address from_kernel(const vpn_ip& address) {
  const auto half = [&](int i) { return std::uint64_t{ntohl(address.word[i])} << 32 | ntohl(address.word[i + 1]); };
  if (half(0) == 0 && ntohl(address.word[2]) == 0xffff) return policy::Address::from_v4(ntohl(address.word[3]));
  return policy::Address::from_v6(half(0), half(2));
}

Result<void> Datapath::Data::take_maps() {
  const guard& s = programs.skeleton();
  auto control_memory = Mapping::of(Programs::fd(s.maps.control), sizeof(vpn_control));
  auto status_memory = Mapping::of(Programs::fd(s.maps.status), sizeof(vpn_status) * VPN_SLOTS);
  if (!control_memory) return tl::unexpected(control_memory.error());
  if (!status_memory) return tl::unexpected(status_memory.error());
  control_page = std::move(*control_memory);
  status_page = std::move(*status_memory);
  const auto take = [](auto& mirror, const bpf_map* map) {
    mirror = std::remove_reference_t<decltype(mirror)>(Programs::fd(map));
    return mirror.load();
  };
  if (auto done = take(interfaces, s.maps.interfaces); !done) return done;
  if (auto done = take(tunnel_addresses, s.maps.tunnel_addresses); !done) return done;
  if (auto done = take(sources, s.maps.sources); !done) return done;
  if (auto done = take(cgroups, s.maps.cgroups); !done) return done;
  if (auto done = take(executables, s.maps.executables); !done) return done;
  if (auto done = take(patterns, s.maps.patterns); !done) return done;
  if (auto done = take(exemptions, s.maps.exemptions); !done) return done;
  return take(names, s.maps.names);
}

Result<void> Datapath::set_interfaces(std::span<const Interface> interfaces) {
  std::map<std::string, std::uint32_t> wanted;
  bool inner = false;
  for (const Interface& i : interfaces) {
    wanted[MirroredMap<std::uint32_t, std::uint32_t>::bytes(i.index)] = static_cast<std::uint32_t>(i.kind) + 1;
    inner = inner || i.kind == InterfaceKind::inner;
  }
  /* Watched before anything may leave by it; one that has gone in the meantime does not hold up the others. */
  std::optional<Error> first;
  for (const Interface& i : interfaces) {
    auto done = data_->programs.watch_interface(i.index, i.kind != InterfaceKind::loopback);
    if (done) done = data_->programs.watch_departures(i.index, i.kind == InterfaceKind::tunnel);
    if (done) continue;
    if (!first) first = done.error();
    wanted.erase(MirroredMap<std::uint32_t, std::uint32_t>::bytes(i.index));
  }
  if (auto done = data_->interfaces.replace(wanted); !done) return done;
  data_->flag(VPN_FORWARDS, inner);
  data_->change();
  if (first) return tl::unexpected(*first);
  return {};
}

Result<void> Datapath::set_tunnel_addresses(std::span<const TunnelAddress> addresses) {
  std::map<std::string, std::uint32_t> wanted;
  for (const TunnelAddress& a : addresses)
    wanted[MirroredMap<vpn_ip, std::uint32_t>::bytes(to_kernel(a.address))] = a.interface;
  auto done = data_->tunnel_addresses.replace(wanted);
  data_->flag(VPN_HAS_TUNNEL_ADDRESSES, data_->tunnel_addresses.size() != 0);
  return done;
}

Result<void> Datapath::set_tunnel_sources(std::span<const TunnelAddress> sources) {
  std::map<std::string, vpn_ip> wanted;
  for (const TunnelAddress& a : sources)
    wanted[MirroredMap<vpn_source_key, vpn_ip>::bytes({a.interface, a.address.v6 ? 1u : 0u})] = to_kernel(a.address);
  return data_->sources.replace(wanted);
}

Result<void> Datapath::set_exemptions(std::span<const Exemption> exemptions) {
  std::map<std::string, vpn_exemption> wanted;
  for (const Exemption& e : exemptions) {
    vpn_exemption_key key{};
    key.address = to_kernel(e.address);
    key.port = htons(e.port);
    key.protocol = e.protocol;
    vpn_exemption value{};
    value.until = until(e.expires);
    value.interface = e.interface;
    value.rule = rule_of(e.rule);
    key.who = e.rule == Exemption::Rule::S1c ? e.provider : VPN_WHO_AGENT;
    if (key.who != 0) wanted[MirroredMap<vpn_exemption_key, vpn_exemption>::bytes(key)] = value;
    if (e.kernel_mark == 0) continue;
    key.who = e.kernel_mark;
    key.kernel = 1;
    wanted[MirroredMap<vpn_exemption_key, vpn_exemption>::bytes(key)] = value;
  }
  auto done = data_->exemptions.replace(wanted);
  data_->change();
  return done;
}

Number Datapath::Data::last_number() const {
  std::uint32_t last = 0;
  ::bpf_map_lookup_elem(Programs::fd(programs.skeleton().maps.numbers), &last_key, &last);
  return last;
}

Result<std::vector<Number>> Datapath::numbers(std::span<const std::string_view> identifiers) {
  const int map = Programs::fd(data_->programs.skeleton().maps.numbers);
  std::uint32_t last = data_->last_number();
  std::vector<Number> out;
  for (const std::string_view identifier : identifiers) {
    const std::uint64_t key =
        std::max<std::uint64_t>(policy::hash_text(identifier.data(), identifier.size(), number_seed), last_key + 1);
    std::uint32_t number = 0;
    if (::bpf_map_lookup_elem(map, &key, &number) != 0) {
      /* The count first: a number is lost by a crash in between, but none is given twice. */
      number = ++last;
      if (auto done = detail::write_entry(map, &last_key, &last); !done) return tl::unexpected(done.error());
      if (auto done = detail::write_entry(map, &key, &number); !done) return tl::unexpected(done.error());
    }
    out.push_back(number);
  }
  return out;
}

Result<Number> Datapath::number(std::string_view identifier) {
  auto all = numbers({&identifier, 1});
  if (!all) return tl::unexpected(all.error());
  return all->front();
}

}  // namespace vpn::agent
