// Who sends, and to which name: apps, apps that spawned them, and names that the policies tell apart.
#include <algorithm>

#include "compiler/analyse/selectors.h"
#include "compiler/analyse/space_builder.h"
#include "policy/kernel/packet.h"
#include "policy/plan.h"

namespace vpn::analyse {
namespace {

constexpr std::size_t most_members = 2'000'000;
/// A label that no profile is likely to have: below a name, and in no list by itself.
constexpr std::string_view below_label = "host-7f3a.";

/// The class of an app; 0 for one that the policy does not name.
std::uint32_t at(std::span<const std::uint32_t> classes, std::uint32_t app) {
  return app < classes.size() ? classes[app] : 0;
}

std::uint32_t find_app(const policy::Policy& policy, std::string_view identifier) {
  return identifier.empty() ? policy::none : policy.apps().find(identifier);
}

}  // namespace

// --- Apps ------------------------------------------------------------------------------------------------------------

void SpaceBuilder::add_owner(std::string_view identifier) {
  AppPart part{identifier, {}, 0, {}};
  for (std::size_t k = 0; k < count(); ++k) {
    const std::uint32_t app = find_app(*space_.policies_[k], identifier);
    part.classes[k] = at(classes_[k].as_owner(), app);
  }
  const auto& wanted = space_.refinement_.apps;
  const auto selected = identifier.empty() ? wanted.end() : std::find(wanted.begin(), wanted.end(), identifier);
  const ClassKey key{part.classes[0], part.classes[1],
                     selected == wanted.end() ? 0 : static_cast<std::uint64_t>(selected - wanted.begin()) + 1};
  const auto [it, is_new] = owner_numbers_.try_emplace(key, static_cast<std::uint32_t>(space_.owners_.size()));
  if (is_new) space_.owners_.push_back(std::move(part));
  for (std::size_t k = 0; k < count(); ++k) {
    const std::uint32_t app = find_app(*space_.policies_[k], identifier);
    if (app != policy::none) space_.owner_of_[k][app] = it->second;
  }
  AppPart& known = space_.owners_[it->second];
  ++known.count;
  if (!identifier.empty() && known.all.size() < most_listed) known.all.push_back(identifier);
}

void SpaceBuilder::add_spawner(std::string_view identifier) {
  AppPart part{identifier, {}, 0, {}};
  for (std::size_t k = 0; k < count(); ++k)
    part.classes[k] = at(classes_[k].as_spawner(), find_app(*space_.policies_[k], identifier));
  const auto [it, is_new] = spawner_numbers_.try_emplace(ClassKey{part.classes[0], part.classes[1]},
                                                         static_cast<std::uint32_t>(space_.spawners_.size()));
  if (is_new) space_.spawners_.push_back(std::move(part));
  AppPart& known = space_.spawners_[it->second];
  ++known.count;
  if (!identifier.empty() && known.all.size() < most_listed) known.all.push_back(identifier);
}

void SpaceBuilder::classify_apps() {
  for (std::size_t k = 0; k < count(); ++k) space_.owner_of_[k].resize(space_.policies_[k]->apps().size());
  add_owner({});
  add_spawner({});
  std::vector<std::string_view> all;
  for (const policy::Policy* p : space_.policies_)
    for (std::uint32_t app = 0; app < p->apps().size(); ++app) all.push_back(p->apps().name(app));
  for (const std::string& app : space_.refinement_.apps) all.push_back(app);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  for (const std::string_view identifier : all) {
    if (identifier.empty()) continue;
    add_owner(identifier);
    add_spawner(identifier);
  }
}

// --- Names -----------------------------------------------------------------------------------------------------------

std::uint32_t SpaceBuilder::host_class(const std::string& name) {
  // A million names are of a handful of classes: what was just seen is looked up without a new key.
  HostPart part;
  host_key_.clear();
  for (std::size_t k = 0; k < count(); ++k) {
    part.classes[k] = space_.policies_[k]->domains().lookup(name);
    host_key_.push_back(classes_[k].domain(part.classes[k]));
  }
  for (const std::string& pattern : space_.refinement_.hosts) host_key_.push_back(selects(pattern, name) ? 1 : 0);
  if (const auto known = host_numbers_.find(host_key_); known != host_numbers_.end()) return known->second;
  for (const std::string& pattern : space_.refinement_.hosts) part.selected.push_back(selects(pattern, name));
  part.example = name;
  const auto number = static_cast<std::uint32_t>(space_.hosts_.size());
  host_numbers_.emplace(host_key_, number);
  space_.hosts_.push_back(std::move(part));
  return number;
}

// The class of a name is that of the nearest entry at or above it: each entry, and something below it, show all. Below
// an entry without "*." all is as at the entry itself, but for entries that are visited by themselves.
void SpaceBuilder::visit_hosts(std::size_t k) {
  const policy::DomainTable& table = space_.policies_[k]->domains();
  const bool may_stop = count() == 1 && space_.refinement_.hosts.empty();
  std::string text;
  std::vector<std::size_t> counts;
  table.for_each([&](std::string_view name, std::span<const std::uint32_t>, std::span<const std::uint32_t> has_below) {
    if (may_stop && space_.hosts_.size() == classes_[k].domain_count()) return;
    text.assign(name);
    const std::uint32_t number = host_class(text);
    counts.resize(space_.hosts_.size());
    ++counts[number];
    std::vector<std::string>& names = space_.hosts_[number].names;
    if (names.size() < most_listed && std::find(names.begin(), names.end(), text) == names.end()) names.push_back(text);
    if (!has_below.empty() || !space_.refinement_.hosts.empty()) host_class(std::string(below_label) + text);
  });
  for (std::size_t h = 0; h < counts.size(); ++h) space_.hosts_[h].count = std::max(space_.hosts_[h].count, counts[h]);
}

void SpaceBuilder::classify_hosts() {
  host_class({});
  for (std::size_t k = 0; k < count(); ++k) {
    if (classes_[k].domain_count() < 2) continue;
    const bool seen = k == 1 && classes_[0].domain_count() >= 2 && std::ranges::equal(domain_bytes(0), domain_bytes(1));
    if (!seen) visit_hosts(k);
  }
  for (const std::string& pattern : space_.refinement_.hosts) {
    const std::string name = pattern.starts_with("*.") ? pattern.substr(2) : pattern;
    host_class(name);
    host_class(std::string(below_label) + name);
  }
}

std::span<const std::uint8_t> SpaceBuilder::domain_bytes(std::size_t k) const {
  const auto* bytes = space_.policies_[k]->body().domains();
  return bytes == nullptr ? std::span<const std::uint8_t>() : std::span(bytes->data(), bytes->size());
}

// --- Together --------------------------------------------------------------------------------------------------------

// The per-app VPNs that are looked at, in order, up to the first one that is sure to decide, and which of them the name
// is excluded from: a flow that is excluded may be judged like one that nobody governs, but a property speaks of it.
void SpaceBuilder::append_governing(std::size_t k, std::uint32_t owner, std::uint32_t spawner, std::uint32_t host,
                                    ClassKey& key) const {
  const policy::Plan& p = plan(k);
  if (p.always_on) return;
  const policy::Policy& policy = *space_.policies_[k];
  const std::uint32_t app = find_app(policy, space_.owners_[owner].example);
  const std::uint32_t by = find_app(policy, space_.spawners_[spawner].example);
  key.push_back(~std::uint64_t{0});  // what follows is of any length
  const auto names = policy.domains().lists(space_.hosts_[host].classes[k]);
  p.each_governing(app, by, names, [&](std::uint32_t vpn, bool is_excluded) {
    key.push_back(std::uint64_t{vpn} * 2 + (is_excluded ? 1 : 0));
    return !is_excluded && !policy::Plan::may_be_bypassed(p.per_app[vpn]);
  });
}

Result<void> SpaceBuilder::make_whos() {
  const auto too_many = [] {
    return fail(ErrorKind::invalid_input,
                "the policy tells more combinations of apps and names apart than can be gone through", {},
                "let more apps share their VPNs, roles and lists of domains");
  };
  space_.whos_.push_back({policy::Owner::forwarded, false, {}});
  space_.whos_.push_back({policy::Owner::unattributed, false, {}});
  struct Pair {
    std::uint32_t owner, spawner;
    std::array<std::uint32_t, 2> classes;
  };
  std::vector<Pair> pairs;
  if (space_.owners_.size() * space_.spawners_.size() > most_members) return too_many();
  for (std::uint32_t s = 0; s < space_.spawners_.size(); ++s) {
    for (std::uint32_t o = 0; o < space_.owners_.size(); ++o) {
      Pair& pair = pairs.emplace_back(Pair{o, s, {}});
      for (std::size_t k = 0; k < count(); ++k) {
        const std::size_t row = std::size_t{space_.owners_[o].classes[k]} * classes_[k].spawners();
        pair.classes[k] = classes_[k].pairs()[row + space_.spawners_[s].classes[k]];
      }
    }
  }
  if (pairs.size() * space_.hosts_.size() > most_members) return too_many();
  std::map<ClassKey, std::size_t> numbers;
  const bool scopes = std::any_of(situations_.begin(), situations_.end(), [](const policy::Situation& s) {
    const policy::Plan& p = *s.data().plan;
    return !p.always_on && std::any_of(p.devices.begin(), p.devices.end(),
                                       [](const policy::Plan::Device& d) { return !d.include_all; });
  });
  for (std::uint32_t h = 0; h < space_.hosts_.size(); ++h) {
    for (const Pair& pair : pairs) {
      ClassKey key;
      for (std::size_t k = 0; k < count(); ++k)
        key.push_back(classes_[k].group(pair.classes[k], classes_[k].domain(space_.hosts_[h].classes[k])));
      // What a property selects stays apart.
      const auto& wanted = space_.refinement_.apps;
      key.push_back(std::find(wanted.begin(), wanted.end(), space_.owners_[pair.owner].example) == wanted.end()
                        ? 0
                        : pair.owner + 1);
      for (const bool selected : space_.hosts_[h].selected) key.push_back(selected ? 1 : 0);
      for (std::size_t k = 0; k < count(); ++k) append_governing(k, pair.owner, pair.spawner, h, key);
      const auto [it, is_new] = numbers.try_emplace(std::move(key), space_.whos_.size());
      if (is_new)
        space_.whos_.push_back(
            {space_.owners_[pair.owner].example.empty() ? policy::Owner::other : policy::Owner::app, false, {}});
      space_.whos_[it->second].members.push_back({pair.owner, pair.spawner, h});
    }
  }
  // Only S7 asks whether an app has bound its flow to an interface (S0 does of the device's own addresses, whatever
  // the policy).
  const std::size_t unscoped = space_.whos_.size();
  for (std::size_t w = 0; scopes && w < unscoped; ++w) {
    if (space_.whos_[w].members.empty()) continue;
    Who scoped = space_.whos_[w];
    scoped.scoped = true;
    space_.whos_.push_back(std::move(scoped));
  }
  return {};
}

policy::Flow Space::flow(const Who& who, const Place& place, const Port& port, const State& state) const {
  policy::Flow out;
  out.owner = who.owner;
  out.protocol = port.protocol;
  out.incoming = port.arrives;
  out.remote_port = port.remote;
  out.local_port = port.local;
  out.has_icmp_type = port.icmp_type.has_value();
  out.icmp_type = port.icmp_type.value_or(0);
  out.remote = place.example;
  if (!who.members.empty()) {
    const Who::Member& member = who.members.front();
    out.app = owners_[member.owner].example;
    out.spawned_by = spawners_[member.spawner].example;
    out.hostname = hosts_[member.host].example;
  }
  if (who.scoped) {
    if (state.given != policy::none)
      out.scope = refinement_.states[state.given].primary_interface;
    else if (networks_[state.network].present)
      out.scope = networks_[state.network].interface.name;
  }
  return out;
}

}  // namespace vpn::analyse
