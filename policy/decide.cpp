#include "policy/decide.h"

#include <algorithm>
#include <bit>

#include "policy/situation.h"

namespace vpn::policy {
namespace {

constexpr std::uint8_t proto_icmp = 1, proto_igmp = 2, proto_tcp = 6, proto_udp = 17, proto_icmpv6 = 58;

// What the rules ask of a flow, worked out once (services and the domain class only when a rule asks).
class Judge {
 public:
  Judge(const Situation& situation, const Flow& flow, std::vector<Passed>* passed)
      : situation_(situation),
        d_(situation.data()),
        f_(flow),
        passed_(passed),
        remote_(embedded(flow.remote, d_.nat64 ? &*d_.nat64 : nullptr)),
        cls_(d_.ranges.find(remote_)) {
    // `forwarded` and `unattributed` flows meet nothing that needs an app.
    has_app_ = f_.owner == Owner::app || f_.owner == Owner::other;
    if (!has_app_) return;
    app_ = find(f_.owner == Owner::app ? f_.app : std::string_view{}, app_index_);
    std::uint32_t ignored = none;
    spawner_ = find(f_.spawned_by, ignored);
  }

  Decision outgoing();
  Decision incoming();

 private:
  // Rule groups: true when one decided, then `out_` holds the verdict.
  bool loopback();
  bool control_plane();
  bool always_on();
  bool captive_exception(const fb::AlwaysOn& a);
  bool service_exception(const fb::AlwaysOn& a);
  bool application_exception();
  bool per_app();
  bool include_all();
  bool enforced_routes();
  bool routes();

  bool decided(Verdict v, Rule r, std::uint32_t source = none, std::uint32_t tunnel = none) {
    out_ = {v, r, tunnel, source};
    return true;
  }
  /// The verdict of a rule that says `tunnel(t)`; a proxy carries TCP and UDP only, `otherwise` is for the rest.
  bool through(std::uint32_t tunnel, Rule r, std::uint32_t source, Verdict otherwise) {
    if (!d_.tunnels[tunnel].app_proxy) return decided(Verdict::tunnel, r, source, tunnel);
    if (f_.protocol == proto_tcp || f_.protocol == proto_udp) return decided(Verdict::proxy, r, source, tunnel);
    return decided(otherwise, r, source, otherwise == Verdict::drop ? tunnel : none);
  }
  void pass(Rule r, std::string_view why, std::uint32_t tunnel = none, std::uint32_t source = none) {
    if (passed_ != nullptr) passed_->push_back({r, why, tunnel, source});
  }

  const AppInfo* find(std::string_view identifier, std::uint32_t& index) const {
    if (identifier.empty()) return nullptr;
    index = situation_.policy().apps().find(identifier);
    return index == none ? nullptr : &d_.apps[index];
  }
  std::uint32_t roles() const { return app_ == nullptr ? 0 : app_->roles; }
  bool has_role(Role r) const { return (roles() & bit(r)) != 0; }
  std::uint8_t fact(std::uint16_t dimension) const { return d_.ranges.value(cls_, dimension); }
  bool is(std::uint8_t protocol) const { return f_.protocol == protocol; }
  bool udp_or_tcp() const { return is(proto_udp) || is(proto_tcp); }
  // Names go over 53 and 853: these ports never count as local.
  bool local() const { return fact(dim_local) != 0 && f_.remote_port != 53 && f_.remote_port != 853; }
  bool in(Service s) {
    if (!services_known_) find_services();
    return (services_ & (1u << static_cast<unsigned>(s))) != 0;
  }
  void find_services();
  std::string_view hostname();
  DomainClass domain_class();

  bool dhcp() const;
  bool neighbour_discovery() const;
  bool multicast_membership() const;
  bool provider() const;
  bool server_lookup();
  bool probe();
  bool governed(std::uint64_t* set);
  void explain_bypassed(const std::uint64_t* governed_set, std::size_t below);
  Decision judged_by_quote();

  const Situation& situation_;
  const Situation::Data& d_;
  const Flow& f_;
  std::vector<Passed>* passed_;
  Address remote_;
  std::uint32_t cls_;
  bool has_app_ = false;
  const AppInfo* app_ = nullptr;
  const AppInfo* spawner_ = nullptr;
  std::uint32_t app_index_ = none;
  bool services_known_ = false;
  bool domain_known_ = false;
  std::uint16_t services_ = 0;
  DomainClass domain_ = 0;
  std::string name_storage_;
  std::string_view name_;
  bool name_known_ = false;
  Decision out_;
};

// --- What a flow is -------------------------------------------------------------------------------------------------

void Judge::find_services() {
  services_known_ = true;
  if (!has_app_) return;
  if (f_.service) {
    services_ = *f_.service == Service::none ? std::uint16_t{0}
                                             : static_cast<std::uint16_t>(1u << static_cast<unsigned>(*f_.service));
    return;
  }
  for (const Selector& s : d_.selectors) {
    if (s.roles != 0 && (roles() & s.roles) == 0) continue;
    if (s.protocol != 0 && s.protocol != f_.protocol) continue;
    if (s.dimension != 0 && fact(s.dimension) == 0) continue;
    if (!s.ports.empty() && std::find(s.ports.begin(), s.ports.end(), f_.remote_port) == s.ports.end()) continue;
    if (s.local_only && !local()) continue;
    services_ = static_cast<std::uint16_t>(services_ | s.mask);
  }
}

std::string_view Judge::hostname() {
  if (!name_known_) {
    name_known_ = true;
    if (!f_.hostname.empty() && normalise_name(f_.hostname, name_storage_, name_) != NameFault::none) name_ = {};
  }
  return name_;
}

DomainClass Judge::domain_class() {
  if (!domain_known_) {
    domain_known_ = true;
    if (const std::string_view name = hostname(); !name.empty()) domain_ = situation_.policy().domains().lookup(name);
  }
  return domain_;
}

// --- S0, S1 ---------------------------------------------------------------------------------------------------------

bool Judge::loopback() {
  if (fact(dim_self) == 0) return false;
  // Linux puts a flow to its own address on the wire when the socket is bound to a physical interface.
  const bool off_device =
      !f_.incoming && !f_.scope.empty() && f_.scope != "lo" && f_.scope != "lo0" && !d_.is_tunnel_interface(f_.scope);
  return decided(off_device ? Verdict::drop : Verdict::system, Rule::S0);
}

bool Judge::dhcp() const {
  if (!is(proto_udp) || (f_.uid != 0 && f_.owner != Owner::forwarded) || fact(dim_dhcp) == 0) return false;
  return remote_.v6 ? f_.local_port == 546 && f_.remote_port == 547 : f_.local_port == 68 && f_.remote_port == 67;
}

// Discovery and MLD exist in IPv6 only, IGMP in IPv4 only: the same numbers in the other family would be a covert
// channel.
bool Judge::neighbour_discovery() const {
  if (!is(proto_icmpv6) || !remote_.v6 || !f_.has_icmp_type) return false;
  if (f_.hop_limit != -1 && f_.hop_limit != 255) return false;
  const std::uint8_t t = f_.icmp_type;
  return t == 135 || t == 136 || t == (f_.incoming ? 134 : 133);
}

bool Judge::multicast_membership() const {
  if (f_.hop_limit != -1 && f_.hop_limit != 1) return false;
  if (is(proto_igmp)) return !remote_.v6;
  const std::uint8_t t = f_.icmp_type;
  return is(proto_icmpv6) && remote_.v6 && f_.has_icmp_type && ((t >= 130 && t <= 132) || t == 143);
}

// S1.c: only the tunnel's own provider, only to that tunnel's endpoints (CVE-2023-36673).
bool Judge::provider() const {
  if (f_.provider_of.empty()) return false;
  const std::uint32_t tunnel = d_.tunnel_index(f_.provider_of);
  if (tunnel == none) return false;
  const auto& endpoints = d_.tunnels[tunnel].endpoints;
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& e) {
    return e.address == remote_ && e.protocol == f_.protocol && e.port == f_.remote_port;
  });
}

// S1.d: to a resolver of the interface that the lookup leaves by.
bool Judge::server_lookup() {
  if (!f_.agent || f_.remote_port != 53 || !udp_or_tcp() || d_.body->servers() == nullptr) return false;
  const std::string_view name = hostname();
  const auto& servers = *d_.body->servers();
  if (name.empty() ||
      std::none_of(servers.begin(), servers.end(), [&](const auto* s) { return s->string_view() == name; }))
    return false;
  // A packet that arrives is judged scope apart: as if the lookup had left by the primary interface.
  const std::string_view interface = f_.incoming || f_.scope.empty() ? std::string_view(d_.primary) : f_.scope;
  return std::any_of(d_.resolvers.begin(), d_.resolvers.end(), [&](const NamedResolvers& r) {
    return r.interface == interface && std::find(r.servers.begin(), r.servers.end(), remote_) != r.servers.end();
  });
}

bool Judge::probe() {
  if (!f_.agent || !d_.probing || !udp_or_tcp()) return false;
  return std::any_of(d_.probes.begin(), d_.probes.end(), [&](const Probe& p) {
    return p.port == f_.remote_port && (p.address ? *p.address == remote_ : p.host == hostname());
  });
}

bool Judge::control_plane() {
  if (dhcp()) return decided(Verdict::direct, Rule::S1a);
  if (neighbour_discovery() || multicast_membership()) return decided(Verdict::direct, Rule::S1b);
  if (provider()) return decided(Verdict::direct, Rule::S1c);
  if (!has_app_) return false;
  if (server_lookup()) return decided(Verdict::direct, Rule::S1d);
  if (in(Service::cellular_only)) return decided(Verdict::direct, Rule::S1e);
  if (probe()) return decided(Verdict::direct, Rule::S1f);
  return false;
}

// --- S3 -------------------------------------------------------------------------------------------------------------

bool Judge::captive_exception(const fb::AlwaysOn& a) {
  if (!d_.captive) {
    pass(Rule::S3a, "the network is not behind a captive portal");
    return false;
  }
  if (a.captive_websheet() && has_role(Role::captive_websheet))
    return decided(Verdict::direct, Rule::S3a, a.captive_websheet_source());
  if (a.captive_all()) {
    if (has_role(Role::captive_plugin)) return decided(Verdict::direct, Rule::S3a, a.captive_all_source());
  } else if (app_ != nullptr && app_->captive_plugin != none) {
    return decided(Verdict::direct, Rule::S3a, app_->captive_plugin);
  }
  pass(Rule::S3a, "the app may not talk to the captive portal");
  return false;
}

bool Judge::service_exception(const fb::AlwaysOn& a) {
  if (a.services() == nullptr) return false;
  for (const fb::ServiceException* s : *a.services()) {
    if (in(static_cast<Service>(s->service()))) {
      const bool drop = s->action() == fb::ServiceAction::drop;
      return decided(drop ? Verdict::drop : Verdict::direct, Rule::S3b, s->source());
    }
    pass(Rule::S3b, "the flow is not of the excepted service", none, s->source());
  }
  return false;
}

bool Judge::application_exception() {
  if (app_ == nullptr) return false;
  if (app_->exception_any != none) return decided(Verdict::direct, Rule::S3c, app_->exception_any);
  const std::uint32_t limited = is(proto_udp) ? app_->exception_udp : is(proto_tcp) ? app_->exception_tcp : none;
  if (limited != none) return decided(Verdict::direct, Rule::S3c, limited);
  if (app_->exception_udp != none || app_->exception_tcp != none)
    pass(Rule::S3c, "the app's exception is limited to another protocol", none,
         app_->exception_udp != none ? app_->exception_udp : app_->exception_tcp);
  return false;
}

bool Judge::always_on() {
  const fb::AlwaysOn* a = d_.body->always_on();
  if (a == nullptr) return false;
  if (has_app_ && (captive_exception(*a) || service_exception(*a) || application_exception())) return true;
  if (d_.carrier == nullptr) return decided(Verdict::drop, Rule::S3d, a->tunnels_source());
  const std::uint32_t tunnel = d_.carrier->tunnel();
  return decided(d_.tunnels[tunnel].connected() ? Verdict::tunnel : Verdict::drop, Rule::S3e, d_.carrier->source(),
                 tunnel);
}

// --- S4 -------------------------------------------------------------------------------------------------------------

// S4.c, S4.d: which per-app VPNs govern the flow's app, its spawner or the tool that it is. Fills `words` words.
bool Judge::governed(std::uint64_t* set) {
  const std::uint32_t all_roles = roles() | (spawner_ == nullptr ? 0 : spawner_->roles);
  const auto add = [&](const flatbuffers::Vector<std::uint64_t>* bits) {
    if (bits == nullptr) return;
    for (std::size_t w = 0; w < d_.words && w < bits->size(); ++w)
      set[w] |= bits->Get(static_cast<flatbuffers::uoffset_t>(w));
  };
  if (app_ != nullptr) add(app_->cls->governed());
  if (spawner_ != nullptr) {
    add(spawner_->cls->governed());
    if (app_index_ != none && spawner_->cls->tools() != nullptr) {
      for (const fb::ToolRule* t : *spawner_->cls->tools())
        if (std::binary_search(t->tools()->begin(), t->tools()->end(), app_index_))
          set[t->per_app() / 64] |= std::uint64_t{1} << (t->per_app() % 64);
    }
  }
  constexpr Role triggers[] = {Role::browser, Role::mail, Role::calendar, Role::contacts, Role::smb};
  constexpr std::uint32_t any_trigger = 0x1f;
  if ((all_roles & any_trigger) != 0) {
    for (std::size_t kind = 1; kind < deciding_list_kinds; ++kind) {
      if ((all_roles & bit(triggers[kind - 1])) == 0) continue;
      const std::uint64_t* names = d_.domain_set(domain_class(), kind);
      for (std::size_t w = 0; w < d_.words; ++w) set[w] |= names[w];
    }
  }
  return std::any_of(set, set + d_.words, [](std::uint64_t w) { return w != 0; });
}

// For people: which governing VPNs before the deciding one were bypassed, and why.
void Judge::explain_bypassed(const std::uint64_t* governed_set, std::size_t below) {
  if (passed_ == nullptr) return;
  const std::uint64_t* excluded = d_.domain_set(domain_class(), 0);
  for (std::size_t v = 0; v < below; ++v) {
    const std::uint64_t mask = std::uint64_t{1} << (v % 64);
    if ((governed_set[v / 64] & mask) == 0) continue;
    const fb::PerApp* p = d_.body->per_app()->Get(static_cast<flatbuffers::uoffset_t>(v));
    if ((d_.bypassed[v / 64] & mask) != 0) {
      pass(Rule::S4, "S4.a: the network's on-demand rule is Disconnect", p->tunnel(), p->source());
    } else if ((excluded[v / 64] & mask) != 0) {
      pass(Rule::S4, "S4.b: the host name is in ExcludedDomains", p->tunnel(), p->source());
    }
  }
}

bool Judge::per_app() {
  if (d_.words == 0 || f_.owner == Owner::forwarded) return false;
  // It may be a governed app's, and a leak cannot be taken back.
  if (f_.owner == Owner::unattributed) return decided(Verdict::drop, Rule::S4, d_.body->per_app()->Get(0)->source());
  constexpr std::size_t on_stack = 16;  // 1,024 per-app VPNs without an allocation
  std::uint64_t small[on_stack] = {};
  std::vector<std::uint64_t> large(d_.words > on_stack ? d_.words : 0);
  std::uint64_t* set = large.empty() ? small : large.data();
  if (!governed(set)) {
    pass(Rule::S4, "no per-app VPN governs the app for this host");
    return false;
  }
  const std::uint64_t* excluded = d_.domain_set(domain_class(), 0);
  for (std::size_t w = 0; w < d_.words; ++w) {
    const std::uint64_t left = set[w] & ~d_.bypassed[w] & ~excluded[w];
    if (left == 0) continue;
    const std::size_t v = w * 64 + static_cast<std::size_t>(std::countr_zero(left));
    explain_bypassed(set, v);
    const fb::PerApp* p = d_.body->per_app()->Get(static_cast<flatbuffers::uoffset_t>(v));
    if (!d_.tunnels[p->tunnel()].connected()) return decided(Verdict::drop, Rule::S4e, p->source(), p->tunnel());
    return through(p->tunnel(), Rule::S4e, p->source(), Verdict::drop);
  }
  explain_bypassed(set, d_.words * 64);
  return false;
}

// --- S5 to S7 -------------------------------------------------------------------------------------------------------

bool Judge::include_all() {
  if (!d_.include_all) return false;
  const fb::Device& v = *d_.include_all->device;
  if (has_app_) {
    if (d_.captive && (has_role(Role::captive_websheet) || has_role(Role::captive_plugin)))
      return decided(Verdict::direct, Rule::S5a, v.include_all_source());
    if (in(Service::companion)) return decided(Verdict::direct, Rule::S5b, v.include_all_source());
    if (v.exclude_device_communication() && in(Service::device_communication))
      return decided(Verdict::direct, Rule::S5b, v.exclude_device_source());
  }
  if (v.exclude_local()) {
    if (local()) return decided(Verdict::direct, Rule::S5c, v.exclude_local_source());
    pass(Rule::S5c, "the destination is not in a local network", none, v.exclude_local_source());
  }
  if (has_app_) {
    if (v.exclude_cellular() && (in(Service::cellular_services) || in(Service::voicemail)))
      return decided(Verdict::direct, Rule::S5d, v.exclude_cellular_source());
    if (v.exclude_apns() && in(Service::apns)) return decided(Verdict::direct, Rule::S5e, v.exclude_apns_source());
  }
  if (!d_.tunnels[v.tunnel()].connected()) return decided(Verdict::drop, Rule::S5f, v.include_all_source(), v.tunnel());
  return through(v.tunnel(), Rule::S5f, v.include_all_source(), Verdict::drop);
}

bool Judge::enforced_routes() {
  for (const RoutePlan& plan : d_.enforced) {
    const fb::Device& v = *plan.device;
    if (v.exclude_local() && local()) {
      pass(Rule::S6b, "S6.a: the destination is in a local network", v.tunnel(), v.exclude_local_source());
      return false;
    }
    switch (fact(plan.dimension)) {
      case route_excluded:
        return decided(Verdict::direct, Rule::S6b, v.enforce_source());
      case route_included:
        if (!plan.connected) return decided(Verdict::drop, Rule::S6b, v.enforce_source(), v.tunnel());
        return through(v.tunnel(), Rule::S6b, v.enforce_source(), Verdict::drop);
      default:
        pass(Rule::S6b, "no enforced route matches", v.tunnel(), v.enforce_source());
    }
  }
  return false;
}

bool Judge::routes() {
  for (const RoutePlan& plan : d_.routed) {
    const fb::Device& v = *plan.device;
    if (!f_.incoming && !f_.scope.empty()) return decided(Verdict::system, Rule::S7, v.source());
    switch (fact(plan.dimension)) {
      case route_included:
        return through(v.tunnel(), Rule::S7, v.source(), Verdict::system);
      case route_system:
      case route_excluded:
        return decided(Verdict::system, Rule::S7, v.source());
      default:
        pass(Rule::S7, "no route matches", v.tunnel(), v.source());
    }
  }
  return false;
}

Decision Judge::outgoing() {
  if (loopback() || control_plane() || always_on() || per_app() || include_all() || enforced_routes() || routes())
    return out_;
  return {Verdict::system, Rule::S8, none, none};
}

// --- Incoming -------------------------------------------------------------------------------------------------------

bool is_encapsulation(std::uint8_t protocol) {
  constexpr std::uint8_t list[] = {4, 41, 47, 94, 97, 98, 115, 137};
  return std::find(std::begin(list), std::end(list), protocol) != std::end(list);
}

bool is_redirect(const Flow& f) {
  return f.has_icmp_type &&
         ((f.protocol == proto_icmp && f.icmp_type == 5) || (f.protocol == proto_icmpv6 && f.icmp_type == 137));
}

bool is_icmp_error(const Flow& f) {
  if (!f.has_icmp_type) return false;
  if (f.protocol == proto_icmp) return f.icmp_type == 3 || f.icmp_type == 4 || f.icmp_type == 11 || f.icmp_type == 12;
  return f.protocol == proto_icmpv6 && f.icmp_type >= 1 && f.icmp_type <= 4;
}

Decision Judge::judged_by_quote() {
  if (f_.quoted == nullptr || !is_icmp_error(f_)) return outgoing();
  Flow quoted = *f_.quoted;
  quoted.incoming = true;  // scope apart, like every packet that arrives
  quoted.quoted = nullptr;
  return Judge(situation_, quoted, passed_).outgoing();
}

Decision Judge::incoming() {
  const bool from_tunnel = d_.is_tunnel_interface(f_.arrives_on);
  if (is_encapsulation(f_.protocol) && !from_tunnel) {
    if (const fb::AlwaysOn* a = d_.body->always_on()) return {Verdict::drop, Rule::S3, none, a->source()};
    if (d_.include_all) return {Verdict::drop, Rule::S5, none, d_.include_all->device->include_all_source()};
  }
  Decision out = judged_by_quote();
  bool accept = false;
  switch (out.verdict) {
    case Verdict::tunnel: {
      const std::string& own = d_.tunnels[out.tunnel].interface;
      accept = !own.empty() && f_.arrives_on == own;
      break;
    }
    case Verdict::direct:
      accept = !from_tunnel;
      break;
    case Verdict::system:
      accept = true;
      break;
    case Verdict::proxy:  // what a proxy brings comes over loopback
    case Verdict::drop:
    case Verdict::accept:
      break;
  }
  out.verdict = accept && !is_redirect(f_) ? Verdict::accept : Verdict::drop;
  return out;
}

}  // namespace

Decision decide(const Situation& situation, const Flow& flow, std::vector<Passed>* passed) {
  Judge judge(situation, flow, passed);
  return flow.incoming ? judge.incoming() : judge.outgoing();
}

}  // namespace vpn::policy
