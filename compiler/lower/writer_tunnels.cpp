#include <algorithm>

#include "compiler/lower/writer.h"

namespace vpn::lower {

Writer::String Writer::text(std::string_view text) { return text.empty() ? String{} : builder_.CreateString(text); }

Writer::Strings Writer::texts(const std::vector<std::string_view>& list) {
  std::vector<String> strings;
  strings.reserve(list.size());
  for (const std::string_view item : list) strings.push_back(builder_.CreateString(item));
  return builder_.CreateVector(strings);
}

Writer::Strings Writer::texts(const std::optional<std::vector<std::string_view>>& list) {
  return list ? texts(*list) : Strings{};
}

Writer::Tables<fb::Setting> Writer::settings(const std::vector<model::Setting>& settings) {
  if (settings.empty()) return 0;
  std::vector<const model::Setting*> sorted;
  sorted.reserve(settings.size());
  for (const model::Setting& setting : settings) sorted.push_back(&setting);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  sorted.erase(std::unique(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->key == b->key; }),
               sorted.end());
  std::vector<Offset<fb::Setting>> tables;
  tables.reserve(sorted.size());
  for (const model::Setting* setting : sorted) {
    const auto key = builder_.CreateString(setting->key);
    const auto value = setting->secret == policy::none ? builder_.CreateString(setting->value) : String{};
    tables.push_back(fb::CreateSetting(builder_, key, value, setting->secret));
  }
  return builder_.CreateVector(tables);
}

Writer::Offset<fb::SecurityAssociation> Writer::association(const model::SecurityAssociation& sa) {
  const auto encryption = text(sa.encryption);
  const auto integrity = text(sa.integrity);
  const auto post_quantum = sa.post_quantum.empty() ? 0 : builder_.CreateVector(sa.post_quantum);
  return fb::CreateSecurityAssociation(builder_, encryption, integrity, sa.dh_group, sa.lifetime_minutes, post_quantum);
}

Writer::Offset<fb::Ike> Writer::ike(const model::Ike& ike) {
  const auto local_identifier = text(ike.local_identifier);
  const auto remote_identifier = text(ike.remote_identifier);
  const auto authentication = text(ike.authentication);
  const auto certificate_type = text(ike.certificate_type);
  const auto server_issuer = text(ike.server_issuer);
  const auto server_name = text(ike.server_name);
  const auto user = text(ike.user);
  const auto dead_peer_detection = text(ike.dead_peer_detection);
  const auto tls_minimum = text(ike.tls_minimum);
  const auto tls_maximum = text(ike.tls_maximum);
  const auto ppk_identifier = text(ike.ppk_identifier);
  const auto ike_sa = association(ike.ike_sa);
  const auto child_sa = association(ike.child_sa);
  fb::IkeBuilder out(builder_);
  out.add_local_identifier(local_identifier);
  out.add_remote_identifier(remote_identifier);
  out.add_authentication(authentication);
  out.add_extended_authentication(ike.extended_authentication);
  out.add_certificate_type(certificate_type);
  out.add_certificate(ike.certificate);
  out.add_server_issuer(server_issuer);
  out.add_server_name(server_name);
  out.add_user(user);
  out.add_secret(ike.secret);
  out.add_password(ike.password);
  out.add_credentials(ike.credentials);
  out.add_secret_credentials(ike.secret_credentials);
  out.add_dead_peer_detection(dead_peer_detection);
  out.add_perfect_forward_secrecy(ike.perfect_forward_secrecy);
  out.add_disable_mobike(ike.disable_mobike);
  out.add_disable_redirect(ike.disable_redirect);
  out.add_internal_subnets(ike.internal_subnets);
  out.add_revocation_check(ike.revocation_check);
  out.add_fallback(ike.fallback);
  out.add_nat_keepalive_offload(ike.nat_keepalive_offload);
  out.add_nat_keepalive_seconds(ike.nat_keepalive_seconds);
  out.add_mtu(ike.mtu);
  out.add_tls_minimum(tls_minimum);
  out.add_tls_maximum(tls_maximum);
  out.add_strict_algorithms(ike.strict_algorithms);
  out.add_ppk_identifier(ppk_identifier);
  out.add_ppk(ike.ppk);
  out.add_ppk_mandatory(ike.ppk_mandatory);
  out.add_post_quantum_fallback(ike.post_quantum_fallback);
  out.add_ike_sa(ike_sa);
  out.add_child_sa(child_sa);
  out.add_asks_pin(ike.asks_pin);
  out.add_asks_always(ike.asks_always);
  return out.Finish();
}

Writer::Offset<fb::Login> Writer::login(const model::Login& login) {
  const auto method = text(login.method);
  const auto user = text(login.user);
  return fb::CreateLogin(builder_, method, user, login.password, login.certificate, login.credentials);
}

Writer::Offset<fb::Dns> Writer::dns(std::uint32_t owner, const model::Dns& dns) {
  const auto protocol = text(dns.protocol);
  const auto server_url = text(dns.server_url);
  const auto server_name = text(dns.server_name);
  const auto servers = texts(dns.servers);
  const auto search = texts(dns.search_domains);
  const auto domain_name = text(dns.domain_name);
  bool has_default = false;
  const std::uint32_t supplemental =
      dns.supplemental ? lists_.add(*dns.supplemental, owner, &has_default) : policy::none;
  fb::DnsBuilder out(builder_);
  out.add_protocol(protocol);
  out.add_server_url(server_url);
  out.add_server_name(server_name);
  out.add_servers(servers);
  out.add_search_domains(search);
  out.add_domain_name(domain_name);
  out.add_supplemental(supplemental);
  out.add_supplemental_default(has_default);
  out.add_supplemental_no_search(dns.supplemental_no_search);
  out.add_certificate(dns.certificate);
  return out.Finish();
}

Writer::Offset<fb::Tunnel> Writer::tunnel(std::uint32_t number, const model::Tunnel& tunnel) {
  const auto id = builder_.CreateString(tunnel.id);
  const auto name = text(tunnel.name);
  const auto subtype = text(tunnel.subtype);
  const auto server = text(tunnel.server);
  const auto bundle = text(tunnel.provider_bundle);
  const auto requirement = text(tunnel.provider_requirement);
  const auto ike_table = tunnel.ike ? ike(*tunnel.ike) : Offset<fb::Ike>{};
  const auto login_table = tunnel.login ? login(*tunnel.login) : Offset<fb::Login>{};
  const auto setting_vector = settings(tunnel.settings);
  const auto dns_table = tunnel.dns ? dns(number, *tunnel.dns) : Offset<fb::Dns>{};
  const auto proxy_vector = settings(tunnel.proxies);
  const auto source = sources_.of(tunnel.place);
  fb::TunnelBuilder out(builder_);
  out.add_id(id);
  out.add_kind(static_cast<fb::VpnKind>(tunnel.kind));
  out.add_provider(static_cast<fb::Provider>(tunnel.provider));
  out.add_app_proxy(tunnel.app_proxy);
  out.add_name(name);
  out.add_subtype(subtype);
  out.add_server(server);
  out.add_provider_bundle(bundle);
  out.add_provider_requirement(requirement);
  out.add_ike(ike_table);
  out.add_login(login_table);
  out.add_settings(setting_vector);
  out.add_dns(dns_table);
  out.add_proxies(proxy_vector);
  out.add_idle_seconds(tunnel.idle_seconds);
  out.add_source(source);
  return out.Finish();
}

Writer::Tables<fb::Tunnel> Writer::tunnels() {
  static_assert(static_cast<int>(model::Kind::always_on) == static_cast<int>(fb::VpnKind::always_on));
  static_assert(static_cast<int>(model::Kind::per_app) == static_cast<int>(fb::VpnKind::per_app));
  static_assert(static_cast<int>(model::Kind::device) == static_cast<int>(fb::VpnKind::device));
  std::vector<Offset<fb::Tunnel>> tables;
  tables.reserve(model_.tunnels.size());
  for (std::uint32_t i = 0; i < model_.tunnels.size(); ++i) tables.push_back(tunnel(i, model_.tunnels[i]));
  return builder_.CreateVector(tables);
}

Writer::Tables<fb::Identity> Writer::identities() {
  std::vector<Offset<fb::Identity>> tables;
  tables.reserve(model_.identities.size());
  for (const model::Identity& identity : model_.identities) {
    const auto uuid = builder_.CreateString(identity.uuid);
    const auto kind = builder_.CreateString(identity.kind);
    const auto certificate = identity.certificate.empty() ? 0 : builder_.CreateVector(identity.certificate);
    const auto setting_vector = settings(identity.settings);
    tables.push_back(
        fb::CreateIdentity(builder_, uuid, kind, certificate, identity.container, identity.password, setting_vector));
  }
  return builder_.CreateVector(tables);
}

}  // namespace vpn::lower
