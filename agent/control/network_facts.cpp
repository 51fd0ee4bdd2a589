#include "agent/control/network_facts.h"

#include <utility>

namespace vpn::agent {

namespace {

void add_where_nothing_is(ResolverFacts& facts, const ResolverFacts& router) {
  if (facts.dns_servers.empty() && !router.dns_servers.empty()) {
    facts.dns_servers = router.dns_servers;
    facts.advertised_servers = true;
  }
  if (facts.search_domains.empty() && !router.search_domains.empty()) {
    facts.search_domains = router.search_domains;
    facts.advertised_domains = true;
  }
  if (facts.captive_portal.empty()) facts.captive_portal = router.captive_portal;
  facts.nat64 = router.nat64;
}

}  // namespace

Resolvers known_networks(const NetworkView& view, Resolvers files, const Resolvers& managed, const RouterFacts& routers,
                         std::span<const ResolverOverride> configured, const WifiNames& wifi) {
  Resolvers out = std::move(files);
  for (const Link& link : view.links) {
    if (const auto said = managed.find(link.name); said != managed.end()) {
      ResolverFacts& facts = out[link.name];
      if (!said->second.ssid.empty()) facts.ssid = said->second.ssid;
      facts.type = said->second.type;
      if (!said->second.search_domains.empty()) facts.search_domains = said->second.search_domains;
    }
    if (const auto router = routers.find(link.index); router != routers.end())
      add_where_nothing_is(out[link.name], router->second);
    for (const ResolverOverride& o : configured) {
      if (!matches(o.name, link.name)) continue;
      ResolverFacts& facts = out[link.name];
      const auto server = facts.dhcp_server;
      auto nat64 = std::move(facts.nat64);
      const auto type = facts.type;
      facts = o.facts;
      facts.dhcp_server = server;
      facts.nat64 = std::move(nat64);
      facts.type = type;
    }
    if (const auto name = wifi.find(link.index); name != wifi.end()) out[link.name].ssid = name->second;
  }
  return out;
}

}  // namespace vpn::agent
