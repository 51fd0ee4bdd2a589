#include "compiler/analyse/examples.h"

#include "policy/kernel/packet.h"

namespace vpn::analyse {

unsigned cost_of(const Space& space, const State& state) {
  if (state.given != policy::none) return state.given;
  const Network& network = space.networks()[state.network];
  unsigned cost = network.present ? 0 : 3;
  cost += static_cast<unsigned>(2 * (network.interface.search_domains.size() +
                                     network.interface.dns_server_texts.size() + network.url_probes.size()));
  cost += network.interface.ssid.empty() ? 0u : 2u;
  cost += network.interface.type == policy::InterfaceType::wifi ? 0 : 1;
  cost += state.captive ? 2 : 0;
  cost += static_cast<unsigned>(state.default_routes.size());
  for (const policy::TunnelStatus s : state.statuses)
    cost += s == policy::TunnelStatus::disconnected ? 0 : s == policy::TunnelStatus::invalid ? 5 : 2;
  return cost;
}

unsigned cost_of(const Space& space, const Who& who) {
  unsigned cost = who.scoped ? 2 : 0;
  cost += who.owner == policy::Owner::other ? 0 : who.owner == policy::Owner::app ? 1 : 2;
  if (who.members.empty()) return cost;
  const Who::Member& m = who.members.front();
  cost += space.spawners()[m.spawner].example.empty() ? 0u : 2u;
  cost += space.hosts()[m.host].example.empty() ? 0u : 1u;
  return cost;
}

unsigned cost_of(const Space& space, const View::Traffic& traffic) {
  const Place& place = space.places()[traffic.place];
  unsigned cost = place.kind == Place::Kind::elsewhere ? 0 : 1;
  cost += place.example.v6 ? 1 : 0;
  const Port& port = space.ports()[traffic.port];
  cost += port.protocol == VPN_TCP && port.remote == 443 ? 0 : 1;
  return cost;
}

namespace {

class Smaller {
 public:
  Smaller(policy::DeviceState state, const std::function<bool(const policy::DeviceState&)>& still_shows)
      : state_(std::move(state)), still_shows_(still_shows) {}

  policy::DeviceState run() {
    attempt([](auto& s) { s.system_routes.clear(); });
    for (std::size_t i = 0; i < state_.interfaces.size(); ++i) {
      attempt([&](auto& s) { s.interfaces[i].addresses.clear(); });
      for (std::size_t a = state_.interfaces[i].addresses.size(); a-- > 0;)
        attempt([&](auto& s) { s.interfaces[i].addresses.erase(s.interfaces[i].addresses.begin() + ptrdiff_t(a)); });
    }
    for (std::size_t t = 0; t < state_.tunnels.size(); ++t) {
      for (const Routes routes : {&policy::TunnelState::included_routes, &policy::TunnelState::excluded_routes}) {
        attempt([&](auto& s) { (s.tunnels[t].*routes).clear(); });
        for (std::size_t r = (state_.tunnels[t].*routes).size(); r-- > 0;)
          attempt([&](auto& s) { (s.tunnels[t].*routes).erase((s.tunnels[t].*routes).begin() + ptrdiff_t(r)); });
      }
      attempt([&](auto& s) { s.tunnels[t].endpoints.clear(); });
    }
    return std::move(state_);
  }

 private:
  using Routes = std::vector<policy::Prefix> policy::TunnelState::*;

  template <class Change>
  void attempt(const Change& change) {
    policy::DeviceState smaller = state_;
    change(smaller);
    if (still_shows_(smaller)) state_ = std::move(smaller);
  }

  policy::DeviceState state_;
  const std::function<bool(const policy::DeviceState&)>& still_shows_;
};

}  // namespace

policy::DeviceState smaller_state(policy::DeviceState state,
                                  const std::function<bool(const policy::DeviceState&)>& still_shows) {
  return Smaller(std::move(state), still_shows).run();
}

}  // namespace vpn::analyse
