// The route plan against the kernel's table: where longest match leads is where the verdict lets a packet leave.
#include "agent/datapath/route_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "tests/support/kernel_reader.h"
#include "tests/support/random_world.h"

namespace vpn::test {
namespace {

using agent::Gateway;
using agent::NetworkFacts;
using agent::NetworkLink;
using agent::plan_routes;
using agent::Route;
using agent::RouteKind;
using agent::RouteOptions;
using agent::RoutePlan;
using agent::RouteRule;
using agent::RouteTable;
using agent::socket_mark;
using policy::Address;
using policy::KernelClasses;
using policy::KernelTable;
using policy::Prefix;
using policy::Situation;
using policy::Verdict;

std::uint64_t worlds() {
  const char* given = std::getenv("VPN_TEST_WORLDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 150;
}

/// What the kernel would do, as far as a plan goes: rules by priority, longest match, `throw`.
class Kernel {
 public:
  explicit Kernel(const RoutePlan& plan) : plan_(plan) {
    for (const RouteTable& t : plan.tables) {
      EXPECT_TRUE(std::is_sorted(t.routes.begin(), t.routes.end(), [](const Route& a, const Route& b) {
        return std::pair(a.destination, a.metric) < std::pair(b.destination, b.metric);
      }));
      for (const Route& r : t.routes) tables_[t.number][r.destination].push_back(r);
    }
    for (const RouteRule& r : plan.rules) {
      const bool all_ports = r.first_port == 0 && r.last_port == 0xffff;
      EXPECT_TRUE(all_ports || (r.first_port > 0 && r.last_port < 0xffff)) << "no range for fib_nl2rule()";
    }
  }

  /// The route that a packet takes; one that passes when our rules leave it to others'.
  Route find(const Address& to, std::uint32_t mark, std::uint8_t protocol, std::uint16_t port,
             std::uint16_t source_port, bool arrived = false, std::optional<Address> source = {}) const {
    std::uint32_t from = 0;
    for (const RouteRule& r : plan_.rules) {
      if (r.priority < from || r.v6 != to.v6 || (r.arrived && !arrived)) continue;
      if (r.source && r.source != source) continue;
      if (r.mark && *r.mark != (r.whole_mark ? mark : mark & plan_.mark_mask)) continue;
      if (r.protocol != 0 && r.protocol != protocol) continue;
      if (port < r.first_port || port > r.last_port) continue;
      if (r.source_port != 0 && r.source_port != source_port) continue;
      if (r.action == RouteRule::Action::go_to) {
        EXPECT_GT(r.target, r.priority);
        from = r.target;
      }
      if (r.action != RouteRule::Action::table) continue;
      const Route route = longest(r.target, to);
      if (route.kind != RouteKind::pass) return route;
    }
    return passed();
  }

 private:
  static Route passed() {
    Route r;
    r.kind = RouteKind::pass;
    return r;
  }

  Route longest(std::uint32_t table, const Address& to) const {
    const auto it = tables_.find(table);
    EXPECT_NE(it, tables_.end()) << "a rule to a table that is not there";
    for (int length = to.v6 ? 128 : 32; length >= 0; --length) {
      const auto found = it->second.find(Prefix::of(to, static_cast<std::uint8_t>(length)));
      if (found != it->second.end()) return found->second.front();  // lowest metric
    }
    return passed();
  }

  const RoutePlan& plan_;
  std::map<std::uint32_t, std::map<Prefix, std::vector<Route>>> tables_;
};

NetworkFacts random_facts(Random& random, const RandomWorld& world) {
  NetworkFacts facts;
  for (const policy::InterfaceState& i : world.state.interfaces) {
    NetworkLink link;
    link.index = world.indexes.at(i.name);
    for (const auto& [address, length] : i.addresses) link.on_link.push_back(Prefix::of(address, length));
    if (random.chance(80)) link.v4 = Gateway{};
    if (random.chance(70)) link.v6 = Gateway{};
    if (link.v4 && random.chance(80)) link.v4->via = address("192.168.1.1");
    if (link.v6 && random.chance(80)) link.v6->via = address("fe80::1");
    if (i.name == world.state.primary_interface) facts.primary = link.index;
    facts.links.push_back(std::move(link));
  }
  return facts;
}

/// The link whose on-link prefix is the longest match, of `only` where it is not 0; null: none.
const NetworkLink* on_link(const NetworkFacts& facts, const Address& to, std::uint32_t only) {
  const NetworkLink* best = nullptr;
  int longest = -1;
  for (const NetworkLink& l : facts.links) {
    if (only != 0 && l.index != only) continue;
    for (const Prefix& p : l.on_link) {
      if (!p.contains(to)) continue;
      if (p.length < longest || (p.length == longest && l.index != facts.primary)) continue;
      longest = p.length;
      best = &l;
    }
  }
  return best;
}

Route by_interface(std::uint32_t index) {
  Route r;
  r.kind = index == 0 ? RouteKind::refuse : RouteKind::interface;
  r.interface = index;
  return r;
}

/// The route that a verdict asks for.
Route wanted(const KernelVerdict& v, const Address& to, const KernelReader& reader, const NetworkFacts& facts) {
  Route refused;
  if (prefix("fe80::/10").contains(to)) refused.kind = RouteKind::pass;  // S1.b
  const auto or_refused = [&](Route r) { return r.kind == RouteKind::refuse ? refused : r; };
  switch (v.verdict) {
    case Verdict::tunnel:
      return or_refused(by_interface(reader.tunnel_interface(v.tunnel)));
    case Verdict::direct: {
      if (v.place == VPN_OFF_TUNNEL) {
        const NetworkLink* link = on_link(facts, to, 0);
        return or_refused(by_interface(link != nullptr ? link->index : facts.primary));
      }
      if (facts.primary == 0) return refused;
      if (on_link(facts, to, facts.primary) != nullptr) return by_interface(facts.primary);
      const auto primary = std::find_if(facts.links.begin(), facts.links.end(),
                                        [&](const NetworkLink& l) { return l.index == facts.primary; });
      const auto& gateway = to.v6 ? primary->v6 : primary->v4;
      if (!gateway) return refused;
      Route r = by_interface(facts.primary);
      if (gateway->via) r.kind = RouteKind::gateway, r.via = *gateway->via;
      return r;
    }
    default:  // `drop` too: the packet is refused where it would leave, with the error that it should have
      refused.kind = RouteKind::pass;
      return refused;
  }
}

class RoutePlans : public testing::Test {
 protected:
  Random random;

  struct World {
    explicit World(Random& random)
        : world(random),
          policy(world.maker.make()),
          situation(policy, world.state),
          classes(*KernelClasses::of(situation)),
          table(*build_kernel_table(situation, classes, world.indexes)),
          reader(table, classes),
          facts(random_facts(random, world)),
          plan(*plan_routes(table, facts)) {}
    RandomWorld world;
    policy::Policy policy;
    Situation situation;
    KernelClasses classes;
    KernelTable table;
    KernelReader reader;
    NetworkFacts facts;
    RoutePlan plan;
  };

  /// A packet of some class that none of S0 and S1 decides, and the route that its verdict asks for.
  void expect_routed(const World& w, const Kernel& kernel) {
    vpn_packet p{};
    const Address to = embedded(w.world.remote(random), w.world.state.nat64 ? &*w.world.state.nat64 : nullptr);
    p.remote = {to.high, to.low};
    p.v6 = to.v6 ? 1 : 0;
    p.owner = static_cast<std::uint32_t>(random.below(w.classes.owner_count()));
    p.domain = static_cast<std::uint32_t>(random.below(w.classes.domain_count()));
    const auto& ports = w.table.words;
    const std::uint64_t start = ports[ports[VPN_W_PORTS] + random.below(ports[VPN_W_PORTS_COUNT])] >> 32;
    p.protocol = static_cast<std::uint8_t>(random.chance(50) ? start >> 16 : random.chance(50) ? 6 : 17);
    p.remote_port = static_cast<std::uint16_t>(start);
    p.local_port = 50000;
    p.hop_limit = 64;
    p.uid = 1000;
    const bool has_ports =
        p.protocol == 6 || p.protocol == 17 || p.protocol == 33 || p.protocol == 132 || p.protocol == 136;
    if (!has_ports) p.remote_port = p.local_port = 0;
    const KernelVerdict verdict = w.reader.judge(p);
    // The kernel's own table `local` has S0 and multicast of IPv6; IGMP has a rule of its own.
    if (verdict.rule == policy::Rule::S0 || prefix("ff00::/8").contains(to) || p.protocol == VPN_IGMP) return;
    const bool unmarked = p.owner == VPN_FORWARDED && random.chance(50);
    const std::uint32_t mark = unmarked ? 0x1234 : socket_mark(w.reader.mark(p.owner, p.domain)) | 0x1234;
    const Route got = kernel.find(to, mark, p.protocol, p.remote_port, p.local_port);
    const Route route = wanted(verdict, to, w.reader, w.facts);
    ASSERT_TRUE(got.kind == route.kind && got.interface == route.interface && got.via == route.via)
        << to.to_string() << " protocol " << int{p.protocol} << " port " << p.remote_port << " owner " << p.owner
        << " domain " << p.domain << ": " << to_string(verdict.verdict) << ' ' << to_string(verdict.rule) << " place "
        << verdict.place << "\nroute kind " << static_cast<int>(got.kind) << " interface " << got.interface << ", not "
        << static_cast<int>(route.kind) << " interface " << route.interface << "; primary " << w.facts.primary;
    ++seen[route.kind];
  }

  std::map<RouteKind, int> seen;
};

TEST_F(RoutePlans, LeadWhereVerdictsLet) {
  for (std::uint64_t i = 0; i < worlds() && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("world " + std::to_string(i));
    const World w(random);
    const Kernel kernel(w.plan);
    for (int n = 0; n < 300; ++n) ASSERT_NO_FATAL_FAILURE(expect_routed(w, kernel));
  }
  EXPECT_EQ(seen.size(), 4U) << "routes of every kind were met";
}

/// Applies changes as a writer over netlink would, with the kernel's refusals.
void apply(const agent::RouteChanges& changes, RoutePlan& plan) {
  const auto table = [&](std::uint32_t number) -> std::vector<Route>& {
    for (RouteTable& t : plan.tables)
      if (t.number == number) return t.routes;
    return plan.tables.emplace_back(RouteTable{number, {}}).routes;
  };
  const auto at = [](std::vector<Route>& routes, const Route& route) {
    return std::find_if(routes.begin(), routes.end(),
                        [&](const Route& r) { return r.destination == route.destination && r.metric == route.metric; });
  };
  for (const auto& e : changes.set_routes) {
    auto& routes = table(e.table);
    const auto it = at(routes, e.route);
    if (it != routes.end()) {
      *it = e.route;
    } else {
      routes.push_back(e.route);
    }
  }
  for (const RouteRule& r : changes.add_rules) {
    EXPECT_EQ(std::count(plan.rules.begin(), plan.rules.end(), r), 0);
    plan.rules.push_back(r);
    const bool leads_to_table =
        r.action != RouteRule::Action::table ||
        std::any_of(plan.tables.begin(), plan.tables.end(), [&](const RouteTable& t) { return t.number == r.target; });
    EXPECT_TRUE(leads_to_table);
  }
  for (const RouteRule& r : changes.remove_rules) {
    const auto it = std::find(plan.rules.begin(), plan.rules.end(), r);
    ASSERT_NE(it, plan.rules.end());
    plan.rules.erase(it);
  }
  for (const auto& e : changes.remove_routes) {
    auto& routes = table(e.table);
    const auto it = at(routes, e.route);
    ASSERT_NE(it, routes.end());
    routes.erase(it);
  }
  std::sort(plan.rules.begin(), plan.rules.end());
  std::sort(plan.tables.begin(), plan.tables.end(),
            [](const RouteTable& a, const RouteTable& b) { return a.number < b.number; });
  for (RouteTable& t : plan.tables)
    std::sort(t.routes.begin(), t.routes.end(), [](const Route& a, const Route& b) {
      return std::pair(a.destination, a.metric) < std::pair(b.destination, b.metric);
    });
  plan.tables.erase(
      std::remove_if(plan.tables.begin(), plan.tables.end(), [](const RouteTable& t) { return t.routes.empty(); }),
      plan.tables.end());
}

TEST_F(RoutePlans, ChangesLeadFromOneToTheOther) {
  for (std::uint64_t i = 0; i < worlds() / 3 && !HasFailure(); ++i) {
    const World a(random), b(random);
    RoutePlan plan = a.plan, after = b.plan;
    after.tables.erase(
        std::remove_if(after.tables.begin(), after.tables.end(), [](const RouteTable& t) { return t.routes.empty(); }),
        after.tables.end());
    apply(agent::route_changes(a.plan, b.plan), plan);
    EXPECT_EQ(plan.rules, after.rules);
    ASSERT_EQ(plan.tables.size(), after.tables.size());
    for (std::size_t t = 0; t < plan.tables.size(); ++t) {
      EXPECT_EQ(plan.tables[t].number, after.tables[t].number);
      EXPECT_EQ(plan.tables[t].routes, after.tables[t].routes);
    }
    const agent::RouteChanges none = agent::route_changes(a.plan, a.plan);
    EXPECT_TRUE(none.set_routes.empty() && none.add_rules.empty() && none.remove_rules.empty() &&
                none.remove_routes.empty());
  }
}

// --- Plans that one can read ---

std::string text(const RouteTable& table) {
  std::string out;
  for (const Route& r : table.routes) {
    if (!out.empty()) out += ", ";
    out += r.destination.to_string();
    switch (r.kind) {
      case RouteKind::interface:
        out += " dev " + std::to_string(r.interface);
        break;
      case RouteKind::gateway:
        out += " via " + r.via.to_string() + " dev " + std::to_string(r.interface);
        break;
      case RouteKind::pass:
        out += " throw";
        break;
      case RouteKind::refuse:
        out += " unreachable";
        break;
    }
  }
  return out;
}

struct Made {
  Made(PolicyMaker& maker, const S& state)
      : policy(maker.make()),
        situation(policy, state),
        classes(*KernelClasses::of(situation)),
        table(*build_kernel_table(situation, classes, {{"wlan0", 2}, {"utun0", 9}})),
        reader(table, classes) {
    facts.primary = 2;
    facts.links = {{2, {prefix("192.168.1.0/24"), prefix("fd00:1::/64")}, Gateway{address("192.168.1.1")}, {}}};
  }

  /// Routes of the table that a rule for this mark, protocol and port leads to.
  std::string routes(std::uint32_t mark, std::uint8_t protocol = 6, std::uint16_t port = 443) const {
    const RoutePlan plan = *plan_routes(table, facts);
    for (const RouteRule& r : plan.rules) {
      if ((r.mark && *r.mark != socket_mark(mark)) || r.v6 || r.action != RouteRule::Action::table) continue;
      if ((r.protocol != 0 && r.protocol != protocol) || port < r.first_port || port > r.last_port) continue;
      for (const RouteTable& t : plan.tables)
        if (t.number == r.target) return text(t);
    }
    return "no rule";
  }

  policy::Policy policy;
  Situation situation;
  KernelClasses classes;
  KernelTable table;
  KernelReader reader;
  NetworkFacts facts;
};

TEST(RoutePlan, SendsAllOfAnAlwaysOnVpnThroughItsTunnelOrNowhere) {
  PolicyMaker m;
  m.always_on_tunnel("A#0");
  m.app("a.exempt").exception_any = m.source("ApplicationExceptions[0]");
  const Made up(m, on_wifi().up("A#0", "utun0"));
  const std::uint32_t other = up.reader.mark(VPN_OTHER, 0);
  EXPECT_EQ(up.routes(other), "0.0.0.0/0 dev 9, ::/0 dev 9");
  EXPECT_EQ(up.routes(up.reader.mark(up.classes.owner(up.policy.apps().find("a.exempt"), policy::none), 0)),
            "0.0.0.0/0 via 192.168.1.1 dev 2, 169.254.0.0/16 dev 2, 192.168.1.0/24 dev 2, 224.0.0.0/24 dev 2, "
            "239.0.0.0/8 dev 2, 255.255.255.255/32 dev 2, ::/0 unreachable, fd00:1::/64 dev 2, fe80::/10 dev 2");
  const Made down(m, on_wifi().tunnel("A#0", policy::TunnelStatus::connecting, "utun0"));
  const RoutePlan plan = *plan_routes(down.table, down.facts);
  for (const char* to : {"203.0.113.5", "2001:db8::1"})
    EXPECT_EQ(Kernel(plan).find(address(to), socket_mark(other), 6, 443, 40000).kind, RouteKind::pass)
        << "refused where it would leave";
  EXPECT_EQ(down.reader.mark(VPN_OTHER, 0), other) << "marks outlive states";
}

TEST(RoutePlan, NamesTheSourceOfWhatGoesIntoATunnelByIPv6) {
  PolicyMaker m;
  m.always_on_tunnel("A#0");
  Made made(m, on_wifi().up("A#0", "utun0"));
  made.facts.sources = {{9, address("fd00:99::2")}};
  const RoutePlan plan = *plan_routes(made.table, made.facts);
  const Kernel kernel(plan);
  EXPECT_EQ(kernel.find(address("2001:db8::1"), 0, 6, 443, 40000).source, address("fd00:99::2"));
  EXPECT_EQ(kernel.find(address("203.0.113.5"), 0, 6, 443, 40000).source, std::nullopt);
}

TEST(RoutePlan, NestsRoutesWhereThatIsShorter) {
  PolicyMaker m;
  m.device("D").enforce_routes = true;
  const Made made(m, on_wifi().up("D", "utun0").includes({"10.0.0.0/8"}).excludes({"10.9.0.0/16"}));
  EXPECT_EQ(made.routes(made.reader.mark(VPN_OTHER, 0)), "10.0.0.0/8 dev 9, 10.9.0.0/16 via 192.168.1.1 dev 2");
}

TEST(RoutePlan, KnowsPortsOfTheirOwn) {
  PolicyMaker m;
  made::DeviceT& d = m.device("D");
  d.include_all = d.exclude_local = true;
  const Made made(m, on_wifi().up("D", "utun0"));
  const std::uint32_t other = made.reader.mark(VPN_OTHER, 0);
  EXPECT_NE(made.routes(other).find("192.168.1.0/24 dev 2"), std::string::npos);
  EXPECT_EQ(made.routes(other, 17, 53), "0.0.0.0/0 dev 9, ::/0 dev 9") << "names go through the tunnel";
}

TEST(RoutePlan, KeepsTheAgentsAndTheProvidersPacketsOutOfEveryTunnel) {
  PolicyMaker m;
  m.always_on_tunnel("A#0");
  Made made(m, on_wifi().up("A#0", "utun0"));
  made.facts.links.push_back({3, {prefix("10.20.0.0/16")}, Gateway{address("10.20.0.1")}, {}});
  made.facts.kernel_marks = {51820, 51820, 0};
  const RoutePlan plan = *plan_routes(made.table, made.facts);
  const Kernel kernel(plan);
  const auto leaves = [&](const char* to, std::uint32_t mark, std::uint8_t protocol = 17, std::uint16_t port = 4500,
                          std::uint16_t source = 4500) {
    const Route r = kernel.find(address(to), mark, protocol, port, source);
    return std::to_string(r.interface) + (r.kind == RouteKind::gateway ? " via " + r.via.to_string() : "");
  };
  EXPECT_EQ(leaves("203.0.113.5", 0), "9");
  EXPECT_EQ(leaves("203.0.113.5", socket_mark(VPN_MARK_DIRECT)), "2 via 192.168.1.1");
  EXPECT_EQ(leaves("10.20.3.4", socket_mark(VPN_MARK_DIRECT)), "3");
  EXPECT_EQ(leaves("203.0.113.5", 51820), "2 via 192.168.1.1");
  EXPECT_EQ(leaves("203.0.113.5", 51821), "9");
  EXPECT_EQ(leaves("192.168.1.1", 0, 17, 67, 68), "2") << "S1.a";
  EXPECT_EQ(leaves("224.0.0.22", 0, 2, 0, 0), "2") << "S1.b";
  EXPECT_EQ(kernel.find(address("2001:db8::1"), socket_mark(VPN_MARK_DIRECT), 17, 4500, 4500).kind, RouteKind::refuse)
      << "no IPv6 here: never what the main table has";
}

TEST(RoutePlan, SendsATunnelOutByItsOwnLinkWhateverIsPrimary) {
  PolicyMaker m;
  m.always_on_tunnel("A#0");
  Made made(m, on_wifi().up("A#0", "utun0"));
  const Address server = address("203.0.113.5"), wifi = address("192.168.1.20"), cellular = address("10.64.0.20");
  made.facts.links.push_back({3, {prefix("10.64.0.0/24")}, Gateway{address("10.64.0.1")}, {}, false, {cellular}});
  made.facts.kernel_marks = {51820};
  const RoutePlan plan = *plan_routes(made.table, made.facts);
  const Kernel kernel(plan);
  for (const std::uint32_t mark : {socket_mark(VPN_MARK_DIRECT), std::uint32_t{51820}}) {
    const auto by = [&](const Address& to, const Address& from) {
      return kernel.find(to, mark, 17, 4500, 4500, false, from);
    };
    EXPECT_EQ(by(server, wifi).interface, 2u);
    EXPECT_EQ(by(server, cellular).interface, 3u);
    EXPECT_EQ(by(server, cellular).via, address("10.64.0.1"));
    EXPECT_EQ(by(address("10.64.0.1"), cellular).kind, RouteKind::interface);
  }
  made.facts.links.back().v4.reset();
  const RoutePlan without = *plan_routes(made.table, made.facts);
  const Route none = Kernel(without).find(server, socket_mark(VPN_MARK_DIRECT), 17, 4500, 4500, false, cellular);
  EXPECT_EQ(none.kind, RouteKind::refuse) << "and by no other";
}

// Answers to a container that come out of the tunnel would go back into it by the tunnel's default route.
TEST(RoutePlan, DeliversWhatArrivesForInnerBridges) {
  PolicyMaker m;
  m.always_on_tunnel("A#0");
  Made made(m, on_wifi().up("A#0", "utun0"));
  NetworkLink docker{4, {prefix("172.17.0.0/16"), prefix("fd00:17::/64"), prefix("fe80::/64")}, {}, {}};
  docker.inner = true;
  made.facts.links.push_back(docker);
  const RoutePlan plan = *plan_routes(made.table, made.facts);
  const Kernel kernel(plan);
  for (const char* to : {"172.17.0.2", "fd00:17::2"}) {
    EXPECT_EQ(kernel.find(address(to), 0, 6, 80, 40000, true).interface, 4u) << to;
    EXPECT_EQ(kernel.find(address(to), 0, 6, 80, 40000, false).interface, 9u) << "S3.e: made here, " << to;
  }
  EXPECT_EQ(kernel.find(address("203.0.113.80"), 0, 6, 80, 40000, true).interface, 9u) << "what a container sends";
  EXPECT_NE(kernel.find(address("fe80::2"), 0, 6, 80, 40000, true).interface, 4u) << "never routed";
}

TEST(RoutePlan, RefusesOptionsThatMakeNoSense) {
  PolicyMaker m;
  m.device("D");
  const Made made(m, on_wifi());
  for (const std::uint32_t mask : {0u, 0xffu << 26, 0xf0f0u, 0xfu, 0x1ff00u})
    EXPECT_FALSE(plan_routes(made.table, made.facts, {mask, 1, 1}));
  EXPECT_TRUE(plan_routes(made.table, made.facts, {0xff0000, 1000, 1}));
  EXPECT_FALSE(plan_routes(made.table, made.facts, {0xff0000, 0xfff80000, 1}));
}

}  // namespace
}  // namespace vpn::test
