#include "agent/dns/choice.h"

#include <netinet/in.h>

#include <algorithm>
#include <charconv>

#include "agent/dns/inventions.h"
#include "policy/domain_table.h"
#include "policy/flat_text.h"
#include "policy/policy.h"
#include "policy_generated.h"

namespace vpn::agent::dns {
namespace {

constexpr std::uint16_t dns_port = 53, tls_port = 853, https_port = 443;
constexpr policy::DomainClass no_name = 0;

bool is_loopback(const policy::Address& a) { return a.v6 ? a.high == 0 && a.low == 1 : a.v4() >> 24 == 127; }

// A resolver for which nothing but the default holds: where the network has none.
constexpr policy::Address anybody() { return policy::Address::from_v4(0xc6336401); }  // 198.51.100.1, TEST-NET-2

bool is_below(std::string_view name, std::string_view domain) {
  if (domain.empty()) return true;
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

bool resolves(const policy::Policy& policy, const TunnelNames& t, std::string_view name, policy::DomainClass domain) {
  if (!t.connected || t.resolver.servers.empty()) return false;
  if (t.all) return true;
  if (std::any_of(t.domains.begin(), t.domains.end(), [&](const std::string& d) { return is_below(name, d); }))
    return true;
  const auto lists = policy.domains().lists(domain);
  return t.list != policy::none && std::find(lists.begin(), lists.end(), t.list) != lists.end();
}

void add_domain(std::vector<std::string>& out, std::string_view written) {
  if (written.starts_with("*.")) written.remove_prefix(2);
  std::string storage;
  std::string_view name;
  if (policy::normalise_name(written, storage, name) == policy::NameFault::none) out.emplace_back(name);
}

// https://host[:port]/path{?dns}: the template's variable is for GET, which we do not use.
void read_url(std::string_view url, Resolver& out) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  const auto slash = std::min(url.find('/'), url.size());
  std::string_view host = url.substr(0, slash), path = url.substr(slash);
  path = path.substr(0, path.find('{'));
  out.path = path.empty() ? "/" : std::string(path);
  const auto colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    std::from_chars(host.data() + colon + 1, host.data() + host.size(), out.port);
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  out.name = std::string(host);
}

bool has_default_route(const NetworkSettings& settings) {
  return std::any_of(settings.included_routes.begin(), settings.included_routes.end(),
                     [](const policy::Prefix& p) { return p.length == 0; });
}

// What stands in the payload; false: it has no resolver.
bool read_payload(const policy::fb::Dns& dns, Resolver& out) {
  if (dns.servers() != nullptr)
    for (const auto* text : *dns.servers())
      if (const auto address = policy::Address::parse(text->string_view())) out.servers.push_back(*address);
  const std::string protocol = policy::copy(dns.protocol());
  if (protocol == "TLS") {
    out.transport = Transport::tls;
    out.port = tls_port;
    out.name = policy::copy(dns.server_name());
  } else if (protocol == "HTTPS") {
    out.transport = Transport::https;
    out.port = https_port;
    read_url(policy::copy(dns.server_url()), out);
  }
  if (out.transport != Transport::cleartext) out.identity = dns.certificate();
  // A URL may name its server by address.
  const auto literal = policy::Address::parse(out.name);
  if (literal && out.servers.empty()) out.servers.push_back(*literal);
  return !out.servers.empty() || out.transport != Transport::cleartext;
}

Choice asking(policy::Decision decision, Resolver resolver) { return {decision, std::move(resolver), {}}; }
Choice refusing(policy::Decision decision, std::string_view why) { return {decision, std::nullopt, why}; }

Resolver plain(std::vector<policy::Address> servers) {
  Resolver out;
  out.servers = std::move(servers);
  return out;
}

}  // namespace

TunnelNames tunnel_names(const policy::Policy& policy, std::uint32_t tunnel, const NetworkSettings& settings,
                         bool connected) {
  TunnelNames out;
  out.connected = connected;
  const policy::fb::Dns* dns = policy.body().tunnels()->Get(tunnel)->dns();
  if (dns == nullptr || !read_payload(*dns, out.resolver)) out.resolver = plain(settings.dns.servers);
  bool names_given = false;
  if (dns != nullptr) {
    out.list = dns->supplemental();
    out.all = dns->supplemental_default();
    names_given = out.list != policy::none || out.all;
  }
  if (!names_given) {
    for (const std::string& d : settings.dns.match_domains) {
      names_given = true;
      if (d.empty())
        out.all = true;
      else
        add_domain(out.domains, d);
    }
  }
  if (names_given) return out;
  // Without a word of which names it answers: all of them, where it takes everything; else those that it completes.
  out.all = has_default_route(settings);
  for (const std::string& d : settings.dns.search_domains) add_domain(out.domains, d);
  if (dns != nullptr && dns->search_domains() != nullptr)
    for (const auto* d : *dns->search_domains()) add_domain(out.domains, d->string_view());
  if (dns != nullptr && dns->domain_name() != nullptr) add_domain(out.domains, dns->domain_name()->string_view());
  return out;
}

NamePlan plan_names(const policy::Policy& policy, std::span<const NetworkSettings* const> settings,
                    const std::vector<bool>& connected, std::vector<policy::Address> network) {
  NamePlan out;
  out.network = std::move(network);
  const std::size_t count = policy.body().tunnels() == nullptr ? 0 : policy.body().tunnels()->size();
  for (std::uint32_t i = 0; i < count && i < settings.size(); ++i)
    out.tunnels.push_back(tunnel_names(policy, i, *settings[i], connected[i]));
  if (policy.body().devices() != nullptr)
    for (const auto* d : *policy.body().devices())
      if (d->tunnel() < out.tunnels.size()) out.device_wide.push_back(d->tunnel());
  return out;
}

policy::Flow flow_of(const Questioner& who, policy::DomainClass domain, const policy::Address& remote,
                     std::uint8_t protocol, std::uint16_t port) {
  policy::Flow flow;
  flow.owner = who.app.empty() ? policy::Owner::other : policy::Owner::app;
  flow.app = who.app;
  flow.spawned_by = who.spawned_by;
  flow.protocol = protocol;
  flow.remote = remote;
  flow.remote_port = port;
  flow.domain = domain;
  return flow;
}

policy::Decision verdict_for(const policy::Situation& situation, const Questioner& who, policy::DomainClass domain,
                             const policy::Address& remote, std::uint8_t protocol, std::uint16_t port) {
  return policy::decide(situation, flow_of(who, domain, remote, protocol, port));
}

Choice choose(const policy::Situation& situation, const NamePlan& plan, const Questioner& who, std::string_view name,
              const std::optional<policy::Address>& asked) {
  const policy::Policy& policy = situation.policy();
  const policy::DomainClass domain = policy.domains().lookup(name);
  const auto verdict = [&](const policy::Address& remote, policy::DomainClass d, std::uint16_t port = dns_port) {
    return verdict_for(situation, who, d, remote, port == dns_port ? IPPROTO_UDP : IPPROTO_TCP, port);
  };
  const bool elsewhere = asked && !is_loopback(*asked);
  const policy::Address usual = !plan.network.empty() ? plan.network.front() : elsewhere ? *asked : anybody();
  const policy::Decision first = verdict(usual, domain);
  if (first.verdict == policy::Verdict::drop) return refusing(first, "the rules drop it");
  if (first.verdict == policy::Verdict::tunnel || first.verdict == policy::Verdict::proxy) {
    const Resolver* own = first.tunnel < plan.tunnels.size() ? &plan.tunnels[first.tunnel].resolver : nullptr;
    if (own == nullptr || (own->servers.empty() && own->transport != Transport::cleartext))
      return refusing(first, "the tunnel's resolver has a name but no address");
    // Device-wide VPNs (S5 to S7) look at the address, too.
    if (first.verdict == policy::Verdict::proxy && first.rule == policy::Rule::S4e && own->servers.empty()) {
      // Whatever name stands for the address at the time, it must lead to the proxy.
      const auto leads_there = [&](policy::DomainClass d) {
        const policy::Decision then = verdict(Inventions::first(), d, https_port);
        return then.verdict == policy::Verdict::proxy && then.tunnel == first.tunnel;
      };
      if (leads_there(domain) && leads_there(no_name)) return {first, std::nullopt, {}, true};
    }
    // Without resolvers of the tunnel: the one that the app asked, or else the network's, by the tunnel all the same.
    if (own->servers.empty() && !elsewhere && plan.network.empty())
      return refusing(first, "neither the tunnel nor the network has a resolver");
    Resolver resolver = !own->servers.empty() ? *own : elsewhere ? plain({*asked}) : plain(plan.network);
    resolver.stream = first.verdict == policy::Verdict::proxy;  // what every proxy carries
    const policy::Decision there = verdict(resolver.servers.front(), domain, resolver.port);
    return asking(there, std::move(resolver));
  }
  // Past every tunnel, unless one that takes part of the names answers this one.
  if (first.verdict == policy::Verdict::system) {
    for (const std::uint32_t t : plan.device_wide) {
      const TunnelNames& names = plan.tunnels[t];
      if (!resolves(policy, names, name, domain)) continue;
      const policy::Decision there = verdict(names.resolver.servers.front(), domain, names.resolver.port);
      if (there.verdict == policy::Verdict::tunnel && there.tunnel == t) return asking(there, names.resolver);
    }
  }
  // An app that nothing governs asks whom it likes. One that is governed but for this name has the tunnel's resolvers
  // in its configuration, which are not to be had outside.
  const bool excepted =
      first.verdict == policy::Verdict::direct || (domain != no_name && verdict(usual, no_name).tunnel != policy::none);
  if (elsewhere && !excepted) return asking(verdict(*asked, domain), plain({*asked}));
  if (!plan.network.empty()) return asking(first, plain(plan.network));
  if (asked) return asking(verdict(*asked, domain), plain({*asked}));
  return refusing(first, "the network has no resolver");
}

bool is_steered(const policy::Situation& situation, const NamePlan& plan, const Questioner& who, bool names_decide) {
  if (names_decide) return true;
  for (const std::uint32_t t : plan.device_wide)
    if (plan.tunnels[t].connected && !plan.tunnels[t].resolver.servers.empty()) return true;
  const policy::Address usual = plan.network.empty() ? anybody() : plan.network.front();
  return verdict_for(situation, who, no_name, usual, IPPROTO_UDP, dns_port).tunnel != policy::none;
}

}  // namespace vpn::agent::dns
