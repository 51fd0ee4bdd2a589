// The states of a device that the policies tell apart.
#include <algorithm>
#include <bit>

#include "compiler/analyse/examples.h"
#include "compiler/analyse/space_builder.h"
#include "policy/ascii.h"
#include "policy/plan.h"

namespace vpn::analyse {

namespace fb = policy::fb;
using policy::TunnelStatus;

namespace {

constexpr std::size_t most_combinations = 96;  // of statuses, all with all
constexpr std::size_t most_states = 100'000;
constexpr std::size_t most_route_blocks = 2048;

std::string_view text_of(const flatbuffers::String* s) { return s == nullptr ? std::string_view{} : s->string_view(); }

/// Whether two tunnels with different identifiers are the same one all the same: a profile that was written anew has
/// new UUIDs.
bool are_alike(const fb::Tunnel& a, const fb::Tunnel& b) {
  return a.kind() == b.kind() && a.provider() == b.provider() && a.app_proxy() == b.app_proxy() &&
         text_of(a.name()) == text_of(b.name()) && text_of(a.server()) == text_of(b.server()) &&
         text_of(a.subtype()) == text_of(b.subtype());
}

void need(std::vector<TunnelStatus>& statuses, std::initializer_list<TunnelStatus> more) {
  statuses.insert(statuses.end(), more);
  std::sort(statuses.begin(), statuses.end());
  statuses.erase(std::unique(statuses.begin(), statuses.end()), statuses.end());
}

bool has_rules(const fb::OnDemand* on_demand) {
  return on_demand != nullptr && on_demand->enabled() && on_demand->rules() != nullptr;
}

}  // namespace

bool is_called(const Tunnel& tunnel, std::string_view id) {
  return ascii::equal_without_case(tunnel.id, id) || ascii::equal_without_case(tunnel.name, id);
}

// --- Tunnels ---------------------------------------------------------------------------------------------------------

void SpaceBuilder::pair_tunnels() {
  std::vector<Tunnel>& all = space_.tunnels_;
  const std::size_t newest = count() - 1;
  for (std::uint32_t t = 0; t < plan(newest).tunnels.size(); ++t) {
    Tunnel& made = all.emplace_back();
    made.id = plan(newest).tunnels[t].id;
    made.index[newest] = t;
  }
  if (newest == 0) return;
  std::vector<std::uint32_t> left, unlike;
  for (std::uint32_t t = 0; t < plan(0).tunnels.size(); ++t) {
    const std::uint32_t same = plan(1).tunnel(plan(0).tunnels[t].id);
    if (same != policy::none)
      all[same].index[0] = t;
    else
      left.push_back(t);
  }
  for (const std::uint32_t t : left) {
    const fb::Tunnel& old = *space_.policies_[0]->body().tunnels()->Get(t);
    const auto it = std::find_if(all.begin(), all.end(), [&](const Tunnel& x) {
      return x.index[0] == policy::none && are_alike(old, *space_.policies_[1]->body().tunnels()->Get(x.index[1]));
    });
    if (it != all.end())
      it->index[0] = t;
    else
      unlike.push_back(t);
  }
  // The only one of its kind that is gone, and the only one that is new: replaced. Of an always-on VPN, for there is
  // one at most: the tunnels of the same number.
  const auto kind_of = [&](std::size_t k, std::uint32_t t) {
    const auto* made = space_.policies_[k]->body().tunnels()->Get(t);
    const std::string id = made->id()->str();
    const auto number = id.rfind('#');
    return std::pair(made->kind(), number == std::string::npos ? std::string() : id.substr(number));
  };
  for (const std::uint32_t t : unlike) {
    const auto same = [&](const Tunnel& x) {
      return x.index[0] == policy::none && x.index[1] != policy::none && kind_of(1, x.index[1]) == kind_of(0, t);
    };
    const bool is_only = std::count_if(unlike.begin(), unlike.end(),
                                       [&](std::uint32_t o) { return kind_of(0, o) == kind_of(0, t); }) == 1 &&
                         std::count_if(all.begin(), all.end(), same) == 1;
    if (is_only) {
      std::find_if(all.begin(), all.end(), same)->index[0] = t;
      continue;
    }
    Tunnel& made = all.emplace_back();
    made.id = plan(0).tunnels[t].id;
    made.index[0] = t;
  }
}

void SpaceBuilder::name_tunnels() {
  for (Tunnel& t : space_.tunnels_) {
    const std::size_t k = t.index[count() - 1] != policy::none ? count() - 1 : 0;
    const std::string_view name = text_of(space_.policies_[k]->body().tunnels()->Get(t.index[k])->name());
    t.name = name.empty() ? t.id : std::string(name);
  }
  // Names that several have say nothing; tunnels of one always-on VPN have numbers.
  const auto make_distinct = [&](const auto& longer) {
    std::vector<std::string> names;
    for (const Tunnel& t : space_.tunnels_) names.push_back(t.name);
    for (Tunnel& t : space_.tunnels_)
      if (std::count(names.begin(), names.end(), t.name) > 1) t.name = longer(t);
  };
  make_distinct([](const Tunnel& t) {
    const auto number = t.id.rfind('#');
    return number == std::string::npos ? t.id : t.name + " " + t.id.substr(number);
  });
  make_distinct([](const Tunnel& t) { return t.id; });
}

/// The statuses that rules tell apart, in the order in which less is in force.
void SpaceBuilder::find_statuses() {
  for (Tunnel& tunnel : space_.tunnels_) {
    for (std::size_t k = 0; k < count(); ++k) {
      if (tunnel.index[k] == policy::none) continue;
      const policy::Plan& p = plan(k);
      const auto is_it = [&](const auto& vpn) { return vpn.tunnel == tunnel.index[k]; };
      if (p.always_on) {  // nothing after S3 is reached
        if (std::any_of(p.always_on->tunnels.begin(), p.always_on->tunnels.end(), is_it))
          need(tunnel.statuses, {TunnelStatus::disconnected, TunnelStatus::connected});
        tunnel.is_asked_by_all = true;
        continue;
      }
      if (std::any_of(p.per_app.begin(), p.per_app.end(), is_it))
        need(tunnel.statuses, {TunnelStatus::disconnected, TunnelStatus::connected});
      for (const policy::Plan::Device& d : p.devices) {
        if (!is_it(d)) continue;
        tunnel.is_device_wide = tunnel.is_asked_by_all = true;
        need(tunnel.statuses, {TunnelStatus::disconnected, TunnelStatus::connected});
        if (d.include_all) need(tunnel.statuses, {TunnelStatus::connecting});
        if (d.include_all && has_rules(d.on_demand)) need(tunnel.statuses, {TunnelStatus::invalid});
        if (!d.include_all && d.enforce_routes) need(tunnel.statuses, {TunnelStatus::reasserting});
      }
    }
    for (const auto& [id, status] : space_.refinement_.statuses)
      if (is_called(tunnel, id)) need(tunnel.statuses, {TunnelStatus::disconnected, status});
  }
}

// --- Networks --------------------------------------------------------------------------------------------------------

Result<void> SpaceBuilder::find_networks() {
  std::vector<const fb::OnDemand*> configurations;
  NetworkDetail detail = space_.refinement_.networks;
  for (std::size_t k = 0; k < count(); ++k) {
    const policy::Plan& p = plan(k);
    if (p.always_on) {
      detail.interface_types |= std::any_of(p.always_on->tunnels.begin(), p.always_on->tunnels.end(),
                                            [](const policy::Plan::AlwaysOnTunnel& t) { return t.interfaces != 0; });
      continue;
    }
    // Verdicts ask of per-app VPNs whether they are passed over (S4.a), of others whether they are engaged (S5).
    for (const policy::Plan::PerApp& v : p.per_app)
      if (policy::Plan::may_be_bypassed(v)) configurations.push_back(v.on_demand);
    for (const policy::Plan::Device& d : p.devices)
      if (d.include_all && has_rules(d.on_demand)) configurations.push_back(d.on_demand);
  }
  detail.actions_only = true;
  auto found = networks(configurations, detail);
  if (!found) return tl::unexpected(found.error());
  space_.networks_ = std::move(*found);
  return {};
}

bool SpaceBuilder::asks_captive() const {
  if (space_.refinement_.captive) return true;
  for (std::size_t k = 0; k < count(); ++k) {
    const policy::Plan& p = plan(k);
    if (p.always_on) return true;
    if (std::any_of(p.devices.begin(), p.devices.end(), [](const policy::Plan::Device& d) { return d.include_all; }))
      return true;
  }
  return false;
}

// --- States ----------------------------------------------------------------------------------------------------------

// All with all where these are few. Else, for a verdict is made by the first VPN that has something to say: each
// tunnel in each of its statuses while the others are as low, and as high, as they go; and any two tunnels in all four
// combinations of lowest and highest.
std::vector<std::vector<TunnelStatus>> SpaceBuilder::status_combinations() {
  const std::vector<Tunnel>& tunnels = space_.tunnels_;
  std::vector<TunnelStatus> lowest, highest;
  std::size_t product = 1;
  for (const Tunnel& t : tunnels) {
    lowest.push_back(t.statuses.empty() ? TunnelStatus::disconnected : t.statuses.front());
    const bool connects = std::find(t.statuses.begin(), t.statuses.end(), TunnelStatus::connected) != t.statuses.end();
    highest.push_back(connects ? TunnelStatus::connected : lowest.back());
    if (product <= most_combinations) product *= std::max<std::size_t>(t.statuses.size(), 1);
  }
  std::vector<std::vector<TunnelStatus>> out;
  if (product <= most_combinations) {
    out.push_back(lowest);
    for (std::size_t t = 0; t < tunnels.size(); ++t) {
      const std::size_t before = out.size();
      for (std::size_t s = 1; s < tunnels[t].statuses.size(); ++s) {
        for (std::size_t i = 0; i < before; ++i) {
          out.push_back(out[i]);
          out.back()[t] = tunnels[t].statuses[s];
        }
      }
    }
    return out;
  }
  space_.all_statuses_ = false;
  // "Disconnected" everywhere is what people know; with on-demand "invalid" is still lower.
  out.emplace_back(tunnels.size(), TunnelStatus::disconnected);
  out.push_back(lowest);
  out.push_back(highest);
  for (std::size_t t = 0; t < tunnels.size(); ++t) {
    // Of always-on and per-app VPNs one alone is asked, and it is lowest or highest.
    if (!tunnels[t].is_device_wide && tunnels[t].statuses.size() < 3) continue;
    for (const TunnelStatus s : tunnels[t].statuses) {
      for (const std::vector<TunnelStatus>* base : {&lowest, &highest}) {
        out.push_back(*base);
        out.back()[t] = s;
      }
    }
  }
  // Of two policies another VPN may decide in each.
  for (std::size_t t = 0; count() == 2 && t < tunnels.size(); ++t) {
    if (!tunnels[t].is_device_wide) continue;
    for (std::size_t u = 0; u < tunnels.size(); ++u) {
      if (u == t || (u < t && tunnels[u].is_device_wide)) continue;
      for (const TunnelStatus a : tunnels[t].statuses) {
        for (const TunnelStatus b : tunnels[u].statuses) {
          out.push_back(lowest);
          out.back()[t] = a;
          out.back()[u] = b;
        }
      }
    }
  }
  for (unsigned bit = 0; std::size_t{1} << bit < tunnels.size(); ++bit) {
    for (const bool inverse : {false, true}) {
      out.push_back(lowest);
      for (std::size_t t = 0; t < tunnels.size(); ++t)
        if (((t >> bit & 1u) != 0) != inverse) out.back()[t] = highest[t];
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// Of one policy, a verdict is made by the first VPN that has something to say of a destination: a block for each VPN
// and what its provider does with it shows all. Of two policies two VPNs may decide: a block for each pair as well.
Result<void> SpaceBuilder::make_route_blocks() {
  std::vector<std::uint32_t> routes,
      defaults;  // tunnels whose routes the rules ask about; of S6, which leaves some out
  for (std::uint32_t t = 0; t < space_.tunnels_.size(); ++t) {
    bool has_routes = false, enforces = false;
    for (std::size_t k = 0; k < count(); ++k) {
      if (plan(k).always_on) continue;
      for (const policy::Plan::Device& d : plan(k).devices) {
        if (d.tunnel != space_.tunnels_[t].index[k] || d.include_all) continue;
        has_routes = true;
        enforces |= d.enforce_routes;
      }
    }
    if (has_routes) routes.push_back(t);
    if (enforces) defaults.push_back(t);
  }
  default_sets_ = {{}};
  for (std::size_t i = 0; i < defaults.size(); ++i) {
    default_sets_.push_back({defaults[i]});
    for (std::size_t j = i + 1; count() == 2 && j < defaults.size(); ++j)
      default_sets_.push_back({defaults[i], defaults[j]});
  }
  const auto add = [&](std::initializer_list<Space::RouteBlock::Of> by) { space_.route_blocks_.push_back({by}); };
  for (std::size_t i = 0; i < routes.size(); ++i) {
    for (const bool a : {true, false}) {
      add({{routes[i], a}});
      for (std::size_t j = i + 1; count() == 2 && j < routes.size(); ++j)
        for (const bool b : {true, false}) add({{routes[i], a}, {routes[j], b}});
    }
    if (space_.route_blocks_.size() > most_route_blocks)
      return fail(ErrorKind::invalid_input, "more device-wide VPNs with routes than can be gone through", {},
                  "say with --state which states matter");
  }
  return {};
}

Result<void> SpaceBuilder::make_states() {
  std::vector<State>& states = space_.states_;
  for (std::uint32_t i = 0; i < space_.refinement_.states.size(); ++i) {
    State& made = states.emplace_back();
    made.given = i;
    made.statuses.assign(space_.tunnels_.size(), TunnelStatus::disconnected);
    const policy::DeviceState& given = space_.refinement_.states[i];
    made.captive = given.captive;
    for (const policy::TunnelState& t : given.tunnels)
      for (std::size_t u = 0; u < space_.tunnels_.size(); ++u)
        if (space_.is_identifier(space_.tunnels_[u], t.id)) made.statuses[u] = t.status;
  }
  if (!states.empty()) return {};
  if (auto done = make_route_blocks(); !done) return done;
  const auto combinations = status_combinations();
  const std::size_t captives = asks_captive() ? 2 : 1;
  const std::size_t all = combinations.size() * space_.networks_.size() * captives * default_sets_.size();
  if (all > most_states)
    return fail(
        ErrorKind::invalid_input,
        "the policy tells " + std::to_string(all) + " states of the device apart, more than can be gone through", {},
        "use fewer VPNs or on-demand rules, or say with --states which ones matter");
  for (const std::vector<std::uint32_t>& by_default : default_sets_) {
    for (const auto& statuses : combinations) {
      // A default route that is not in place makes no difference.
      const bool in_place = std::all_of(by_default.begin(), by_default.end(),
                                        [&](std::uint32_t t) { return statuses[t] == TunnelStatus::connected; });
      if (!in_place) continue;
      for (std::uint32_t n = 0; n < space_.networks_.size(); ++n) {
        for (std::size_t captive = 0; captive < (space_.networks_[n].present ? captives : 1); ++captive)
          states.push_back({n, captive != 0, statuses, by_default, policy::none});
      }
    }
  }
  std::stable_sort(states.begin(), states.end(),
                   [&](const State& a, const State& b) { return cost_of(space_, a) < cost_of(space_, b); });
  return {};
}

// --- A state as the policy sees it -----------------------------------------------------------------------------------

namespace {

policy::Address plus(std::uint32_t base, std::size_t n, unsigned shift) {
  return policy::Address::from_v4(base + static_cast<std::uint32_t>(n << shift));
}

// Blocks of addresses for routes that a provider sets to destinations far away, and within a local network, where S6.a
// may leave them out. What takes all addresses alike needs one address to show it.
policy::Prefix far_block(std::size_t n) { return policy::Prefix::of(plus(0x0a400000u, n, 12), 20); }   // 10.64.0.0
policy::Prefix local_block(std::size_t n) { return policy::Prefix::of(plus(0xc0a84000u, n, 2), 30); }  // 192.168.64.0

}  // namespace

namespace {

/// Where a service is one of local networks within given prefixes, half of each such prefix is one.
void add_local_services(const policy::Policy& policy, policy::InterfaceState& interface) {
  const auto* services = policy.body().services();
  for (flatbuffers::uoffset_t s = 0; services != nullptr && s < services->size(); ++s) {
    const auto* prefixes = services->Get(s)->prefixes();
    if (!services->Get(s)->local_only() || prefixes == nullptr) continue;
    for (const auto* text : *prefixes) {
      const auto whole = policy::Prefix::parse(text->string_view());
      if (!whole || whole->length >= (whole->base.v6 ? 126 : 30)) continue;
      const auto half = policy::Prefix::of(whole->base, static_cast<std::uint8_t>(whole->length + 1));
      if (policy::is_private(half) && half.length >= (half.base.v6 ? 32 : 8))
        interface.addresses.emplace_back(policy::next(half.base), half.length);
    }
  }
}

}  // namespace

bool Space::is_identifier(const Tunnel& tunnel, std::string_view id) const {
  for (std::size_t k = 0; k < policies_.size(); ++k)
    if (tunnel.index[k] != policy::none &&
        policy::compare_ids(policies_[k]->body().tunnels()->Get(tunnel.index[k])->id()->string_view(), id) == 0)
      return true;
  return false;
}

policy::DeviceState Space::device_state(const State& state, std::size_t k) const {
  policy::DeviceState out;
  if (state.given != policy::none) {
    out = refinement_.states[state.given];
    for (policy::TunnelState& s : out.tunnels)
      for (const Tunnel& t : tunnels_)
        if (t.index[k] != policy::none && is_identifier(t, s.id))
          s.id = policies_[k]->body().tunnels()->Get(t.index[k])->id()->str();
    return out;
  }
  const Network& network = networks_[state.network];
  if (network.present) {
    policy::InterfaceState i = network.interface;
    i.addresses.emplace_back(policy::Address::from_v4(0xc0a80114u), std::uint8_t{16});  // 192.168.1.20
    i.addresses.emplace_back(policy::Address::from_v6(0xfd00000000010000u, 0x20u), std::uint8_t{64});
    for (const policy::Policy* policy : policies_) add_local_services(*policy, i);
    out.primary_interface = i.name;
    out.system_routes.push_back({policy::Prefix::of(policy::Address::from_v4(0x0a090000u), 16), i.name});  // 10.9.0.0
    out.interfaces.push_back(std::move(i));
  }
  out.captive = state.captive;
  out.url_probes = network.url_probes;
  for (std::size_t t = 0; t < tunnels_.size(); ++t) {
    const TunnelStatus status = state.statuses[t];
    if (tunnels_[t].index[k] == policy::none || tunnels_[t].statuses.empty() || status == TunnelStatus::disconnected)
      continue;
    policy::TunnelState& made = out.tunnels.emplace_back();
    made.id = policies_[k]->body().tunnels()->Get(tunnels_[t].index[k])->id()->str();
    made.status = status;
    if (status != TunnelStatus::connected && status != TunnelStatus::reasserting) continue;
    made.interface = "tun" + std::to_string(t);
    made.endpoints.push_back({plus(0xc6336401u, t % 250, 0), std::uint8_t{17}, std::uint16_t{4500}});  // 198.51.100.1
    for (std::size_t n = 0; n < route_blocks_.size(); ++n) {
      for (const RouteBlock::Of& by : route_blocks_[n].by) {
        if (by.tunnel != t) continue;
        std::vector<policy::Prefix>& routes = by.is_included ? made.included_routes : made.excluded_routes;
        routes.push_back(far_block(n));
        routes.push_back(local_block(n));
      }
    }
    if (std::binary_search(state.default_routes.begin(), state.default_routes.end(), t))
      for (const char* all : {"0.0.0.0/0", "::/0"})
        made.included_routes.push_back(policy::Prefix::parse(all).value_or(policy::Prefix{}));
  }
  return out;
}

}  // namespace vpn::analyse
