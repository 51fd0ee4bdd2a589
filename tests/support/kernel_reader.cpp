#include "tests/support/kernel_reader.h"

#include <algorithm>
#include <string>

#include "policy/policy.h"

// What policy/kernel/judge.h asks of the one who includes it.
#define VPN_TABLE const vpn::test::KernelReader&
static __u64 vpn_word(VPN_TABLE table, __u32 index) { return table.word(index); }
static int vpn_tunnel_connected(VPN_TABLE table, __u32 tunnel) {
  return tunnel < table.connected.size() && table.connected[tunnel] ? 1 : 0;
}
static int vpn_is_tunnel(VPN_TABLE table, __u32 interface) {
  const auto& all = table.table().tunnel_interfaces;
  return std::binary_search(all.begin(), all.end(), interface) ? 1 : 0;
}
#include "policy/kernel/judge.h"

namespace vpn::test {
namespace {

policy::Verdict verdict_of(std::uint8_t kind) {
  switch (kind) {
    case VPN_TUNNEL:
      return policy::Verdict::tunnel;
    case VPN_DIRECT:
      return policy::Verdict::direct;
    case VPN_PROXY:
      return policy::Verdict::proxy;
    case VPN_SYSTEM:
      return policy::Verdict::system;
    case VPN_ACCEPT:
      return policy::Verdict::accept;
    default:
      return policy::Verdict::drop;
  }
}

std::uint32_t index_of(const policy::InterfaceIndexes& interfaces, std::string_view name) {
  const auto it = interfaces.find(name);
  return it == interfaces.end() ? 0 : it->second;
}

std::uint32_t owner_of(const policy::Policy& policy, const policy::KernelClasses& classes, const policy::Flow& f) {
  if (f.owner == policy::Owner::forwarded) return VPN_FORWARDED;
  if (f.owner == policy::Owner::unattributed) return VPN_UNATTRIBUTED;
  const std::uint32_t app = f.owner == policy::Owner::app ? policy.apps().find(f.app) : policy::none;
  const std::uint32_t spawner = f.spawned_by.empty() ? policy::none : policy.apps().find(f.spawned_by);
  return classes.owner(app, spawner);
}

/// The hop limit that S1.b wants where the flow does not say one.
std::uint8_t hop_limit_of(const policy::Flow& f) {
  if (f.hop_limit >= 0) return static_cast<std::uint8_t>(f.hop_limit);
  const bool discovery = f.protocol == VPN_ICMPV6 && f.icmp_type >= 133 && f.icmp_type <= 137;
  return discovery ? 255 : 1;
}

}  // namespace

KernelVerdict KernelReader::judge(vpn_packet packet, const vpn_packet* quoted) const {
  vpn_packet inner = quoted != nullptr ? *quoted : vpn_packet{};
  const vpn_verdict v = vpn_judge(*this, &packet, quoted != nullptr ? &inner : nullptr);
  return {verdict_of(v.verdict), static_cast<policy::Rule>(v.rule), v.tunnel == VPN_NO_TUNNEL ? policy::none : v.tunnel,
          static_cast<vpn_place>(v.place), v.rule};
}

std::uint32_t KernelReader::tunnel_interface(std::uint32_t tunnel) const {
  return static_cast<std::uint32_t>(word(static_cast<std::uint32_t>(word(VPN_W_TUNNELS)) + tunnel));
}

std::uint32_t KernelReader::mark(std::uint32_t owner, std::uint32_t domain) const {
  return vpn_mark(*this, owner, domain);
}

vpn_packet packet_of(const policy::Policy& policy, const policy::KernelClasses& classes,
                     const policy::InterfaceIndexes& interfaces, const policy::DeviceState& state,
                     const policy::Flow& f) {
  vpn_packet p{};
  p.remote = {f.remote.high, f.remote.low};
  p.v6 = f.remote.v6 ? 1 : 0;
  p.owner = owner_of(policy, classes, f);
  std::string storage;
  std::string_view name;
  if (!f.hostname.empty() && policy::normalise_name(f.hostname, storage, name) == policy::NameFault::none)
    p.domain = classes.domain(policy.domains().lookup(name));
  p.incoming = f.incoming ? 1 : 0;
  if (f.incoming)
    p.interface = index_of(interfaces, f.arrives_on.empty() ? std::string_view(state.primary_interface) : f.arrives_on);
  p.scope = f.scope.empty() ? 0 : index_of(interfaces, f.scope);
  p.uid = f.uid;
  p.remote_port = f.remote_port;
  p.local_port = f.local_port;
  p.protocol = f.protocol;
  p.icmp_type = f.icmp_type;
  p.has_icmp_type = f.has_icmp_type ? 1 : 0;
  p.hop_limit = hop_limit_of(f);
  return p;
}

}  // namespace vpn::test
