#include "compiler/report/states.h"

#include <algorithm>
#include <array>

#include "compiler/report/words.h"
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
  return out;
}

/// A network made to meet all that the rule asks for.
Network fitting(const fb::OnDemandRule& rule, std::uint32_t index) {
  constexpr std::size_t longest = 36;
  const std::vector<std::string> asked = criteria(rule);
  std::string title = asked.empty() ? "Any other network" : joined(asked, ", ", ", ");
  if (title.size() > longest) title = "Network of rule " + std::to_string(index + 1);
  Network out = rule.interface_type() == static_cast<std::uint8_t>(policy::InterfaceType::cellular) ? cellular(title)
                                                                                                    : wifi(title);
  policy::InterfaceState& i = out.device.interfaces[0];
  if (rule.interface_type() != 255) i.type = static_cast<policy::InterfaceType>(rule.interface_type());
  if (rule.ssids() != nullptr && rule.ssids()->size() != 0) i.ssid = rule.ssids()->Get(0)->str();
  if (rule.dns_domains() != nullptr && rule.dns_domains()->size() != 0) {
    std::string domain = rule.dns_domains()->Get(0)->str();
    if (domain.starts_with("*.")) domain.replace(0, 1, "office");
    i.search_domains = {domain};
  }
  if (rule.dns_servers() != nullptr && rule.dns_servers()->size() != 0) {
    std::string server = rule.dns_servers()->Get(0)->str();
    if (const auto star = server.find('*'); star != std::string::npos) server.replace(star, 1, "1");
    i.dns_server_texts = {server};
    if (const auto known = Address::parse(server)) i.dns_servers = {*known};
  }
  if (rule.url_probe() != nullptr) out.device.url_probes[rule.url_probe()->str()] = 200;
  return out;
}

const char* status_word(TunnelStatus status) {
  constexpr const char* words[] = {"invalid (not set up)", "disconnected", "connecting", "connected",
                                   "reasserting",          "disconnecting"};
  return words[static_cast<std::size_t>(status)];
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

}  // namespace

policy::Address address_of(std::string_view text) { return Address::parse(text).value_or(Address{}); }

std::vector<Network> networks(const fb::OnDemand* on_demand) {
  std::vector<Network> out;
  std::vector<std::pair<const fb::OnDemandRule*, policy::InterfaceType>> seen;
  const auto add = [&](Network network) {
    const auto what = std::pair(policy::matching_rule(on_demand, network.device), network.device.interfaces[0].type);
    if (std::find(seen.begin(), seen.end(), what) != seen.end()) return;
    seen.push_back(what);
    out.push_back(std::move(network));
  };
  for (std::uint32_t i = 0; on_demand != nullptr && on_demand->rules() != nullptr && i < on_demand->rules()->size();
       ++i) {
    const fb::OnDemandRule& rule = *on_demand->rules()->Get(i);
    Network network = fitting(rule, i);
    // What an earlier rule takes, or what never fits, has no network of its own.
    if (policy::matching_rule(on_demand, network.device) == &rule) add(std::move(network));
    if (out.size() == most_networks) break;
  }
  add(wifi(out.empty() ? "Wi-Fi" : "Other Wi-Fi"));
  add(cellular("Cellular"));
  return out;
}

std::vector<State> states(const policy::Policy& policy, const std::vector<std::uint32_t>& tunnels,
                          const fb::OnDemand* on_demand, bool guess_routes) {
  constexpr std::array statuses{TunnelStatus::connected,     TunnelStatus::reasserting,  TunnelStatus::connecting,
                                TunnelStatus::disconnecting, TunnelStatus::disconnected, TunnelStatus::invalid};
  std::vector<State> out;
  const std::vector<Network> all = networks(on_demand);
  const auto add = [&](const Network& network, TunnelStatus status, bool all_routes, std::string word) {
    State& s =
        out.emplace_back(State{network.title, std::move(word), network.device, status == TunnelStatus::connected});
    set_tunnels(policy, tunnels, status, guess_routes, all_routes, s.device);
  };
  for (const TunnelStatus status : statuses) {
    for (const Network& network : all) add(network, status, false, status_word(status));
    if (status != TunnelStatus::connected || !guess_routes) continue;
    for (const Network& network : all) add(network, status, true, "connected with default routes");
  }
  Network captive = wifi(captive_portal);
  captive.device.captive = true;
  add(captive, TunnelStatus::connecting, false, "connecting");
  add(captive, TunnelStatus::disconnected, false, "disconnected");
  out.push_back({no_network, "starting up", {}, false});
  return out;
}

}  // namespace vpn::report
