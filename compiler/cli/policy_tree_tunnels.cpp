#include "compiler/cli/policy_tree_parts.h"

namespace vpn::cli {
namespace {

Tree association(const fb::SecurityAssociation* sa) {
  if (sa == nullptr) return {};
  Tree out = Tree::object();
  put(out, "encryption", text(sa->encryption()));
  put(out, "integrity", text(sa->integrity()));
  out["dh_group"] = sa->dh_group();
  out["lifetime_minutes"] = sa->lifetime_minutes();
  if (sa->post_quantum() != nullptr)
    out["post_quantum"] = std::vector<std::uint16_t>(sa->post_quantum()->begin(), sa->post_quantum()->end());
  return out;
}

const char* kind_name(fb::VpnKind kind) {
  constexpr const char* names[] = {"always-on", "per-app", "device"};
  return names[static_cast<std::size_t>(kind)];
}

const char* provider_name(fb::Provider provider) {
  constexpr const char* names[] = {"external", "ikev2", "ipsec", "l2tp", "wireguard", "openvpn"};
  return names[static_cast<std::size_t>(provider)];
}

}  // namespace

Tree PolicyTree::identity_name(std::uint32_t index) const {
  return index == policy::none ? Tree() : text(body_.identities()->Get(index)->uuid());
}

Tree PolicyTree::ike(const fb::Ike& ike) const {
  Tree out = Tree::object();
  put(out, "local_identifier", text(ike.local_identifier()));
  put(out, "remote_identifier", text(ike.remote_identifier()));
  put(out, "authentication", text(ike.authentication()));
  put(out, "shared_secret", secret(ike.secret()));
  put(out, "shared_secret_asset", identity_name(ike.secret_credentials()));
  put(out, "certificate", identity_name(ike.certificate()));
  put(out, "certificate_type", text(ike.certificate_type()));
  out["extended_authentication"] = ike.extended_authentication();
  put(out, "user", text(ike.user()));
  put(out, "password", secret(ike.password()));
  put(out, "credentials_asset", identity_name(ike.credentials()));
  put(out, "server_issuer", text(ike.server_issuer()));
  put(out, "server_name", text(ike.server_name()));
  put(out, "tls_minimum", text(ike.tls_minimum()));
  put(out, "tls_maximum", text(ike.tls_maximum()));
  put(out, "dead_peer_detection", text(ike.dead_peer_detection()));
  out["perfect_forward_secrecy"] = ike.perfect_forward_secrecy();
  out["disable_mobike"] = ike.disable_mobike();
  out["disable_redirect"] = ike.disable_redirect();
  out["internal_subnets"] = ike.internal_subnets();
  out["revocation_check"] = ike.revocation_check();
  out["fallback"] = ike.fallback();
  out["nat_keepalive_offload"] = ike.nat_keepalive_offload();
  out["nat_keepalive_seconds"] = ike.nat_keepalive_seconds();
  out["mtu"] = ike.mtu();
  out["strict_algorithms"] = ike.strict_algorithms();
  put(out, "ppk_identifier", text(ike.ppk_identifier()));
  put(out, "ppk", secret(ike.ppk()));
  if (ike.ppk() != policy::none) out["ppk_mandatory"] = ike.ppk_mandatory();
  if (ike.post_quantum_fallback()) out["post_quantum_fallback"] = true;
  put(out, "ike_sa", association(ike.ike_sa()));
  put(out, "child_sa", association(ike.child_sa()));
  if (ike.asks_pin()) out["asks_pin"] = true;
  if (ike.asks_always()) out["asks_always"] = true;
  return out;
}

Tree PolicyTree::login(const fb::Login& login) const {
  Tree out = Tree::object();
  put(out, "method", text(login.method()));
  put(out, "user", text(login.user()));
  put(out, "password", secret(login.password()));
  put(out, "certificate", identity_name(login.certificate()));
  put(out, "credentials_asset", identity_name(login.credentials()));
  return out;
}

Tree PolicyTree::dns(const fb::Dns& dns) const {
  Tree out = Tree::object();
  put(out, "protocol", text(dns.protocol()));
  put(out, "server_url", text(dns.server_url()));
  put(out, "server_name", text(dns.server_name()));
  put(out, "servers", texts(dns.servers()));
  put(out, "search_domains", texts(dns.search_domains()));
  put(out, "domain_name", text(dns.domain_name()));
  if (dns.supplemental() != policy::none) out["supplemental_list"] = dns.supplemental();
  if (dns.supplemental_default()) out["supplemental_default"] = true;
  if (dns.supplemental_no_search()) out["supplemental_no_search"] = true;
  put(out, "certificate", identity_name(dns.certificate()));
  return out;
}

Tree PolicyTree::tunnel(const fb::Tunnel& t) const {
  Tree out{{"id", text(t.id())},
           {"kind", kind_name(t.kind())},
           {"provider", provider_name(t.provider())},
           {"app_proxy", t.app_proxy()}};
  put(out, "name", text(t.name()));
  put(out, "subtype", text(t.subtype()));
  put(out, "server", text(t.server()));
  put(out, "provider_bundle", text(t.provider_bundle()));
  put(out, "provider_requirement", text(t.provider_requirement()));
  if (t.ike() != nullptr) out["ike"] = ike(*t.ike());
  if (t.login() != nullptr) out["login"] = login(*t.login());
  put(out, "settings", settings(t.settings()));
  if (t.dns() != nullptr) out["dns"] = dns(*t.dns());
  put(out, "proxies", settings(t.proxies()));
  if (t.idle_seconds() != 0) out["idle_seconds"] = t.idle_seconds();
  out["source"] = source(t.source());
  return out;
}

}  // namespace vpn::cli
