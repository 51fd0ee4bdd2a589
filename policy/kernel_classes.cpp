// Apps, names and ports to classes that no rule can tell apart further, whatever the state of the device.
#include "policy/kernel_classes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <string>
#include <utility>

#include "policy/kernel/packet.h"
#include "policy/situation.h"

namespace vpn::policy {
namespace {

/// What distinguishes a class: equal keys, equal verdicts.
using Key = std::vector<std::uint64_t>;

/// Numbers for keys in the order in which they are first seen.
class Numbers {
 public:
  /// The key's number, and whether it is new.
  std::pair<std::uint32_t, bool> add(const Key& key) {
    const auto [it, is_new] = numbers_.try_emplace(key, static_cast<std::uint32_t>(numbers_.size()));
    return {it->second, is_new};
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(numbers_.size()); }

 private:
  std::map<Key, std::uint32_t> numbers_;
};

constexpr std::uint32_t most_pairs = 1u << 20;  // four megabytes in the kernel

/// Protocols whose packets have ports (vpn_packet).
bool has_ports(std::uint32_t protocol) {
  return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

/// What the rules of a policy ask of an app, and of its VPNs, in whatever state.
class Questions {
 public:
  Questions(const Plan& plan, const DomainTable& domains) : plan_(plan), domains_(domains) {
    own_roles_ = plan.selector_roles;
    if (plan.always_on) {
      if (plan.always_on->captive_websheet) own_roles_ |= bit(Role::captive_websheet);
      if (plan.always_on->captive_all) own_roles_ |= bit(Role::captive_plugin);
      return;  // nothing after S3 is reached
    }
    words_ = plan.words;
    if (std::any_of(plan.devices.begin(), plan.devices.end(), [](const Plan::Device& d) { return d.include_all; }))
      own_roles_ |= bit(Role::captive_websheet) | bit(Role::captive_plugin);
    std::vector<bool> has_exclusions(plan.per_app.size(), false);
    for (const Plan::DomainList& list : plan.lists) {
      if (list.kind == fb::ListKind::excluded) has_exclusions[list.owner] = true;
      if (list.kind >= fb::ListKind::safari && list.kind <= fb::ListKind::smb)
        triggers_ |= 1u << (static_cast<unsigned>(list.kind) - 1);
    }
    never_bypassed_.assign(words_, 0);
    never_passed_over_.assign(words_, 0);
    for (std::size_t v = 0; v < plan.per_app.size(); ++v) {
      if (Plan::may_be_bypassed(plan.per_app[v])) continue;
      never_bypassed_[v / 64] |= std::uint64_t{1} << (v % 64);
      if (!has_exclusions[v]) never_passed_over_[v / 64] |= std::uint64_t{1} << (v % 64);
    }
  }

  std::size_t words() const { return words_; }
  const Plan::AppClass& class_of(std::uint32_t app) const { return plan_.class_of(app); }
  std::uint64_t own_roles(std::uint32_t app) const { return class_of(app).roles & own_roles_; }
  std::uint64_t triggers(std::uint32_t app) const { return class_of(app).roles & triggers_; }

  /// S3.a and S3.c, as bits.
  std::uint64_t exceptions(std::uint32_t app) const {
    if (!plan_.always_on || app == none) return 0;
    const Plan::AppExceptions& e = plan_.app_exceptions[app];
    std::uint64_t out = e.any != none ? 1 : (e.udp != none ? 2u : 0u) | (e.tcp != none ? 4u : 0u);
    if (!plan_.always_on->captive_all && e.captive_plugin != none) out |= 8;
    return out;
  }

  /// The per-app VPNs, in whatever state, that may govern a flow of this app and spawner for a name: set minus those
  /// that are excluded (S4.b), without what stands behind one that is never bypassed (S4.a).
  void append_candidates(Key& key, std::uint32_t app, std::uint32_t spawner, DomainClass domain) const {
    const std::uint32_t roles = class_of(app).roles | class_of(spawner).roles;
    append(key, never_bypassed_, [&](std::size_t w) {
      const Plan::NamedVpns by_name = plan_.named(domains_.lists(domain), roles, w);
      return (plan_.mapped(app, class_of(app), class_of(spawner), w) | by_name.triggered) & ~by_name.excluded;
    });
  }

  /// Likewise for whatever name: those that the two are mapped to.
  void append_mapped(Key& key, std::uint32_t app, std::uint32_t spawner) const {
    append(key, never_passed_over_,
           [&](std::size_t w) { return plan_.mapped(app, class_of(app), class_of(spawner), w); });
  }

 private:
  template <class Words>
  void append(Key& key, const std::vector<std::uint64_t>& last, const Words& words) const {
    for (std::size_t w = 0; w < words_; ++w) {
      const std::uint64_t set = words(w), ends = set & last[w];
      const std::uint64_t first_end = ends & (~ends + 1);
      key.push_back(ends == 0 ? set : set & (first_end | (first_end - 1)));
      if (ends == 0) continue;
      key.resize(key.size() + words_ - w - 1, 0);
      return;
    }
  }

  const Plan& plan_;
  const DomainTable& domains_;
  std::uint32_t own_roles_ = 0, triggers_ = 0;
  std::size_t words_ = 0;  // of a set of per-app VPNs; 0: there are none, or S3 is before them
  std::vector<std::uint64_t> never_bypassed_, never_passed_over_;
};

}  // namespace

class KernelClassesBuilder {
 public:
  KernelClassesBuilder(const Situation& situation, const KernelClasses::Limits& limits)
      : limits_(limits),
        plan_(*situation.data().plan),
        domains_(situation.policy().domains()),
        questions_(plan_, situation.policy().domains()) {}

  Result<KernelClasses> build() {
    if (plan_.tunnels.size() > limits_.tunnels)
      return too_many("tunnels", plan_.tunnels.size(), limits_.tunnels, "split the profiles over several devices");
    classify_apps();
    const std::uint64_t pairs = std::uint64_t{owner_parts_.size()} * spawner_parts_.size();
    if (pairs > most_pairs)
      return too_many("combinations of apps and apps that spawn them", pairs, most_pairs,
                      "give apps with the same VPNs the same roles and exceptions");
    classify_pairs();
    classify_names();
    if (auto grouped = classify_groups(); !grouped) return tl::unexpected(grouped.error());
    classify_ports();
    return std::move(out_);
  }

 private:
  static tl::unexpected<Error> too_many(const char* what, std::uint64_t count, std::uint64_t most, const char* help) {
    return fail(
        ErrorKind::invalid_input,
        "the policy has " + std::to_string(count) + ' ' + what + ", the kernel's table holds " + std::to_string(most),
        {}, help);
  }

  /// For each app, the classes of apps as whose tool it is governed (S4.d).
  std::map<std::uint32_t, Key> memberships() const {
    std::map<std::uint32_t, Key> out;
    if (questions_.words() == 0) return out;
    for (std::size_t c = 0; c < plan_.classes.size(); ++c)
      for (const Plan::Tool& t : cut(plan_.tools, plan_.classes[c].tools))
        out[t.app].push_back(std::uint64_t{c} << 32 | t.per_app);
    for (auto& [app, key] : out) std::sort(key.begin(), key.end());
    return out;
  }

  /// Apps as owners, and as spawners. Class 0 of both is that of apps that the policy does not name.
  void classify_apps() {
    const std::map<std::uint32_t, Key> tool_of = memberships();
    // What depends on the app's class alone is worked out once for each.
    const std::size_t classes = plan_.classes.size();
    constexpr std::uint32_t unknown = none;
    std::vector<std::uint32_t> spawner_of_class(classes, unknown);
    std::vector<std::array<std::uint32_t, 16>> owner_of_class(classes);
    for (auto& row : owner_of_class) row.fill(unknown);
    Numbers owners, spawners;
    const auto add = [&](std::uint32_t app) {
      const std::uint32_t cls = app == none ? 0 : plan_.app_classes[app];
      const std::uint64_t exceptions = questions_.exceptions(app);
      const auto tools = tool_of.find(app);
      std::uint32_t owner = tools == tool_of.end() ? owner_of_class[cls][exceptions] : unknown;
      if (owner == unknown) {
        Key key{questions_.own_roles(app), questions_.triggers(app), exceptions};
        questions_.append_mapped(key, app, none);
        if (tools != tool_of.end()) key.insert(key.end(), tools->second.begin(), tools->second.end());
        const auto [number, is_new] = owners.add(key);
        if (is_new) owner_parts_.push_back(app);
        owner = number;
        if (tools == tool_of.end()) owner_of_class[cls][exceptions] = owner;
      }
      std::uint32_t& spawner = spawner_of_class[cls];
      if (spawner == unknown) {
        Key key{questions_.triggers(app)};
        questions_.append_mapped(key, none, app);
        if (questions_.words() != 0 && plan_.classes[cls].tools.size != 0) key.push_back(cls);
        const auto [number, is_new] = spawners.add(key);
        if (is_new) spawner_parts_.push_back(app);
        spawner = number;
      }
      return std::pair(owner, spawner);
    };
    add(none);
    out_.as_owner_.reserve(plan_.app_classes.size());
    out_.as_spawner_.reserve(plan_.app_classes.size());
    for (std::uint32_t app = 0; app < plan_.app_classes.size(); ++app) {
      const auto [owner, spawner] = add(app);
      out_.as_owner_.push_back(owner);
      out_.as_spawner_.push_back(spawner);
    }
    out_.spawners_ = spawners.size();
  }

  void classify_pairs() {
    Numbers numbers;
    out_.pairs_.reserve(owner_parts_.size() * spawner_parts_.size());
    for (const std::uint32_t app : owner_parts_) {
      for (const std::uint32_t spawner : spawner_parts_) {
        Key key{questions_.own_roles(app), questions_.triggers(app) | questions_.triggers(spawner),
                questions_.exceptions(app)};
        questions_.append_mapped(key, app, spawner);
        const auto [number, is_new] = numbers.add(key);
        if (is_new) owners_.push_back({Owner::app, app, spawner, 0});
        out_.pairs_.push_back(VPN_OTHER + number);
      }
    }
    out_.owners_ = VPN_OTHER + numbers.size();
  }

  void classify_names() {
    Numbers numbers;
    const std::uint32_t count = questions_.words() == 0 ? 0 : domains_.class_count();
    for (DomainClass c = 0; c < count; ++c) {
      Key key;
      for (const std::uint32_t list : domains_.lists(c))
        if (plan_.lists[list].kind <= fb::ListKind::smb) key.push_back(list);
      const auto [number, is_new] = numbers.add(key);
      if (is_new) names_.push_back(c);
      out_.domains_.push_back(number);
    }
    if (names_.empty()) names_.push_back(0);
    out_.domain_count_ = static_cast<std::uint32_t>(names_.size());
  }

  Result<void> classify_groups() {
    out_.groups_ = {{Owner::forwarded, none, none, 0}, {Owner::unattributed, none, none, 0}};
    for (const std::uint32_t group : {VPN_FORWARDED, VPN_UNATTRIBUTED})
      out_.group_of_.insert(out_.group_of_.end(), out_.domain_count_, group);
    Numbers numbers;
    for (const KernelClasses::Group& owner : owners_) {
      for (const DomainClass name : names_) {
        Key key{questions_.own_roles(owner.app), questions_.exceptions(owner.app)};
        questions_.append_candidates(key, owner.app, owner.spawner, name);
        const auto [number, is_new] = numbers.add(key);
        if (is_new) {
          out_.groups_.push_back(owner);
          out_.groups_.back().domain = name;
          if (owner.app == none) out_.groups_.back().owner = Owner::other;
        }
        out_.group_of_.push_back(VPN_OTHER + number);
      }
    }
    if (out_.groups_.size() > limits_.groups)
      return too_many("combinations of apps and VPNs", out_.groups_.size(), limits_.groups,
                      "let fewer per-app VPNs share apps and on-demand rules that disconnect");
    return {};
  }

  void classify_ports() {
    Numbers numbers;
    std::uint32_t last = none;
    const auto start = [&](std::uint32_t protocol, std::uint32_t port) {
      // Names go over 53 and 853, which never count as local; a proxy and S3.c know TCP and UDP from all else.
      Key key{has_ports(protocol) && (port == 53 || port == 853) ? 1u : 0u,
              protocol == VPN_TCP || protocol == VPN_UDP ? protocol : 0u};
      for (std::size_t s = 0; s < plan_.selectors.size(); ++s)
        if (plan_.fits(plan_.selectors[s], protocol, port)) key.push_back(s);
      const auto [number, is_new] = numbers.add(key);
      if (is_new) out_.ports_.push_back({static_cast<std::uint8_t>(protocol), static_cast<std::uint16_t>(port)});
      if (number != last) out_.port_ranges_.push_back(std::uint64_t{protocol << 16 | port} << 32 | number);
      last = number;
    };
    std::vector<std::uint32_t> ports{53, 853};
    ports.insert(ports.end(), plan_.ports.begin(), plan_.ports.end());
    std::sort(ports.begin(), ports.end());
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    for (std::uint32_t protocol = 0; protocol < 256; ++protocol) {
      start(protocol, 0);
      if (!has_ports(protocol)) continue;
      for (const std::uint32_t port : ports) {
        start(protocol, port);
        if (port != 0xffff) start(protocol, port + 1);
      }
    }
  }

  const KernelClasses::Limits limits_;
  const Plan& plan_;
  const DomainTable& domains_;
  const Questions questions_;
  KernelClasses out_;
  std::vector<std::uint32_t> owner_parts_, spawner_parts_;  // one app for each
  std::vector<KernelClasses::Group> owners_;                // one pair for each class from VPN_OTHER on
  std::vector<DomainClass> names_;                          // one class of the policy for each of ours
};

std::uint32_t KernelClasses::owner(std::uint32_t app, std::uint32_t spawner) const {
  const std::uint32_t own = app < as_owner_.size() ? as_owner_[app] : 0;
  const std::uint32_t by = spawner < as_spawner_.size() ? as_spawner_[spawner] : 0;
  return pairs_[own * spawners_ + by];
}

Result<KernelClasses> KernelClasses::of(const Situation& situation) {
  return of(situation, {VPN_MAX_TUNNELS, VPN_MAX_MARKS});
}

Result<KernelClasses> KernelClasses::of(const Situation& situation, const Limits& limits) {
  return KernelClassesBuilder(situation, limits).build();
}

}  // namespace vpn::policy
