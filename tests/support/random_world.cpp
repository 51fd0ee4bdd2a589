#include "tests/support/random_world.h"

#include <algorithm>

namespace vpn::test {
namespace {

using made::ListKind;
using policy::Address;
using policy::Prefix;
using policy::Role;
using policy::Service;
using policy::TunnelStatus;

const std::vector<std::string> names{"example.com",     "www.example.com", "mail.example.net", "example.org",
                                     "a.b.example.org", "example.edu",     "Example.COM."};
const std::vector<Role> roles{Role::browser,           Role::mail,      Role::smb,       Role::captive_websheet,
                              Role::captive_plugin,    Role::voicemail, Role::companion, Role::cellular_only,
                              Role::cellular_services, Role::apns,      Role::contacts,  Role::device_communication};

bool has_ports(std::uint8_t protocol) {
  return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

Address random_address(Random& random) {
  if (random.chance(60)) return Address::from_v4(static_cast<std::uint32_t>(random.bits()));
  return Address::from_v6(0x2001000000000000 | (random.bits() >> 16), random.bits());
}

Address moved(const Address& a, std::uint64_t by) {
  Address out = a;
  out.low += by;
  if (!a.v6) out.low &= 0xffffffff;
  return out;
}

}  // namespace

RandomWorld::RandomWorld(Random& random) : ports_{53, 67, 80, 443, 547, 631, 853, 4500, 5353} {
  for (const char* text : {"127.0.0.1",
                           "::1",
                           "192.168.1.20",
                           "192.168.1.1",
                           "192.168.1.50",
                           "10.1.2.3",
                           "203.0.113.5",
                           "17.249.1.1",
                           "224.0.0.251",
                           "224.0.0.22",
                           "239.1.1.1",
                           "255.255.255.255",
                           "fe80::1",
                           "ff02::1:2",
                           "ff02::fb",
                           "ff05::1:3",
                           "fd00:1::7",
                           "2620:149:a44::1",
                           "::ffff:192.168.1.50",
                           "::ffff:203.0.113.5",
                           "64:ff9b::203.0.113.5"})
    near_.push_back(address(text));
  for (int i = 0; i < 12; ++i) apps_.push_back("app." + std::to_string(i));
  for (const std::string& name : apps_) maker.app(name);
  servers = {"vpn.example.com"};
  maker.servers({"vpn.example.com"});
  if (random.chance(70)) maker.services();
  add_selectors(random);
  if (random.chance(30)) add_always_on(random);
  if (random.chance(70)) add_per_app(random);
  if (random.chance(80)) add_devices(random);
  add_apps(random);
  add_network(random);
  add_tunnels(random);
}

std::uint32_t RandomWorld::maybe_source(Random& random, unsigned percent) {
  return random.chance(percent) ? maker.source("Key") : policy::none;
}

void RandomWorld::add_apps(Random& random) {
  for (const std::string& name : apps_) {
    MadeApp& app = maker.app(name);
    while (random.chance(40)) app.roles |= policy::bit(random.pick(roles));
    if (!maker.body.always_on) continue;
    app.exception_any = maybe_source(random, 10);
    app.exception_udp = maybe_source(random, 15);
    app.exception_tcp = maybe_source(random, 10);
    app.captive_plugin = maybe_source(random, 20);
  }
}

void RandomWorld::add_always_on(Random& random) {
  do {
    tunnels.push_back("A#" + std::to_string(tunnels.size()));
    maker.always_on_tunnel(tunnels.back(), static_cast<std::uint8_t>(random.below(4)));
  } while (random.chance(50));
  maker.always_on().captive_websheet = random.chance(50);
  maker.always_on().captive_all = random.chance(50);
  while (random.chance(50)) maker.service_exception(static_cast<Service>(1 + random.below(7)), random.chance(50));
}

void RandomWorld::add_per_app(Random& random) {
  constexpr ListKind triggers[] = {ListKind::safari, ListKind::mail, ListKind::smb, ListKind::contacts};
  do {
    tunnels.push_back("V" + std::to_string(tunnels.size()));
    const std::uint32_t v = maker.per_app(tunnels.back(), random.chance(20));
    if (random.chance(40)) {
      const auto action = static_cast<made::OnDemandAction>(random.below(4));
      maker.body.per_app.back()->on_demand =
          on_demand(action == made::OnDemandAction::evaluate ? made::OnDemandAction::disconnect : action,
                    maker.source("OnDemandRules[0]"), random.chance(80));
    }
    for (int i = 0; i < 3; ++i) maker.app(random.pick(apps_)).governed.insert(v);
    if (random.chance(40)) maker.app(random.pick(apps_)).tools[v] = {random.pick(apps_), "/usr/bin/tool"};
    if (random.chance(50)) maker.domains(ListKind::excluded, v, {"example.com", "*.example.org"});
    if (random.chance(50)) maker.domains(random.pick(triggers), v, {"example.net", "example.org"});
    if (random.chance(20)) maker.domains(ListKind::associated, v, {"example.edu"});
  } while (random.chance(65));
}

void RandomWorld::add_devices(Random& random) {
  do {
    tunnels.push_back("D" + std::to_string(tunnels.size()));
    made::DeviceT& d = maker.device(tunnels.back(), random.chance(20));
    d.include_all = random.chance(25);
    d.enforce_routes = !d.include_all && random.chance(40);
    d.override_primary = random.chance(10);
    d.exclude_local = random.chance(50);
    d.exclude_apns = random.chance(50);
    d.exclude_cellular = random.chance(50);
    d.exclude_device_communication = random.chance(50);
    if (random.chance(30))
      d.on_demand = on_demand(random.chance(50) ? made::OnDemandAction::connect : made::OnDemandAction::disconnect,
                              maker.source("OnDemandRules[0]"));
  } while (random.chance(50));
}

void RandomWorld::add_selectors(Random& random) {
  while (random.chance(40)) {
    auto s = std::make_unique<made::ServiceSelectorT>();
    s->service = static_cast<std::uint8_t>(1 + random.below(7));
    if (random.chance(50)) s->role = policy::bit(random.pick(roles));
    constexpr std::uint8_t protocols[] = {6, 6, 6, 17, 17, 17, 132, 2, 58};
    if (random.chance(60)) s->protocol = random.pick(protocols);
    if (random.chance(60)) {
      s->ports.push_back(static_cast<std::uint16_t>(random.pick(ports_)));
      s->ports.push_back(static_cast<std::uint16_t>(random.bits()));
      ports_.push_back(s->ports.back());
    }
    // One that takes everything would leave nothing to the other rules.
    if (random.chance(50) || (s->role == 0 && s->ports.empty())) s->prefixes = {prefix(random).to_string()};
    s->local_only = random.chance(20);
    maker.body.services.push_back(std::move(s));
  }
  for (const char* host : {"198.51.100.7", "example.edu"}) {
    if (random.chance(50)) continue;
    maker.probe(host, 443);
    probe_hosts.emplace_back(host);
  }
}

/// Now and then within one that is there already, so that they nest.
Prefix RandomWorld::prefix(Random& random) {
  const Address base = random.chance(50) ? random.pick(near_) : random_address(random);
  const auto length = static_cast<std::uint8_t>(base.v6 ? 16 + random.below(113) : 4 + random.below(29));
  const Prefix out = Prefix::of(base, length);
  near_.push_back(out.first());
  near_.push_back(out.last());
  return out;
}

void RandomWorld::add_network(Random& random) {
  state = on_wifi();
  state.interfaces[0].type = static_cast<policy::InterfaceType>(random.below(4));
  indexes = {{"lo", 1}, {"wlan0", 2}, {"eth0", 3}, {"rmnet0", 4}, {"eth9", 90}};
  interfaces_ = {"wlan0", "lo", "eth9", "eth0", "rmnet0"};
  if (random.chance(50))
    state.interface("eth0", policy::InterfaceType::ethernet, {"10.20.0.7/16", "203.0.113.77/24"}).resolver("10.20.0.1");
  if (random.chance(30)) state.interface("rmnet0", policy::InterfaceType::cellular, {"100.64.3.2/32", "fd02::2/64"});
  if (random.chance(20)) state.interface("eth9", policy::InterfaceType::other, {"10.0.0.2/6", "2001:db8::2/24"});
  for (const char* text : {"10.20.0.7", "10.20.0.1", "10.20.255.255", "203.0.113.77", "203.0.113.99", "100.64.3.2"})
    near_.push_back(address(text));
  if (random.chance(40)) state.lease_of("10.99.0.1");
  near_.push_back(address("10.99.0.1"));
  if (random.chance(30)) state.primary("eth0");
  if (random.chance(8)) state.primary("");
  state.captive = random.chance(25);
  state.probing = random.chance(25);
  if (random.chance(25)) state.resolver("64:ff9b::203.0.113.53");
  near_.push_back(address("203.0.113.53"));
  if (random.chance(40)) {
    constexpr std::uint8_t lengths[] = {32, 40, 48, 56, 64, 96};
    state.nat64 = Prefix::of(address("2001:db8:64:a:b:c::"), random.pick(lengths));
    for (int i = 0; i < 4; ++i) {
      const unsigned length = state.nat64->length;
      const Address within = Address::from_v6(state.nat64->base.high | (length < 64 ? random.bits() >> length : 0),
                                              state.nat64->base.low | (random.bits() >> 40));
      near_.push_back(within);
    }
  }
  while (random.chance(50)) state.system_routes.push_back({prefix(random), {}});
}

void RandomWorld::add_tunnels(Random& random) {
  std::uint32_t n = 0;
  std::vector<std::string> all = tunnels;
  all.emplace_back("Stranger");
  for (const std::string& id : all) {
    if (random.chance(5)) continue;  // the state does not list it
    const std::string interface = random.chance(8) ? std::string() : "utun" + std::to_string(n);
    state.tunnel(id, static_cast<TunnelStatus>(random.below(6)), interface);
    if (random.chance(60)) state.tunnels.back().status = TunnelStatus::connected;
    if (!interface.empty()) {
      indexes[interface] = 10 + n;
      interfaces_.push_back(interface);
    }
    ++n;
    state.endpoint("203.0.113.5", "udp", 4500);
    if (random.chance(30)) state.endpoint("64:ff9b::203.0.113.6", "esp");
    if (random.chance(40)) state.includes({"10.0.0.0/8"}).excludes({"10.9.0.0/16"});
    if (random.chance(40)) state.includes({"0.0.0.0/0", "::/0"});
    if (random.chance(20)) state.excludes({"0.0.0.0/0"});
    while (random.chance(60)) state.tunnels.back().included_routes.push_back(prefix(random));
    while (random.chance(60)) state.tunnels.back().excluded_routes.push_back(prefix(random));
  }
}

Address RandomWorld::remote(Random& random) const {
  if (random.chance(15)) return random_address(random);
  const Address a = random.pick(near_);
  if (random.chance(70)) return a;
  if (random.chance(50)) return moved(a, random.chance(50) ? 1 : ~std::uint64_t{0});
  if (!a.v6 && random.chance(50))
    return Address::from_v6(random.chance(50) ? 0 : 0x0064ff9b00000000,
                            a.low | (random.chance(50) ? 0xffff00000000 : 0));
  return moved(a, random.below(1 << 16));
}

/// S1.d and S1.f need several things at once.
void RandomWorld::ask_as_agent(Random& random, F& f) const {
  f.by_agent().to(random.chance(50) ? std::string_view(servers[0]) : "example.edu");
  if (random.chance(40)) return;
  f.protocol = random.chance(50) ? 6 : 17;
  f.remote_port = f.hostname == servers[0] ? 53 : 443;
  f.remote = address(f.remote_port == 443 ? "198.51.100.7" : random.chance(50) ? "192.168.1.1" : "203.0.113.53");
}

F RandomWorld::quoted(Random& random) const {
  static constexpr std::uint8_t protocols[] = {6, 6, 6, 17, 17, 17, 1, 58, 58, 2, 47, 4, 50, 132, 33};
  F f("tcp", "192.0.2.1");
  f.remote = remote(random);
  f.protocol = random.pick(protocols);
  if (has_ports(f.protocol)) {
    f.remote_port =
        random.chance(80) ? static_cast<std::uint16_t>(random.pick(ports_)) : static_cast<std::uint16_t>(random.bits());
    f.local_port = 50000;
    if (random.chance(10)) f.local_port = f.remote_port == 547 ? 546 : 68;
  }
  f.uid = random.chance(30) ? 0 : 1000;
  const std::uint64_t owner = random.below(100);
  f.by(owner < 70 ? std::string_view(random.pick(apps_)) : owner < 75 ? "no.such.app" : "other");
  if (owner >= 85) f.by(owner < 93 ? "unattributed" : "forwarded");
  if (random.chance(30)) f.spawned(random.pick(apps_));
  if (random.chance(50)) f.to(random.pick(names));
  if (random.chance(12)) ask_as_agent(random, f);
  if (random.chance(10) && !tunnels.empty()) f.provider(random.pick(tunnels));
  if (f.protocol == 1 || f.protocol == 58 || f.protocol == 2)
    if (random.chance(80)) f.type(static_cast<int>(f.protocol == 1 ? random.below(14) : random.below(145)));
  if (f.protocol == 58 && random.chance(40)) f.type(static_cast<int>(random.chance(50) ? 130 + random.below(9) : 143));
  constexpr int limits[] = {1, 64, 255};
  if (random.chance(50)) f.hops(random.pick(limits));
  return f;
}

F RandomWorld::flow(Random& random) const {
  F f = quoted(random);
  if (random.chance(35)) f.in(random.chance(10) ? std::string_view() : random.pick(interfaces_));
  if (random.chance(25)) f.bound(random.pick(interfaces_));
  return f;
}

}  // namespace vpn::test
