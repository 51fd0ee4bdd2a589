// What is sent and where to: protocols, ports and destinations that the policies tell apart.
#include <algorithm>

#include "compiler/analyse/space_builder.h"
#include "policy/kernel/packet.h"
#include "policy/plan.h"

namespace vpn::analyse {

using policy::Address;

// --- Ports -----------------------------------------------------------------------------------------------------------

namespace {

struct Message {
  std::uint8_t protocol;
  std::uint16_t remote, local;
  std::int16_t icmp_type;
};
// The messages of S1.a and S1.b.
constexpr Message control_messages[] = {
    {VPN_UDP, 67, 68, -1},   {VPN_UDP, 547, 546, -1}, {VPN_ICMPV6, 0, 0, 133},
    {VPN_ICMPV6, 0, 0, 135}, {VPN_ICMPV6, 0, 0, 143}, {VPN_IGMP, 0, 0, -1},
};
// What people know stands for its class.
constexpr Message well_known[] = {{VPN_TCP, 443, 0, -1}, {VPN_UDP, 443, 0, -1}, {VPN_TCP, 80, 0, -1},
                                  {VPN_UDP, 53, 0, -1},  {VPN_TCP, 53, 0, -1},  {VPN_ICMP, 0, 0, 8},
                                  {VPN_UDP, 500, 0, -1}, {VPN_UDP, 5353, 0, -1}};

/// The class of a protocol and remote port in the ranges of KernelClasses::port_ranges().
std::uint32_t class_at(std::span<const std::uint64_t> ranges, std::uint32_t key) {
  const auto it = std::upper_bound(ranges.begin(), ranges.end(), std::uint64_t{key} << 32 | 0xffffffffu);
  return static_cast<std::uint32_t>(*(it - 1));
}

bool is_within(const PortRange& range, std::uint8_t protocol, std::uint16_t port) {
  if (range.protocol == 0 ? protocol != VPN_TCP && protocol != VPN_UDP : protocol != range.protocol) return false;
  return port >= range.first && port <= range.last;
}

}  // namespace

void SpaceBuilder::classify_ports() {
  std::vector<std::uint32_t> starts;
  for (const policy::KernelClasses& c : classes_)
    for (const std::uint64_t range : c.port_ranges()) starts.push_back(static_cast<std::uint32_t>(range >> 32));
  for (const PortRange& r : space_.refinement_.ports) {
    for (const std::uint32_t protocol : {std::uint32_t{VPN_TCP}, std::uint32_t{VPN_UDP}, std::uint32_t{r.protocol}}) {
      starts.push_back(protocol << 16 | r.first);
      starts.push_back((protocol << 16 | r.last) + 1);
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  std::map<ClassKey, std::uint32_t> numbers;
  std::vector<Port>& ports = space_.ports_;
  const auto class_of = [&](std::uint32_t start) {
    ClassKey key;
    for (const policy::KernelClasses& c : classes_) key.push_back(class_at(c.port_ranges(), start));
    const auto protocol = static_cast<std::uint8_t>(start >> 16);
    for (const PortRange& r : space_.refinement_.ports)
      key.push_back(is_within(r, protocol, static_cast<std::uint16_t>(start)) ? 1 : 0);
    return key;
  };
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::uint32_t start = starts[i], end = i + 1 < starts.size() ? starts[i + 1] : 256u << 16;
    if (start >= 256u << 16) break;
    const auto [it, is_new] = numbers.try_emplace(class_of(start), static_cast<std::uint32_t>(ports.size()));
    if (is_new) ports.push_back({static_cast<std::uint8_t>(start >> 16), static_cast<std::uint16_t>(start), 0, {}, {}});
    // A range may go over several protocols that no rule tells apart.
    for (std::uint32_t from = start; from < end;) {
      const std::uint32_t protocol = from >> 16, last = std::min(end - 1, protocol << 16 | 0xffffu);
      ports[it->second].ranges.push_back(
          {static_cast<std::uint8_t>(protocol), static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(last)});
      from = last + 1;
    }
  }
  const auto holds = [](const Port& p, const Message& m) {
    return std::any_of(p.ranges.begin(), p.ranges.end(), [&](const PortRange& r) {
      return r.protocol == m.protocol && r.first <= m.remote && r.last >= m.remote;
    });
  };
  const auto first_known = [&](const Port& p) {
    return std::find_if(std::begin(well_known), std::end(well_known), [&](const Message& m) { return holds(p, m); });
  };
  // What people know comes first: the first of what is alike is what they are shown.
  std::stable_sort(ports.begin(), ports.end(),
                   [&](const Port& a, const Port& b) { return first_known(a) < first_known(b); });
  for (Port& p : ports) {
    const Message* m = first_known(p);
    if (m == std::end(well_known)) continue;
    p.protocol = m->protocol;
    p.remote = m->remote;
    if (m->icmp_type >= 0) p.icmp_type = static_cast<std::uint8_t>(m->icmp_type);
  }
  if (count() > 1) {
    // Where neither S3 nor S5 drops it, it is judged as the flow back is, like all that arrives.
    constexpr std::uint8_t gre = 47;
    ports.emplace_back(Port{gre, 0, 0, {}, {}}).arrives = true;
  }
  for (const Message& m : control_messages) {
    Port& made = ports.emplace_back(Port{m.protocol, m.remote, m.local, {}, {}});
    if (m.icmp_type >= 0) made.icmp_type = static_cast<std::uint8_t>(m.icmp_type);
  }
}

// --- Destinations ----------------------------------------------------------------------------------------------------

namespace {

// Addresses that people know for what they are.
constexpr const char* landmarks[] = {
    "203.0.113.80", "192.168.1.77",     "127.0.0.1",   "192.168.1.20",    "10.9.1.1",        "17.249.0.10",
    "224.0.0.251",  "2001:db8:113::80", "fe80::77",    "ff02::fb",        "255.255.255.255", "ff02::1:2",
    "10.64.0.10",   "10.128.0.10",      "169.254.7.7", "239.255.255.250", "2620:149:a44::10"};

bool is_in(const std::vector<std::pair<Address, Address>>& ranges, const Address& a) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& r) { return r.first <= a && a <= r.second; });
}

/// An address of a range that looks like a host's.
Address host_in(const std::pair<Address, Address>& range) {
  Address a = range.first;
  for (int i = 0; i < 10 && a < range.second; ++i) a = policy::next(a);
  return a;
}

Place::Kind kind_of(const policy::Situation& situation, const policy::DeviceState& state, const Address& a) {
  const policy::Situation::Data& d = situation.data();
  const std::uint8_t* facts = d.ranges.values(d.ranges.find(a));
  if (facts[policy::dim_self] != 0) {
    const bool own = std::any_of(state.interfaces.begin(), state.interfaces.end(), [&](const auto& i) {
      return std::any_of(i.addresses.begin(), i.addresses.end(), [&](const auto& x) { return x.first == a; });
    });
    return own ? Place::Kind::self : Place::Kind::loopback;
  }
  bool is_system = false;
  for (const std::vector<policy::RoutePlan>* plans : {&d.enforced, &d.routed}) {
    for (const policy::RoutePlan& r : *plans) {
      if (facts[r.dimension] >= policy::route_excluded) return Place::Kind::routed;
      is_system |= facts[r.dimension] == policy::route_system;
    }
  }
  if (facts[policy::dim_local] != 0) return Place::Kind::local;
  for (std::uint16_t n = policy::dim_first_free; n < d.plan->dimensions; ++n)
    if (facts[n] != 0) return Place::Kind::named;
  return is_system ? Place::Kind::system_route : Place::Kind::elsewhere;
}

/// "what 'Work' includes and 'Lab' excludes".
std::string routes_label(const policy::Situation::Data& d, const std::uint8_t* facts, std::span<const Tunnel> tunnels,
                         std::size_t k) {
  std::string out;
  std::vector<std::uint32_t> said;
  for (const std::vector<policy::RoutePlan>* plans : {&d.enforced, &d.routed}) {
    for (const policy::RoutePlan& r : *plans) {
      const std::uint32_t tunnel = r.device->tunnel;
      if (facts[r.dimension] < policy::route_excluded || std::find(said.begin(), said.end(), tunnel) != said.end())
        continue;
      said.push_back(tunnel);
      for (const Tunnel& t : tunnels)
        if (t.index[k] == tunnel)
          out += (out.empty() ? "what '" : " and '") + t.name +
                 (facts[r.dimension] == policy::route_included ? "' includes" : "' excludes");
    }
  }
  return facts[policy::dim_local] != 0 ? out + " of local networks" : out;
}

/// Which tunnel's routes, or whose service, a place is about.
std::string label_of(const Place& place, const policy::Situation& situation, std::span<const Tunnel> tunnels,
                     std::size_t k) {
  const policy::Situation::Data& d = situation.data();
  const std::uint8_t* facts = d.ranges.values(d.ranges.find(place.example));
  switch (place.kind) {
    case Place::Kind::loopback:
      return "loopback";
    case Place::Kind::self:
      return "the device itself";
    case Place::Kind::local:
      return "local networks";
    case Place::Kind::system_route:
      return "networks that the system has routes to";
    case Place::Kind::elsewhere:
      return "everywhere else";
    case Place::Kind::routed:
      return routes_label(d, facts, tunnels, k);
    case Place::Kind::named:
      for (const policy::Plan::Selector& s : d.plan->selectors)
        if (s.dimension != 0 && facts[s.dimension] != 0)
          for (unsigned n = 1; n < policy::service_count; ++n)
            if ((s.service & policy::service_bit(static_cast<policy::Service>(n))) != 0)
              return "the servers of " + std::string(to_string(static_cast<policy::Service>(n)));
      break;
  }
  return place.example.to_string();
}

/// One address family's starts of ranges, of all tables and prefixes together. What embeds IPv4 has ranges of its own.
std::vector<Address> starts_of(const std::vector<const policy::RangeTable*>& tables,
                               const std::vector<policy::Prefix>& prefixes, bool v6) {
  std::vector<Address> out;
  for (const policy::RangeTable* t : tables)
    t->for_each_range(v6, [&](const Address& first, std::uint32_t) { out.push_back(first); });
  const auto add = [&](const policy::Prefix& p) {
    if (p.base.v6 != v6) return;
    out.push_back(p.first());
    if (p.last() != policy::highest(v6)) out.push_back(policy::next(p.last()));
  };
  for (const policy::Prefix& p : prefixes) add(p);
  for (const policy::Prefix& p : policy::embedding_prefixes) add(p);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

// A state in which all that any state tells apart is there at once: an interface, and every tunnel with its routes.
void SpaceBuilder::classify_places() {
  std::vector<policy::Situation> all;
  std::vector<policy::DeviceState> devices;
  const auto add = [&](const State& state) {
    for (std::size_t k = 0; k < count(); ++k) {
      devices.push_back(space_.device_state(state, k));
      all.push_back(situations_[k].in(devices.back()));
    }
  };
  if (space_.refinement_.states.empty()) {
    State fullest;
    fullest.network = 0;  // the first one is there
    fullest.statuses.assign(space_.tunnels_.size(), policy::TunnelStatus::connected);
    add(fullest);
  } else {
    for (const State& s : space_.states_) add(s);
  }
  std::vector<const policy::RangeTable*> tables;
  tables.reserve(all.size());
  for (const policy::Situation& s : all) tables.push_back(&s.data().ranges);
  std::map<ClassKey, std::size_t> numbers;
  for (const bool v6 : {false, true}) {
    const std::vector<Address> starts = starts_of(tables, space_.refinement_.prefixes, v6);
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (policy::embedded(starts[i]).v6 != v6) continue;  // judged as the IPv4 address in it
      ClassKey key;
      for (const policy::RangeTable* t : tables) key.push_back(t->find(starts[i]));
      for (const policy::Prefix& p : space_.refinement_.prefixes) key.push_back(p.contains(starts[i]) ? 1 : 0);
      const auto [it, is_new] = numbers.try_emplace(std::move(key), space_.places_.size());
      if (is_new) space_.places_.emplace_back();
      const Address last = i + 1 < starts.size() ? policy::previous(starts[i + 1]) : policy::highest(v6);
      auto& ranges = space_.places_[it->second].ranges;
      const bool touches = !ranges.empty() && ranges.back().second.v6 == v6 &&
                           ranges.back().second != policy::highest(v6) &&
                           policy::next(ranges.back().second) == starts[i];
      if (touches)
        ranges.back().second = last;
      else
        ranges.emplace_back(starts[i], last);
    }
  }
  for (Place& p : space_.places_) {
    p.example = host_in(p.ranges.front());
    for (const char* text : landmarks) {
      const Address a = Address::parse(text).value_or(Address{});
      if (!is_in(p.ranges, a)) continue;
      p.example = a;
      break;
    }
    p.kind = Place::Kind::elsewhere;
    std::size_t i = 0;
    for (; i < all.size() && p.kind == Place::Kind::elsewhere; ++i) p.kind = kind_of(all[i], devices[i], p.example);
    p.label = label_of(p, all[i == 0 ? 0 : i - 1], space_.tunnels_, i == 0 ? 0 : (i - 1) % count());
  }
  std::stable_partition(space_.places_.begin(), space_.places_.end(),
                        [](const Place& p) { return p.kind == Place::Kind::elsewhere && !p.example.v6; });
}

// --- In one state ----------------------------------------------------------------------------------------------------

namespace {

/// All that the rules ask of a packet whoever sends it, besides S1: equal, equal verdicts.
class Signature {
 public:
  explicit Signature(const policy::Situation& situation) : d_(situation.data()), plan_(*d_.plan) {}

  void append(std::vector<std::uint8_t>& key, const Place& place, const Port& port) const {
    const Address remote = place.example.v6 ? policy::embedded(place.example, d_.translation()) : place.example;
    const std::uint8_t* facts = d_.ranges.values(d_.ranges.find(remote));
    const bool local = facts[policy::dim_local] != 0 && port.remote != 53 && port.remote != 853;
    key.push_back(facts[policy::dim_self]);
    key.push_back(local ? 1 : 0);
    key.push_back(port.protocol == VPN_TCP || port.protocol == VPN_UDP ? port.protocol : 0);
    for (const policy::Plan::Selector& s : plan_.selectors) {
      const bool fits = plan_.fits(s, port.protocol, port.remote) && (s.dimension == 0 || facts[s.dimension] != 0) &&
                        (!s.local_only || local);
      key.push_back(fits ? 1 : 0);
    }
    for (const std::vector<policy::RoutePlan>* plans : {&d_.enforced, &d_.routed})
      for (const policy::RoutePlan& r : *plans) key.push_back(facts[r.dimension]);
    key.push_back(port.protocol == VPN_IGMP && !remote.v6 ? 1 : 0);  // S1.b
    if (!port.ranges.empty()) return;
    key.push_back(facts[policy::dim_dhcp]);
    key.push_back(remote.v6 ? 1 : 0);
  }

 private:
  const policy::Situation::Data& d_;
  const policy::Plan& plan_;
};

}  // namespace

View::View(const Space& space, const State& state, const View* before) : space_(&space), state_(&state) {
  for (std::size_t k = 0; k < space.policies().size(); ++k) {
    const policy::DeviceState device = space.device_state(state, k);
    if (before == nullptr)
      situations_.emplace_back(*space.policies()[k], device);
    else
      situations_.push_back(before->situations_[k].in(device));
  }
  classify();
}

void View::classify() {
  const std::span<const Place> places = space_->places();
  const std::span<const Port> ports = space_->ports();
  std::vector<Signature> signatures;
  for (const policy::Situation& s : situations_) signatures.emplace_back(s);
  std::map<std::vector<std::uint8_t>, std::uint32_t> numbers;
  traffic_of_.reserve(places.size() * ports.size());
  const Refinement& refinement = space_->refinement();
  std::vector<std::uint8_t> key;
  for (std::uint32_t place = 0; place < places.size(); ++place) {
    for (std::uint32_t port = 0; port < ports.size(); ++port) {
      key.clear();
      for (const Signature& s : signatures) s.append(key, places[place], ports[port]);
      // The messages of S1, and what a property selects, stay apart.
      for (const std::uint32_t part : {port >> 8, port & 0xffu})
        key.push_back(ports[port].ranges.empty() ? static_cast<std::uint8_t>(part) : 0);
      key.push_back(ports[port].ranges.empty() ? 1 : 0);
      for (const policy::Prefix& p : refinement.prefixes) key.push_back(p.contains(places[place].example) ? 1 : 0);
      for (const PortRange& r : refinement.ports)
        key.push_back(is_within(r, ports[port].protocol, ports[port].remote) ? 1 : 0);
      const auto [it, is_new] = numbers.try_emplace(key, static_cast<std::uint32_t>(traffic_.size()));
      if (is_new) traffic_.push_back({place, port});
      traffic_of_.push_back(it->second);
    }
  }
}

ClassKey View::shared_key() const {
  const Network* network = state_->given == policy::none ? &space_->networks()[state_->network] : nullptr;
  ClassKey key{state_->given, network != nullptr && network->present ? 1u : 0u,
               network == nullptr ? 0 : static_cast<std::uint64_t>(network->interface.type), state_->captive ? 1u : 0u,
               state_->default_routes.size()};
  key.insert(key.end(), state_->default_routes.begin(), state_->default_routes.end());
  for (std::size_t t = 0; t < state_->statuses.size(); ++t)
    if (space_->tunnels()[t].is_asked_by_all) key.push_back(static_cast<std::uint64_t>(state_->statuses[t]));
  for (const policy::Situation& s : situations_) {
    const policy::Situation::Data& d = s.data();
    key.push_back(d.engaged == nullptr ? policy::none : d.engaged->tunnel);
  }
  return key;
}

std::uint32_t View::traffic_of(std::size_t place, std::size_t port) const {
  return traffic_of_[place * space_->ports().size() + port];
}

policy::Decision View::decide(std::size_t k, const Who& who, const Traffic& traffic,
                              std::vector<policy::Passed>* passed) const {
  policy::Flow flow = space_->flow(who, space_->places()[traffic.place], space_->ports()[traffic.port], *state_);
  flow.domain = who.members.empty() ? policy::DomainClass{0} : space_->hosts()[who.members.front().host].classes[k];
  return policy::decide(situations_[k], flow, passed);
}

}  // namespace vpn::analyse
