#include "agent/control/network_facts.h"

#include <utility>

namespace vpn::agent {

Resolvers known_networks(const NetworkView& view, Resolvers files, const Resolvers& managed,
                         std::span<const ResolverOverride> configured, const WifiNames& wifi) {
  Resolvers out = std::move(files);
  for (const Link& link : view.links) {
    if (const auto said = managed.find(link.name); said != managed.end()) {
      ResolverFacts& facts = out[link.name];
      if (!said->second.ssid.empty()) facts.ssid = said->second.ssid;
      if (!said->second.search_domains.empty()) facts.search_domains = said->second.search_domains;
    }
    for (const ResolverOverride& o : configured) {
      if (!matches(o.name, link.name)) continue;
      ResolverFacts& facts = out[link.name];
      const auto server = facts.dhcp_server;
      facts = o.facts;
      facts.dhcp_server = server;
    }
    if (const auto name = wifi.find(link.index); name != wifi.end()) out[link.name].ssid = name->second;
  }
  return out;
}

}  // namespace vpn::agent
