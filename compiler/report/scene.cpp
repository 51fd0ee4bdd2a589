#include "compiler/report/scene.h"

#include <algorithm>
#include <map>

#include "compiler/analyse/words.h"
#include "compiler/report/arrivals.h"
#include "compiler/report/promise.h"
#include "compiler/report/states.h"
#include "compiler/report/traffic.h"
#include "compiler/report/words.h"

namespace vpn::report {
namespace {

constexpr std::size_t most_scenes = 24, most_raw_senders = 300, most_titles = 5;

/// Verdicts before anything is put together: [sender][item][state], as indexes into Scene::decisions.
struct Verdicts {
  std::size_t items = 0, states = 0;
  std::vector<std::uint32_t> all;
  std::uint32_t& at(std::size_t sender, std::size_t item, std::size_t state) {
    return all[(sender * items + item) * states + state];
  }
};

Verdicts decide_all(const policy::Situation& any, const std::vector<Item>& items, Scene& scene) {
  Verdicts out{items.size(), scene.states.size(), {}};
  out.all.assign(scene.senders.size() * items.size() * scene.states.size(), policy::none);
  std::vector<policy::Decision> found;
  std::map<decltype(key(policy::Decision{})), std::uint32_t> numbers;
  for (std::size_t s = 0; s < scene.states.size(); ++s) {
    const policy::Situation situation = any.in(scene.states[s].device);
    for (std::size_t w = 0; w < scene.senders.size(); ++w)
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (!meets(items[i], scene.senders[w], w)) continue;
        const auto flow = items[i].flow.incoming ? arriving(situation, items[i], scene.senders[w], scene.states[s])
                                                 : flow_of(items[i], scene.senders[w], scene.states[s]);
        if (!flow) continue;
        const policy::Decision d = decide(situation, *flow);
        const auto [it, is_new] = numbers.try_emplace(key(d), static_cast<std::uint32_t>(found.size()));
        if (is_new) found.push_back(d);
        out.at(w, i, s) = it->second;
      }
  }
  // In the order of the rules.
  std::vector<std::uint32_t> place(found.size());
  for (auto& [k, number] : numbers) {
    place[number] = static_cast<std::uint32_t>(scene.decisions.size());
    scene.decisions.push_back(found[number]);
  }
  for (std::uint32_t& v : out.all)
    if (v != policy::none) v = place[v];
  return out;
}

// --- States that do not differ are one column
// ---------------------------------------------------------------------------

/// "connecting and reasserting", for each set of networks for which the same statuses are meant.
std::vector<Column::Part> parts_of(const Scene& scene, const std::vector<std::uint32_t>& states,
                                   std::size_t network_count) {
  std::vector<std::pair<std::string, std::vector<std::string>>> by_status;
  const auto is_plain = [](const State& s) {
    return !s.is_connected && s.network != no_network && s.network != captive_portal;
  };
  const auto plain =
      std::count_if(states.begin(), states.end(), [&](std::uint32_t s) { return is_plain(scene.states[s]); });
  const bool all_plain = !scene.tunnels.empty() && plain > 1 &&
                         plain == std::count_if(scene.states.begin(), scene.states.end(), is_plain) &&
                         plain < static_cast<std::ptrdiff_t>(scene.states.size());
  for (const std::uint32_t s : states) {
    const State& state = scene.states[s];
    if (all_plain && is_plain(state)) continue;
    auto it = std::find_if(by_status.begin(), by_status.end(), [&](const auto& p) { return p.first == state.status; });
    if (it == by_status.end()) it = by_status.insert(it, {state.status, {}});
    it->second.push_back(state.network);
  }
  std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> by_networks;
  for (const auto& one : by_status) {
    const std::vector<std::string>& networks = one.second;
    auto it = std::find_if(by_networks.begin(), by_networks.end(), [&](const auto& p) { return p.first == networks; });
    if (it == by_networks.end()) it = by_networks.insert(it, {networks, {}});
    it->second.push_back(one.first);
  }
  std::vector<Column::Part> out;
  if (all_plain) out.push_back({"Every status but connected", "any network"});
  for (const auto& [networks, statuses] : by_networks) {
    const bool with_captive = std::find(networks.begin(), networks.end(), captive_portal) != networks.end();
    const bool any = network_count > 1 && networks.size() - (with_captive ? 1U : 0U) == network_count;
    std::string where =
        any ? (with_captive ? "any network, a captive portal, too" : "any network") : joined(networks, "; ", "; ");
    out.push_back({capital(joined(statuses, ", ", " or ")), std::move(where)});
  }
  return out;
}

std::string column_title(const Scene& scene, const std::vector<std::uint32_t>& states) {
  std::size_t connected = 0, all_connected = 0;
  for (const std::uint32_t s : states) connected += scene.states[s].is_connected ? 1U : 0U;
  for (const State& s : scene.states) all_connected += s.is_connected ? 1U : 0U;
  std::vector<std::string> networks, statuses;
  const auto note = [](std::vector<std::string>& all, const std::string& one) {
    if (!one.empty() && std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  };
  for (const std::uint32_t s : states) {
    if (scene.states[s].network != no_network) note(networks, scene.states[s].network);
    note(statuses, scene.states[s].status);
  }
  if (states.size() == scene.states.size()) return "Every state";
  const auto on_network = [&](const State& s) { return s.network == networks[0]; };
  if (networks.size() == 1 && states.size() > 1 &&
      std::count_if(scene.states.begin(), scene.states.end(), on_network) == static_cast<std::ptrdiff_t>(states.size()))
    return networks[0];
  std::string what;
  if (connected == states.size() && connected == all_connected) return "Connected";
  if (connected == 0 && states.size() == scene.states.size() - all_connected && all_connected != 0)
    return "Not connected";
  if (statuses.size() == 1) {
    what = capital(statuses[0]);
  } else if (statuses.size() == 2) {
    what = capital(statuses[0] + " or " + statuses[1]);
  } else if (scene.states[states[0]].is_given) {  // nothing is known of them but their names
    what = capital(statuses[0]) + " and " + grouped(statuses.size() - 1) + " more";
  } else {
    what = connected == states.size() ? "Connected" : connected == 0 ? "Not connected" : "Connected or not";
  }
  return networks.size() == 1 ? what + ", " + networks[0] : what;
}

std::vector<std::uint32_t> fold_states(Verdicts& verdicts, Scene& scene) {
  std::map<std::vector<std::uint32_t>, std::size_t> columns;
  std::vector<std::vector<std::uint32_t>> members;
  const std::size_t rows = verdicts.states == 0 ? 0 : verdicts.all.size() / verdicts.states;
  for (std::uint32_t s = 0; s < verdicts.states; ++s) {
    std::vector<std::uint32_t> column(rows);
    for (std::size_t r = 0; r < rows; ++r) column[r] = verdicts.all[r * verdicts.states + s];
    const auto [it, is_new] = columns.try_emplace(std::move(column), members.size());
    if (is_new) members.emplace_back();
    members[it->second].push_back(s);
  }
  std::vector<std::string> networks;
  for (const State& s : scene.states)
    if (!s.network.empty() && s.network != captive_portal && s.network != no_network &&
        std::find(networks.begin(), networks.end(), s.network) == networks.end())
      networks.push_back(s.network);
  // Connected first, then where it is not, then networks whose rules matter more than the status, starting up last.
  const auto rank = [&](const std::vector<std::uint32_t>& states) {
    const auto connected = static_cast<std::size_t>(
        std::count_if(states.begin(), states.end(), [&](std::uint32_t s) { return scene.states[s].is_connected; }));
    if (states.size() == 1 && scene.states[states[0]].network == no_network) return 3;
    return connected == states.size() ? 0 : connected == 0 ? 1 : 2;
  };
  std::stable_sort(members.begin(), members.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  std::vector<std::uint32_t> representatives;
  for (const auto& states : members) {
    representatives.push_back(states[0]);
    scene.columns.push_back({column_title(scene, states), parts_of(scene, states, networks.size()), states});
  }
  // Two columns with one title would not be told apart.
  for (std::size_t i = 0; i < scene.columns.size(); ++i)
    for (std::size_t j = i + 1, n = 2; j < scene.columns.size(); ++j)
      if (scene.columns[j].title == scene.columns[i].title) scene.columns[j].title += " (" + std::to_string(n++) + ")";
  return representatives;
}

// --- Senders and destinations that do not differ are one row
// ------------------------------------------------------------

void join_senders(Sender& into, const Sender& other) {
  into.is_named = into.is_named || other.is_named;
  into.unnamed |= other.unnamed;
  into.groups.insert(into.groups.end(), other.groups.begin(), other.groups.end());
  into.members.insert(into.members.end(), other.members.begin(), other.members.end());
  into.more += other.more;
}

/// The title of items that are judged alike: each once, with its family where only one is meant.
std::vector<std::string> titles(const std::vector<Item>& items, const std::vector<std::uint32_t>& chosen) {
  std::vector<std::string> out;
  for (const std::uint32_t i : chosen) {
    const std::string& title = items[i].title;
    std::size_t all = 0, here = 0;
    for (std::size_t k = 0; k < items.size(); ++k)
      all += items[k].title == title && items[k].sender == items[i].sender ? 1U : 0U;
    for (const std::uint32_t k : chosen) here += items[k].title == title ? 1U : 0U;
    std::string text = title;
    if (here != all) {
      const bool v6 = items[i].flow.remote.v6;
      std::size_t family = 0, here_family = 0;
      for (std::size_t k = 0; k < items.size(); ++k)
        family += items[k].title == title && items[k].flow.remote.v6 == v6 ? 1U : 0U;
      for (const std::uint32_t k : chosen)
        here_family += items[k].title == title && items[k].flow.remote.v6 == v6 ? 1U : 0U;
      text += here_family == family ? (v6 ? " over IPv6" : " over IPv4") : ": " + items[i].sample;
    }
    if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  }
  return out;
}

void add_rows(const std::vector<Item>& items, const std::vector<std::vector<std::uint32_t>>& vectors,
              std::uint32_t sender, Scene& scene) {
  std::vector<std::pair<std::vector<std::uint32_t>, std::vector<std::uint32_t>>> rows;  // cells, items
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    if (vectors[i].empty()) continue;
    auto it = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.first == vectors[i]; });
    if (it == rows.end()) it = rows.insert(it, {vectors[i], {}});
    it->second.push_back(i);
  }
  const std::size_t begin = scene.rows.size();
  const auto all_rest = std::count_if(items.begin(), items.end(), [](const Item& i) { return i.is_rest; });
  for (const auto& [cells, chosen] : rows) {
    Row row;
    row.sender = sender;
    row.cells = cells;
    row.asked = chosen;
    row.things = titles(items, chosen);
    for (const std::uint32_t i : chosen)
      if (row.samples.size() < 24) row.samples.push_back(items[i].sample);
    std::vector<std::uint32_t> rest;
    std::copy_if(chosen.begin(), chosen.end(), std::back_inserter(rest),
                 [&](std::uint32_t i) { return items[i].is_rest; });
    row.rest = titles(items, rest);
    if (rows.size() == 1 && !scene.senders[sender].is_system)
      row.title = scene.everything;
    else if (all_rest != 0 && rest.size() == static_cast<std::size_t>(all_rest))
      row.title = "Everything else";
    else
      row.title = analyse::listed(row.things, most_titles, ", ");
    scene.rows.push_back(std::move(row));
  }
  std::stable_partition(scene.rows.begin() + static_cast<std::ptrdiff_t>(begin), scene.rows.end(),
                        [](const Row& r) { return r.rest.empty(); });
}

void fold_senders(const std::vector<Item>& items, Verdicts& verdicts, const std::vector<std::uint32_t>& states,
                  Scene& scene) {
  using Matrix = std::vector<std::vector<std::uint32_t>>;
  std::vector<std::pair<Matrix, Sender>> folded;
  std::size_t left_out = 0;
  for (std::size_t w = 0; w < scene.senders.size(); ++w) {
    Matrix matrix(items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
      if (meets(items[i], scene.senders[w], w))
        for (const std::uint32_t s : states) matrix[i].push_back(verdicts.at(w, i, s));
    const auto it = std::find_if(folded.begin(), folded.end(), [&](const auto& f) { return f.first == matrix; });
    if (it != folded.end()) {
      join_senders(it->second, scene.senders[w]);
      it->second.asked.push_back(static_cast<std::uint32_t>(w));
    } else if (folded.size() < scene.most_groups || scene.senders[w].is_system || scene.senders[w].unnamed != 0) {
      folded.emplace_back(std::move(matrix), scene.senders[w]);
      folded.back().second.asked = {static_cast<std::uint32_t>(w)};
    } else {
      ++left_out;
    }
  }
  if (left_out != 0)
    scene.notes.push_back(counted(left_out, "group of apps is", "groups of apps are") +
                          " not shown: the table would be too long. `vpnprofile explain` answers for each app.");
  // Those that a rule names, then everybody else, then the system's own.
  const auto rank = [](const Sender& s) { return s.is_system ? 2 : s.unnamed != 0 ? 1 : 0; };
  std::stable_sort(folded.begin(), folded.end(),
                   [&](const auto& a, const auto& b) { return rank(a.second) < rank(b.second); });
  const bool alone =
      std::count_if(folded.begin(), folded.end(), [](const auto& f) { return !f.second.is_system; }) == 1;
  scene.senders.clear();
  for (auto& [matrix, sender] : folded) {
    if (!sender.is_system) sender.title = senders_title(sender.groups, sender.unnamed, alone);
    scene.senders.push_back(std::move(sender));
  }
  for (std::uint32_t s = 0; s < folded.size(); ++s) add_rows(items, folded[s].first, s, scene);
}

// --- Which scenes
// -------------------------------------------------------------------------------------------------------

class Stage {
 public:
  explicit Stage(const policy::Policy& policy)
      : policy_(policy), any_(policy, policy::DeviceState{}), senders_(report::senders(policy)) {
    // A page of many VPNs stays readable, and a few megabytes: each has a table of its own.
    const std::size_t vpns = policy.body().tunnels() == nullptr ? 0 : policy.body().tunnels()->size();
    if (vpns > 8) most_groups_ = 12;
  }

  Scene scene(std::string title, std::string kind, std::vector<std::uint32_t> tunnels, const fb::OnDemand* on_demand,
              bool guess_routes) const {
    Scene out;
    out.title = std::move(title);
    out.kind = std::move(kind);
    out.on_demand = on_demand;
    out.has_guessed_routes = guess_routes;
    if (tunnels.size() == 1) out.most_groups = most_groups_;
    if (!tunnels.empty()) out.tunnel = tunnels[0];
    out.has_others = policy_.body().tunnels() != nullptr && policy_.body().tunnels()->size() > tunnels.size();
    out.tunnels = tunnels;
    const Networks on = networks(on_demand);
    out.states = states(policy_, tunnels, on.all, guess_routes);
    fill(out, guess_routes);
    if (!on.note.empty()) out.notes.push_back(on.note);
    return out;
  }

  Scene own(const std::vector<NamedState>& given) const {
    Scene out;
    out.title = "Your states";
    out.kind = "device states that you gave";
    for (const NamedState& s : given) out.states.push_back({{}, s.name, s.state, false, true});
    fill(out, false);
    out.notes.emplace_back(
        std::string("In place of ") + example::network + ", " + example::network6 + ", " + example::server + " and " +
        example::server6 +
        " each state was asked for an address of its own network, its resolver and its tunnel\u2019s server, where it "
        "has one.");
    return out;
  }

 private:
  /// Where not all can be shown, those that the VPN serves come first, and not all of the others are looked at.
  std::vector<Sender> looked_at(Scene& scene) const {
    std::vector<Sender> out = senders_.all;
    if (out.size() <= scene.most_groups) return out;
    const auto everybody =
        std::stable_partition(out.begin(), out.end(), [](const Sender& s) { return s.unnamed == 0; });
    // On the first network, which the first rule is about, and on an ordinary one.
    std::vector<const State*> connected;
    for (const State& s : scene.states)
      if (s.is_connected || s.is_given) connected.push_back(&s);
    if (connected.size() > 2) connected.erase(connected.begin() + 1, connected.end() - 1);
    const Item web = items(policy_, false)[0];
    const auto first = [&](auto begin, const State& state) {
      const policy::Situation situation = any_.in(state.device);
      return std::stable_partition(begin, everybody, [&](const Sender& s) {
        const std::uint32_t tunnel = decide(situation, flow_of(web, s, state)).tunnel;
        return scene.tunnel == policy::none ? tunnel != policy::none : tunnel == scene.tunnel;
      });
    };
    auto others = out.begin();
    for (const State* state : connected) others = first(others, *state);
    if (out.size() <= most_raw_senders) return out;
    scene.notes.push_back("Only " + grouped(most_raw_senders) + " of " + grouped(out.size()) +
                          " groups of apps are looked at here. `vpnprofile explain` answers for each app.");
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(most_raw_senders) - (out.end() - everybody), everybody);
    return out;
  }

  void fill(Scene& out, bool routes) const {
    out.notes = senders_.notes;
    const Cast cast = report::cast(policy_, looked_at(out), out.tunnel, routes);
    if (policy_.body().tunnels() != nullptr && policy_.body().tunnels()->size() != 0) add_arrivals(cast, routes, out);
    out.senders = cast.senders;
    judge(policy_, any_, cast.items, out);
  }

  void add_arrivals(const Cast& cast, bool routes, Scene& out) const {
    Scene& in = out.arrivals.emplace_back();
    in.everything = "Whatever arrives";
    in.states = out.states;
    in.tunnel = out.tunnel;
    in.tunnels = out.tunnels;
    in.most_groups = out.most_groups;
    in.senders = cast.senders;
    fold(any_, report::arrivals(cast.senders, routes), in);
  }

  const policy::Policy& policy_;
  const policy::Situation any_;
  Senders senders_;
  std::size_t most_groups_ = Scene{}.most_groups;
};

}  // namespace

bool meets(const Item& item, const Sender& sender, std::size_t number) {
  return item.sender == policy::none ? !sender.is_system : item.sender == number;
}

policy::Flow flow_of(const Item& item, const Sender& sender, const State& state) {
  policy::Flow f = item.flow;
  f.owner = sender.as.owner;
  f.app = sender.as.app;
  f.spawned_by = sender.as.spawned_by;
  f.domain = sender.as.domain;
  f.provider_of = sender.as.provider_of;
  if (f.owner == policy::Owner::unattributed || f.owner == policy::Owner::forwarded) f.service.reset();
  if (state.is_given) ask_at_home(state.device, f);
  return f;
}

Cast cast(const policy::Policy& policy, const std::vector<Sender>& senders, std::uint32_t tunnel, bool routes) {
  Cast out{senders, items(policy, routes)};
  add_system(policy, tunnel, out.senders, out.items);
  return out;
}

void fold(const policy::Situation& any, const std::vector<Item>& items, Scene& scene) {
  Verdicts verdicts = decide_all(any, items, scene);
  const std::vector<std::uint32_t> representatives = fold_states(verdicts, scene);
  fold_senders(items, verdicts, representatives, scene);
}

void judge(const policy::Policy& policy, const policy::Situation& any, const std::vector<Item>& items, Scene& scene) {
  fold(any, items, scene);
  scene.promise = promise(policy, scene);
}

Scenes scenes(const policy::Policy& policy, const std::vector<NamedState>& own) {
  const fb::Policy& body = policy.body();
  const Stage stage(policy);
  Scenes out;
  std::vector<std::uint32_t> all_tunnels;
  bool has_on_demand = false;
  const auto full = [&](std::uint32_t tunnel, const fb::OnDemand* on_demand) {
    all_tunnels.push_back(tunnel);
    has_on_demand = has_on_demand || (on_demand != nullptr && on_demand->enabled());
    if (out.all.size() < most_scenes) return false;
    out.left_out.push_back(tunnel_name(policy, tunnel));
    return true;
  };
  if (const fb::AlwaysOn* a = body.always_on()) {
    std::vector<std::uint32_t> tunnels;
    for (const fb::AlwaysOnTunnel* t : *a->tunnels()) tunnels.push_back(t->tunnel());
    std::vector<std::string> names;
    for (const std::uint32_t t : tunnels) {
      const std::string name = tunnel_name(policy, t);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    out.all.push_back(stage.scene(joined(names, ", ", " and "), "Always-on VPN", tunnels, nullptr, false));
    all_tunnels = std::move(tunnels);
  }
  for (std::uint32_t i = 0; body.per_app() != nullptr && i < body.per_app()->size(); ++i) {
    const fb::PerApp& v = *body.per_app()->Get(i);
    if (!full(v.tunnel(), v.on_demand()))
      out.all.push_back(
          stage.scene(tunnel_name(policy, v.tunnel()), "Per-app VPN", {v.tunnel()}, v.on_demand(), false));
  }
  for (std::uint32_t i = 0; body.devices() != nullptr && i < body.devices()->size(); ++i) {
    const fb::Device& d = *body.devices()->Get(i);
    if (!full(d.tunnel(), d.on_demand()))
      out.all.push_back(stage.scene(tunnel_name(policy, d.tunnel()), "Device-wide VPN", {d.tunnel()}, d.on_demand(),
                                    !d.include_all()));
  }
  if (out.all.size() > 1) {
    out.all.push_back(
        stage.scene("All VPNs together", "Every VPN of the policy in the same status", all_tunnels, nullptr, true));
    if (has_on_demand)
      out.all.back().notes.emplace_back(
          "The networks here are ordinary ones; what on-demand rules make of others stands in each VPN\u2019s own "
          "section.");
  }
  if (out.all.empty()) out.all.push_back(stage.scene("No VPN", "The policy has none", {}, nullptr, false));
  if (!own.empty()) out.all.push_back(stage.own(own));
  std::map<std::string, unsigned> seen;
  for (std::size_t i = 0; i < out.all.size(); ++i) {
    out.all[i].anchor = "vpn-" + std::to_string(i + 1);
    for (Scene& in : out.all[i].arrivals) in.anchor = out.all[i].anchor + "-in";
    if (const unsigned n = ++seen[out.all[i].title]; n > 1) out.all[i].title += " (" + std::to_string(n) + ")";
  }
  return out;
}

}  // namespace vpn::report
