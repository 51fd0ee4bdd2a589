#include "compiler/analyse/words.h"

#include <algorithm>
#include <map>
#include <set>

namespace vpn::analyse {

std::string listed(const std::vector<std::string>& words, std::size_t most, const char* last, const char* between) {
  std::string out;
  const std::size_t shown = words.size() <= most ? words.size() : most - 1;
  for (std::size_t i = 0; i < shown; ++i) {
    if (i != 0) out += i + 1 == words.size() ? last : between;
    out += words[i];
  }
  if (shown < words.size()) out += last + std::to_string(words.size() - shown) + " more";
  return out;
}

std::string state_words(const Space& space, const State& state) {
  if (state.given != policy::none) return "in state " + std::to_string(state.given + 1);
  const Network& network = space.networks()[state.network];
  std::string out = network.present ? "on " + network.describe() : std::string("without a network");
  if (state.captive) out += ", behind a captive portal";
  std::vector<std::string> disconnected;
  std::size_t relevant = 0;
  for (std::size_t t = 0; t < space.tunnels().size(); ++t) {
    if (space.tunnels()[t].statuses.empty()) continue;
    ++relevant;
    if (state.statuses[t] == policy::TunnelStatus::disconnected) {
      disconnected.push_back("'" + space.tunnels()[t].name + "'");
      continue;
    }
    out += ", '" + space.tunnels()[t].name + "' " + std::string(to_string(state.statuses[t]));
    if (std::binary_search(state.default_routes.begin(), state.default_routes.end(), t)) out += " with a default route";
  }
  if (disconnected.size() == relevant && relevant > 1)
    out += ", every tunnel disconnected";
  else if (!disconnected.empty())
    out += ", " + listed(disconnected, 3) + " disconnected";
  return out;
}

// --- Sets of states --------------------------------------------------------------------------------------------------

namespace {

/// Where the device is: network and captive. How its tunnels are: statuses and default route.
using Where = std::pair<std::uint32_t, bool>;
using How = std::pair<std::vector<policy::TunnelStatus>, std::vector<std::uint32_t>>;

std::string where_words(const Space& space, const std::set<Where>& chosen, const std::set<Where>& all) {
  if (chosen == all) return {};
  std::set<std::uint32_t> captive, free, every;
  for (const Where& w : chosen) (w.second ? captive : free).insert(w.first);
  for (const Where& w : all) every.insert(w.first);
  const auto on = [&](const std::set<std::uint32_t>& networks) {
    if (networks == every) return std::string();
    std::vector<std::string> names;
    bool none = false;
    for (const std::uint32_t n : networks) {
      none |= !space.networks()[n].present;
      if (space.networks()[n].present) names.push_back(space.networks()[n].describe());
    }
    const auto present =
        std::count_if(every.begin(), every.end(), [&](std::uint32_t n) { return space.networks()[n].present; });
    if (!names.empty() && static_cast<std::ptrdiff_t>(names.size()) == present)
      return std::string(none ? "" : "on any network");
    return (names.empty() ? "" : "on " + listed(names, 4, " or ")) +
           (none ? (names.empty() ? "without a network" : ", or without one") : "");
  };
  if (captive.empty() || free.empty()) {
    const std::string network = on(captive.empty() ? free : captive);
    const bool can_be = std::any_of(all.begin(), all.end(), [](const Where& w) { return w.second; });
    std::string portal = !can_be ? "" : captive.empty() ? "not behind a captive portal" : "behind a captive portal";
    // A portal is on some network.
    if (!captive.empty() && (network.empty() || network == "on any network")) return portal;
    return network.empty() || portal.empty() ? network + portal : network + ", " + portal;
  }
  free.insert(captive.begin(), captive.end());
  return on(free);
}

std::string default_words(const Space& space, const std::vector<std::uint32_t>& tunnels) {
  if (tunnels.empty()) return "no default route set";
  std::vector<std::string> names;
  names.reserve(tunnels.size());
  for (const std::uint32_t t : tunnels) names.push_back("'" + space.tunnels()[t].name + "'");
  return listed(names) + " with a default route";
}

std::string how_words(const Space& space, const std::set<How>& chosen, const std::set<How>& all) {
  if (chosen == all) return {};
  std::vector<std::string> words;
  std::size_t product = 0;
  std::vector<std::set<policy::TunnelStatus>> of(space.tunnels().size()), every(space.tunnels().size());
  std::set<std::vector<std::uint32_t>> defaults, every_default;
  for (const How& h : all) {
    for (std::size_t t = 0; t < of.size(); ++t) every[t].insert(h.first[t]);
    every_default.insert(h.second);
  }
  for (const How& h : chosen) {
    for (std::size_t t = 0; t < of.size(); ++t) of[t].insert(h.first[t]);
    defaults.insert(h.second);
  }
  for (const How& h : all) {
    bool is_in = defaults.contains(h.second);
    for (std::size_t t = 0; t < of.size(); ++t) is_in = is_in && of[t].contains(h.first[t]);
    product += is_in ? 1u : 0u;
  }
  const auto status_words = [&](std::size_t t, const std::set<policy::TunnelStatus>& statuses) {
    std::vector<std::string> names;
    names.reserve(statuses.size());
    for (const policy::TunnelStatus s : statuses) names.emplace_back(to_string(s));
    return "'" + space.tunnels()[t].name + "' " + listed(names, 6, " or ");
  };
  if (product == chosen.size()) {  // each tunnel by itself
    for (std::size_t t = 0; t < of.size(); ++t)
      if (of[t] != every[t]) words.push_back(status_words(t, of[t]));
    if (defaults != every_default)
      for (const std::vector<std::uint32_t>& with : defaults) words.push_back(default_words(space, with));
    return listed(words, 8, ", ");
  }
  for (const How& h : chosen) {
    std::vector<std::string> one;
    for (std::size_t t = 0; t < of.size(); ++t)
      if (every[t].size() > 1) one.push_back(status_words(t, {h.first[t]}));
    if (!h.second.empty()) one.push_back(default_words(space, h.second));
    words.push_back(listed(one, 8, ", "));
  }
  return listed(words, 4, "; or ", "; ");
}

}  // namespace

std::string state_words(const Space& space, const Numbers& states) {
  if (states.size() == space.states().size()) return "always";
  if (!space.refinement().states.empty()) {
    std::vector<std::string> words;
    for (const std::uint32_t s : states) words.push_back(std::to_string(s + 1));
    return "in state " + listed(words, 8);
  }
  const auto where = [](const State& s) { return Where{s.network, s.captive}; };
  const auto how = [](const State& s) { return How{s.statuses, s.default_routes}; };
  std::set<Where> every_where;
  std::set<How> every_how;
  // Without a network nothing leaves: where all others are meant, it is not worth a word.
  const bool names_none = std::any_of(states.begin(), states.end(), [&](std::uint32_t s) {
    return !space.networks()[space.states()[s].network].present;
  });
  for (const State& s : space.states()) {
    if (!names_none && !space.networks()[s.network].present) continue;
    every_where.insert(where(s));
    every_how.insert(how(s));
  }
  // States of the tunnels that come in the same places are said together.
  std::map<How, std::set<Where>> places;
  for (const std::uint32_t s : states) places[how(space.states()[s])].insert(where(space.states()[s]));
  std::map<std::set<Where>, std::set<How>> together;
  for (auto& [h, w] : places) together[w].insert(h);
  std::vector<std::string> words;
  for (const auto& [w, h] : together) {
    std::string both = where_words(space, w, every_where);
    const std::string b = how_words(space, h, every_how);
    if (!both.empty() && !b.empty()) both += ", ";
    both += b;
    words.push_back(both.empty() ? "always" : std::move(both));
  }
  return listed(words, 6, "; and ", "; ");
}

}  // namespace vpn::analyse
