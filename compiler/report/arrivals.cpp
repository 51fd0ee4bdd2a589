#include "compiler/report/arrivals.h"

#include <algorithm>
#include <array>

#include "compiler/report/states.h"
#include "compiler/report/traffic.h"
#include "policy/ascii.h"

namespace vpn::report {
namespace {

constexpr std::uint8_t icmp = 1, ip_in_ip = 4, tcp = 6, udp = 17, gre = 47, icmp6 = 58;

class Arrivals {
 public:
  /// `sender`: whose alone they are; none: everybody's but those.
  policy::Flow& add(const char* title, const char* from, std::uint8_t protocol, std::uint16_t port,
                    Item::Way way = Item::Way::by_network, std::uint32_t sender = policy::none) {
    Item& item = out_.emplace_back();
    item.title = title;
    item.way = way;
    item.sender = sender;
    item.flow.incoming = true;
    item.flow.protocol = protocol;
    item.flow.remote = address_of(from);
    item.flow.remote_port = port;
    return item.flow;
  }
  void both(const char* title, std::array<const char*, 2> from, std::uint8_t protocol, std::uint16_t port,
            Item::Way way = Item::Way::by_network, std::uint32_t sender = policy::none) {
    for (const char* f : from) add(title, f, protocol, port, way, sender);
  }
  void message(const char* title, const char* from, std::uint8_t protocol, std::uint8_t type,
               std::uint32_t sender = policy::none) {
    policy::Flow& f = add(title, from, protocol, 0, Item::Way::by_network, sender);
    f.icmp_type = type;
    f.has_icmp_type = true;
  }
  std::vector<Item> take() {
    for (Item& item : out_) item.sample = "from " + sample_of(item.flow);
    return std::move(out_);
  }

 private:
  std::vector<Item> out_;
};

using Pair = std::array<const char*, 2>;
constexpr Pair internet{example::host, example::host6}, neighbour{example::neighbour, example::neighbour6},
    resolver{example::router, example::router6}, server{example::server, example::server6},
    included{example::in_included, example::in_included6}, excluded{example::in_excluded, example::in_excluded6};

void add_ordinary(Arrivals& out, bool routes) {
  constexpr auto by_tunnel = Item::Way::by_tunnel;
  out.both("From the internet", internet, tcp, 443);
  out.both("From the internet", internet, udp, 3478);
  out.both("From the local network", neighbour, tcp, 445);
  out.both("Answers of the network\u2019s resolver", resolver, udp, 53);
  if (routes) {
    out.both("From routes that the provider brings", included, tcp, 443);
    out.both("From routes that the provider excludes", excluded, tcp, 443);
  }
  out.both("From the VPN server\u2019s address, to an app", server, udp, 4500);
  out.both("Encapsulated packets (GRE)", internet, gre, 0);
  out.both("Encapsulated packets (IP in IP)", internet, ip_in_ip, 0);
  out.both("From the internet, out of the tunnel", internet, tcp, 443, by_tunnel);
  out.both("From the internet, out of the tunnel", internet, udp, 3478, by_tunnel);
  out.both("From addresses of the local network, out of the tunnel", neighbour, tcp, 445, by_tunnel);
  if (routes) {
    out.both("From routes that the provider brings, out of the tunnel", included, tcp, 443, by_tunnel);
    out.both("From routes that the provider excludes, out of the tunnel", excluded, tcp, 443, by_tunnel);
  }
}

}  // namespace

std::vector<Item> arrivals(const std::vector<Sender>& receivers, bool routes) {
  Arrivals made;
  add_ordinary(made, routes);
  for (std::uint32_t s = 0; s < receivers.size(); ++s) {
    const Sender& sender = receivers[s];
    if (!sender.is_system) continue;
    if (!sender.as.provider_of.empty()) {
      made.both("From its own server", server, udp, 4500, Item::Way::by_network, s);
    } else if (sender.as.owner == policy::Owner::forwarded) {
      for (const auto& [from, port, own] :
           {std::tuple(example::router, std::uint16_t{67}, std::uint16_t{68}), {"fe80::1", 547, 546}})
        made.add("Address assignment (DHCP)", from, udp, port, Item::Way::by_network, s).local_port = own;
      made.message("IPv6 neighbour discovery", "fe80::1", icmp6, 136, s);
      made.message("Router advertisements", "fe80::1", icmp6, 134, s);
      made.message("Redirects to another router", example::router, icmp, 5, s);
      made.message("Redirects to another router", "fe80::1", icmp6, 137, s);
    }
  }
  return made.take();
}

std::optional<policy::Flow> arriving(const policy::Situation& situation, const Item& item, const Sender& receiver,
                                     const State& state) {
  policy::Flow out = flow_of(item, receiver, state);
  if (item.way == Item::Way::by_network) {
    out.arrives_on = state.device.primary_interface;
  } else {
    policy::Flow answer = out;
    answer.incoming = false;
    const std::uint32_t through = decide(situation, answer).tunnel;
    const auto* tunnels = situation.policy().body().tunnels();
    for (const policy::TunnelState& t : state.device.tunnels) {
      const bool is_own =
          through != policy::none && ascii::equal_without_case(tunnels->Get(through)->id()->string_view(), t.id);
      if (!t.interface.empty() && (is_own || out.arrives_on.empty())) out.arrives_on = t.interface;
      if (is_own) break;
    }
  }
  if (out.arrives_on.empty()) return std::nullopt;
  return out;
}

}  // namespace vpn::report
