#include "compiler/report/states.h"

#include <algorithm>
#include <array>

#include "compiler/analyse/networks.h"
#include "compiler/report/words.h"
#include "policy/ascii.h"
#include "policy/on_demand.h"

namespace vpn::report {
namespace {

using policy::Address;
using policy::Prefix;
using policy::TunnelStatus;

constexpr std::size_t most_networks = 12;

Prefix prefix(const char* text) { return Prefix::parse(text).value_or(Prefix{}); }

Network wifi(std::string title) {
  Network out{std::move(title), {}};
  policy::InterfaceState& i = out.device.interfaces.emplace_back();
  i.name = out.device.primary_interface = example::wifi;
  i.type = policy::InterfaceType::wifi;
  i.addresses = {{address_of(example::address), std::uint8_t{24}}, {address_of(example::address6), std::uint8_t{64}}};
  i.dhcp_server = address_of(example::router);
  i.dns_servers = {address_of(example::router), address_of(example::router6)};
  i.dns_server_texts = {example::router, example::router6};
  return out;
}

Network cellular(std::string title) {
  Network out{std::move(title), {}};
  policy::InterfaceState& i = out.device.interfaces.emplace_back();
  i.name = out.device.primary_interface = example::cellular;
  i.type = policy::InterfaceType::cellular;
  i.addresses = {{address_of("100.64.3.20"), std::uint8_t{32}}, {address_of("2001:db8:64::20"), std::uint8_t{64}}};
  i.dhcp_server = address_of(example::router);  // beyond the link: a relay's
  return out;
}

bool is_ordinary(const analyse::Network& network) {
  return network.rules[0] == policy::none && network.describe() == "Wi-Fi";
}

std::string network_title(const analyse::Network& network, const fb::OnDemandRule* rule, bool is_first) {
  constexpr std::size_t longest = 36;  // of what a column can head
  if (is_ordinary(network)) return is_first ? "Wi-Fi" : "Other Wi-Fi";
  if (rule == nullptr) return "Network that no rule fits";
  const std::vector<std::string> asked = criteria(*rule);
  const std::string title = asked.empty() ? "Any other network" : joined(asked, ", ", ", ");
  return title.size() > longest ? "Network of rule " + std::to_string(network.rules[0] + 1) : title;
}

/// The analysis' example of a network, with the addresses that the page's networks have.
Network furnished(const analyse::Network& of, const fb::OnDemand* on_demand, bool is_first) {
  const fb::OnDemandRule* const wanted = of.rules[0] == policy::none ? nullptr : on_demand->rules()->Get(of.rules[0]);
  std::string title = network_title(of, wanted, is_first);
  Network out =
      of.interface.type == policy::InterfaceType::cellular ? cellular(std::move(title)) : wifi(std::move(title));
  policy::InterfaceState& i = out.device.interfaces[0];
  i.type = of.interface.type;
  i.ssid = of.interface.ssid;
  i.search_domains = of.interface.search_domains;
  out.device.url_probes = of.url_probes;
  // The ordinary resolver, but where a rule asks for another, or for none such.
  if (of.interface.dns_servers.empty() && policy::matching_rule(on_demand, out.device) == wanted) return out;
  i.dns_servers = of.interface.dns_servers;
  i.dns_server_texts = of.interface.dns_server_texts;
  return out;
}

std::string status_word(TunnelStatus status) {
  std::string out(to_string(status));
  return status == TunnelStatus::invalid ? out + " (not set up)" : out;
}

/// Gives every one of the tunnels a status, and what a connected one has.
void set_tunnels(const policy::Policy& policy, const std::vector<std::uint32_t>& tunnels, TunnelStatus status,
                 bool guess_routes, bool all_routes, policy::DeviceState& device) {
  for (const std::uint32_t t : tunnels) {
    policy::TunnelState& s = device.tunnels.emplace_back();
    s.id = policy.body().tunnels()->Get(t)->id()->str();
    s.status = status;
    s.endpoints = {{address_of(example::server), 17, 4500}, {address_of(example::server6), 17, 4500}};
    if (status != TunnelStatus::connected && status != TunnelStatus::reasserting) continue;
    s.interface = "utun" + std::to_string(t);
    if (!guess_routes) continue;
    s.included_routes = {prefix(example::included), prefix(example::included6)};
    s.excluded_routes = {prefix(example::excluded), prefix(example::excluded6)};
    if (all_routes) s.included_routes.insert(s.included_routes.end(), {prefix("0.0.0.0/0"), prefix("::/0")});
  }
}

/// The one of the flow's family, else any.
template <class Things, class IsV6>
const typename Things::value_type* fitting(const Things& things, bool v6, const IsV6& is_v6) {
  const auto it = std::find_if(things.begin(), things.end(), [&](const auto& t) { return is_v6(t) == v6; });
  return it != things.end() ? &*it : things.empty() ? nullptr : &things.front();
}

/// Another address in each of the interface's networks.
std::vector<Address> neighbours(const policy::InterfaceState& interface) {
  std::vector<Address> out;
  for (const auto& [own, length] : interface.addresses) {
    const Prefix network = Prefix::of(own, length);
    for (const std::uint64_t offset : {std::uint64_t{50}, std::uint64_t{1}, std::uint64_t{2}}) {
      Address a = network.base;
      a.low += offset;
      if (a == own || a == network.last() || !network.contains(a)) continue;
      out.push_back(a);
      break;
    }
  }
  return out;
}

std::vector<policy::Endpoint> endpoints(const policy::DeviceState& device, std::string_view of) {
  std::vector<policy::Endpoint> out;
  for (const policy::TunnelState& t : device.tunnels)
    if (of.empty() || ascii::equal_without_case(of, t.id))
      out.insert(out.end(), t.endpoints.begin(), t.endpoints.end());
  return out;
}

}  // namespace

void ask_at_home(const policy::DeviceState& device, policy::Flow& flow) {
  static const Address neighbour[] = {address_of(example::neighbour), address_of(example::neighbour6)};
  static const Address router[] = {address_of(example::router), address_of(example::router6)};
  static const Address server[] = {address_of(example::server), address_of(example::server6)};
  if (!flow.scope.empty() && !device.primary_interface.empty()) flow.scope = device.primary_interface;
  const bool v6 = flow.remote.v6;
  if (flow.remote == server[v6 ? 1 : 0]) {
    const std::vector<policy::Endpoint> known = endpoints(device, flow.provider_of);
    const auto* to = fitting(known, v6, [](const policy::Endpoint& e) { return e.address.v6; });
    if (to == nullptr) return;
    flow.remote = to->address;
    flow.protocol = to->protocol;
    flow.remote_port = to->port;
    return;
  }
  const policy::InterfaceState* const primary = policy::primary_interface(device);
  if (primary == nullptr) return;
  std::vector<Address> known;
  if (flow.remote == router[v6 ? 1 : 0]) known = primary->dns_servers;
  if (flow.remote == router[v6 ? 1 : 0] && flow.remote_port == 67) {
    known = neighbours(*primary);
    if (primary->dhcp_server) known = {*primary->dhcp_server};
  }
  if (flow.remote == neighbour[v6 ? 1 : 0]) known = neighbours(*primary);
  if (const Address* to = fitting(known, v6, [](const Address& a) { return a.v6; })) flow.remote = *to;
}

policy::Address address_of(std::string_view text) { return Address::parse(text).value_or(Address{}); }

Networks networks(const fb::OnDemand* on_demand) {
  if (on_demand != nullptr && !on_demand->enabled()) on_demand = nullptr;  // tells nothing apart
  Networks out;
  std::vector<std::pair<const fb::OnDemandRule*, policy::InterfaceType>> seen;
  const auto add = [&](Network network) {
    const auto what = std::pair(policy::matching_rule(on_demand, network.device), network.device.interfaces[0].type);
    if (std::find(seen.begin(), seen.end(), what) != seen.end()) return;
    seen.push_back(what);
    out.all.push_back(std::move(network));
  };
  auto made = analyse::networks({&on_demand, 1}, {});
  if (!made) {
    out.note = "Networks are not told apart by on-demand rules here: " + made.error().what + ".";
  } else {
    std::stable_sort(made->begin(), made->end(), [](const auto& a, const auto& b) { return a.rules[0] < b.rules[0]; });
    std::size_t left_out = 0;
    for (const analyse::Network& one : *made) {
      if (!one.present) continue;
      if (out.all.size() >= most_networks && !is_ordinary(one)) {
        ++left_out;
      } else {
        add(furnished(one, on_demand, out.all.empty()));
      }
    }
    if (left_out != 0)
      out.note = "The rules tell " + counted(left_out, "more network", "more networks") +
                 " apart than these: `vpnprofile explain` answers for each.";
  }
  add(wifi(out.all.empty() ? "Wi-Fi" : "Other Wi-Fi"));
  add(cellular("Cellular"));
  return out;
}

std::vector<State> states(const policy::Policy& policy, const std::vector<std::uint32_t>& tunnels,
                          const std::vector<Network>& networks, bool guess_routes) {
  constexpr std::array statuses{TunnelStatus::connected,     TunnelStatus::reasserting,  TunnelStatus::connecting,
                                TunnelStatus::disconnecting, TunnelStatus::disconnected, TunnelStatus::invalid};
  std::vector<State> out;
  const auto said = [&](TunnelStatus status) { return tunnels.empty() ? "without a VPN" : status_word(status); };
  const auto add = [&](const Network& network, TunnelStatus status, bool all_routes, std::string word) {
    State& s =
        out.emplace_back(State{network.title, std::move(word), network.device, status == TunnelStatus::connected});
    set_tunnels(policy, tunnels, status, guess_routes, all_routes, s.device);
  };
  for (const TunnelStatus status : statuses) {
    if (tunnels.empty() && status != TunnelStatus::disconnected) continue;  // nothing has a status
    for (const Network& network : networks) add(network, status, false, said(status));
    if (status != TunnelStatus::connected || !guess_routes) continue;
    for (const Network& network : networks) add(network, status, true, "connected with default routes");
  }
  Network captive = wifi(captive_portal);
  captive.device.captive = true;
  if (!tunnels.empty()) add(captive, TunnelStatus::connecting, false, said(TunnelStatus::connecting));
  add(captive, TunnelStatus::disconnected, false, said(TunnelStatus::disconnected));
  out.push_back({no_network, "starting up", {}, false, false});
  return out;
}

}  // namespace vpn::report
