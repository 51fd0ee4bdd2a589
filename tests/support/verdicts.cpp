#include "tests/support/verdicts.h"

#include <map>

#include "policy_generated.h"

namespace vpn::test {
namespace {

std::uint8_t protocol_number(std::string_view name) {
  static const std::map<std::string_view, std::uint8_t> numbers{
      {"icmp", 1}, {"igmp", 2},  {"tcp", 6},    {"udp", 17},    {"gre", 47},  {"esp", 50},
      {"ipip", 4}, {"ipv6", 41}, {"l2tp", 115}, {"icmpv6", 58}, {"sctp", 132}};
  const auto it = numbers.find(name);
  return it != numbers.end() ? it->second : static_cast<std::uint8_t>(std::stoi(std::string(name)));
}

}  // namespace

policy::Address address(std::string_view text) {
  const auto a = policy::Address::parse(text);
  if (!a) throw std::runtime_error("no address: " + std::string(text));
  return *a;
}

policy::Prefix prefix(std::string_view text) {
  const auto p = policy::Prefix::parse(text);
  if (!p) throw std::runtime_error("no prefix: " + std::string(text));
  return *p;
}

F::F(std::string_view protocol_name, std::string_view to_address, int port) {
  protocol = protocol_number(protocol_name);
  remote = address(to_address);
  remote_port = static_cast<std::uint16_t>(port);
  uid = 1000;
}

F& F::by(std::string_view identifier) {
  app = identifier;
  owner = identifier == "other"          ? policy::Owner::other
          : identifier == "unattributed" ? policy::Owner::unattributed
          : identifier == "forwarded"    ? policy::Owner::forwarded
                                         : policy::Owner::app;
  return *this;
}

F& F::type(int t, int limit) {
  icmp_type = static_cast<std::uint8_t>(t);
  has_icmp_type = true;
  return hops(limit);
}

S& S::interface(std::string name, policy::InterfaceType type, std::initializer_list<std::string_view> addresses) {
  policy::InterfaceState& i = interfaces.emplace_back();
  i.name = std::move(name);
  i.type = type;
  for (const std::string_view text : addresses)
    i.addresses.emplace_back(address(text.substr(0, text.find('/'))), prefix(text).length);
  return *this;
}

S& S::resolver(std::string_view server) {
  interfaces.back().dns_server_texts.emplace_back(server);
  interfaces.back().dns_servers.push_back(address(server));
  return *this;
}

S& S::system_route(std::string_view destination) {
  system_routes.push_back({prefix(destination), {}});
  return *this;
}

S& S::tunnel(std::string id, policy::TunnelStatus status, std::string interface) {
  policy::TunnelState& t = tunnels.emplace_back();
  t.id = std::move(id);
  t.status = status;
  t.interface = std::move(interface);
  return *this;
}

S& S::includes(std::initializer_list<std::string_view> routes) {
  for (const std::string_view r : routes) tunnels.back().included_routes.push_back(prefix(r));
  return *this;
}

S& S::excludes(std::initializer_list<std::string_view> routes) {
  for (const std::string_view r : routes) tunnels.back().excluded_routes.push_back(prefix(r));
  return *this;
}

S& S::endpoint(std::string_view at, std::string_view protocol, std::uint16_t port) {
  tunnels.back().endpoints.push_back({address(at), protocol_number(protocol), port});
  return *this;
}

S on_wifi() {
  S s;
  s.interface("wlan0", policy::InterfaceType::wifi, {"192.168.1.20/24", "fd00:1::20/64"}).resolver("192.168.1.1");
  s.primary("wlan0");
  return s;
}

std::string says(const policy::Policy& policy, const policy::Decision& d) {
  std::string out = std::string(to_string(d.verdict)) + " " + std::string(to_string(d.rule));
  if (d.tunnel != policy::none) out += " " + policy.body().tunnels()->Get(d.tunnel)->id()->str();
  if (d.source != policy::none) out += " @ " + policy.body().sources()->Get(d.source)->path()->str();
  return out;
}

std::string says(const policy::Policy& policy, const policy::DeviceState& state, const policy::Flow& flow) {
  return says(policy, decide(policy::Situation(policy, state), flow));
}

}  // namespace vpn::test
