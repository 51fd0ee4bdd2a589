#include <algorithm>

#include "policy/ascii.h"
#include "policy/file_checker.h"

namespace vpn::policy {
namespace {

// Identifiers are compared without case (docs/cli.md), so two that differ in nothing else cannot be told apart.
bool less_without_case(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return ascii::upper(x) < ascii::upper(y); });
}

}  // namespace

bool Checker::tunnels() {
  for (std::uint32_t i = 0; i < size(policy_.tunnels()); ++i) {
    if (!tunnel({nullptr, "tunnels", i}, i, *policy_.tunnels()->Get(i))) return false;
  }
  return distinct_ids();
}

bool Checker::tunnel(const Where& where, std::uint32_t number, const fb::Tunnel& t) {
  if (!name(where, t.id(), "id")) return false;
  if (t.kind() > fb::VpnKind::device) return fault({&where, "kind"}, "no kind of VPN has this number");
  if (t.provider() > fb::Provider::openvpn) return fault({&where, "provider"}, "no provider has this number");
  if (t.kind() == fb::VpnKind::always_on && t.app_proxy())
    return fault({&where, "app_proxy"}, "an always-on tunnel cannot be an app proxy");
  return text(where, t.name(), "name") && text(where, t.subtype(), "subtype") && text(where, t.server(), "server") &&
         text(where, t.provider_bundle(), "provider_bundle") &&
         text(where, t.provider_requirement(), "provider_requirement") && ike({&where, "ike"}, t.ike()) &&
         login({&where, "login"}, t.login()) && settings(where, t.settings(), "settings") &&
         dns({&where, "dns"}, number, t.dns()) && settings(where, t.proxies(), "proxies") && source(where, t.source());
}

bool Checker::ike(const Where& where, const fb::Ike* ike) {
  if (ike == nullptr) return true;
  const std::pair<const flatbuffers::String*, const char*> strings[] = {
      {ike->local_identifier(), "local_identifier"},
      {ike->remote_identifier(), "remote_identifier"},
      {ike->authentication(), "authentication"},
      {ike->certificate_type(), "certificate_type"},
      {ike->server_issuer(), "server_issuer"},
      {ike->server_name(), "server_name"},
      {ike->user(), "user"},
      {ike->dead_peer_detection(), "dead_peer_detection"},
      {ike->tls_minimum(), "tls_minimum"},
      {ike->tls_maximum(), "tls_maximum"},
      {ike->ppk_identifier(), "ppk_identifier"},
  };
  for (const auto& [string, name] : strings) {
    if (!text(where, string, name)) return false;
  }
  const std::pair<const fb::SecurityAssociation*, const char*> associations[] = {{ike->ike_sa(), "ike_sa"},
                                                                                 {ike->child_sa(), "child_sa"}};
  for (const auto& [sa, name] : associations) {
    const Where place{&where, name};
    if (sa != nullptr && (!text(place, sa->encryption(), "encryption") || !text(place, sa->integrity(), "integrity")))
      return false;
  }
  return identity(where, ike->certificate(), "certificate") && identity(where, ike->credentials(), "credentials") &&
         identity(where, ike->secret_credentials(), "secret_credentials") && secret(where, ike->secret(), "secret") &&
         secret(where, ike->password(), "password") && secret(where, ike->ppk(), "ppk");
}

bool Checker::login(const Where& where, const fb::Login* login) {
  if (login == nullptr) return true;
  return text(where, login->method(), "method") && text(where, login->user(), "user") &&
         secret(where, login->password(), "password") && identity(where, login->certificate(), "certificate") &&
         identity(where, login->credentials(), "credentials");
}

bool Checker::dns(const Where& where, std::uint32_t owner, const fb::Dns* dns) {
  if (dns == nullptr) return true;
  if (dns->supplemental() != none &&
      !list(where, dns->supplemental(), "supplemental", fb::ListKind::dns_supplemental, owner))
    return false;
  return text(where, dns->protocol(), "protocol") && text(where, dns->server_url(), "server_url") &&
         text(where, dns->server_name(), "server_name") && texts(where, dns->servers(), "servers") &&
         texts(where, dns->search_domains(), "search_domains") && text(where, dns->domain_name(), "domain_name") &&
         identity(where, dns->certificate(), "certificate");
}

bool Checker::distinct_ids() {
  std::vector<std::uint32_t> order(size(policy_.tunnels()));
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto id = [&](std::uint32_t i) { return view(policy_.tunnels()->Get(i)->id()); };
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return less_without_case(id(a), id(b)); });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (!less_without_case(id(order[i - 1]), id(order[i]))) {
      return fault({nullptr, "tunnels", std::max(order[i - 1], order[i])}, "two tunnels have one identifier");
    }
  }
  return true;
}

}  // namespace vpn::policy
