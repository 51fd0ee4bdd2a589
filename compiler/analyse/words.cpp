#include "compiler/analyse/words.h"

namespace vpn::analyse {

std::string listed(const std::vector<std::string>& words, std::size_t most, const char* last) {
  std::string out;
  const std::size_t shown = words.size() <= most ? words.size() : most - 1;
  for (std::size_t i = 0; i < shown; ++i) {
    if (i != 0) out += i + 1 == words.size() ? last : ", ";
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
    if (state.default_route == t) out += " with a default route";
  }
  if (disconnected.size() == relevant && relevant > 1)
    out += ", every tunnel disconnected";
  else if (!disconnected.empty())
    out += ", " + listed(disconnected, 3) + " disconnected";
  return out;
}

}  // namespace vpn::analyse
