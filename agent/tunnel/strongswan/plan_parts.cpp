#include "agent/tunnel/strongswan/plan_parts.h"

#include <algorithm>

namespace vpn::agent::strongswan {
namespace {

namespace fb = policy::fb;

Result<WipedBytes> secret(const FindSecret& secrets, std::uint32_t number, std::string_view key) {
  const auto found = number == policy::none ? std::nullopt : secrets(number);
  if (!found || found->empty()) {
    return refuse(key, std::string(key) + " is neither in the profile nor among the policy's secrets",
                  "put it into the profile, or bring the policy's secrets along");
  }
  return wiped(*found);
}

Result<Method> method_of(const fb::Ike& ike) {
  const std::string_view word = view(ike.authentication());
  if (ike.extended_authentication()) {
    // With user and password it is MSCHAPv2; the identity is for EAP-TLS. Where both are there, the method decides.
    const bool password =
        ike.password() != policy::none || ike.credentials() != policy::none || !view(ike.user()).empty();
    const bool certificate = ike.certificate() != policy::none;
    return certificate && (word == "Certificate" || !password) ? Method::eap_certificate : Method::eap_password;
  }
  if (word == "Certificate") return Method::certificate;
  if (word == "SharedSecret") return Method::shared_secret;
  return refuse("AuthenticationMethod", "method '" + std::string(word) + "' is unknown");
}

Result<void> check_key(const fb::Ike& ike, const DeviceIdentity& identity) {
  const std::string_view type = view(ike.certificate_type());
  const bool matches = type.empty() || (type == "RSA" && identity.kind == KeyKind::rsa) ||
                       (type == "RSA-PSS" && identity.kind == KeyKind::rsa) ||
                       (type == "ECDSA256" && identity.kind == KeyKind::ecdsa256) ||
                       (type == "ECDSA384" && identity.kind == KeyKind::ecdsa384) ||
                       (type == "ECDSA521" && identity.kind == KeyKind::ecdsa521);
  if (matches) return {};
  return refuse("CertificateType", "the identity's key is not of type " + std::string(type),
                "set CertificateType to the kind of key that the identity has");
}

Result<void> read_identity(const fb::Policy& policy, const FindSecret& secrets, const PlanSettings& settings,
                           Parts& out) {
  const std::uint32_t number = out.ike->certificate();
  if (policy.identities() == nullptr || number >= policy.identities()->size()) {
    return refuse("PayloadCertificateUUID", "there is no identity to authenticate with");
  }
  auto identity = settings.enrolled != nullptr ? Result<DeviceIdentity>(*settings.enrolled)
                                               : open_identity(*policy.identities()->Get(number), secrets);
  if (!identity) return tl::unexpected(std::move(identity.error()));
  // A payload of type IPSec has no CertificateType, and IKEv1's XAuth goes with RSA alone.
  if (out.ikev1 && out.xauth && identity->kind != KeyKind::rsa)
    return refuse("PayloadCertificateUUID", "with XAuth the identity's key has to be RSA");
  auto fits = out.ikev1 ? Result<void>() : check_key(*out.ike, *identity);
  if (!fits) return fits;
  out.identity = std::move(*identity);
  return {};
}

// User and password: the profile's, or what somebody has said; nothing where both are silent.
Result<void> read_account(const FindSecret& secrets, const PlanSettings& settings, Parts& out) {
  const fb::Ike& ike = *out.ike;
  out.user = view(ike.user());
  out.asks_user = out.user.empty();
  if (out.asks_user && settings.user != nullptr) out.user = text_of(*settings.user);
  out.asks_password = ike.password() == policy::none || ike.asks_always() || ike.asks_pin();
  if (out.asks_password) {
    if (settings.password != nullptr) out.password = *settings.password;
    return {};
  }
  auto found = secret(secrets, ike.password(), out.ikev1 ? "XAuthPassword" : "AuthPassword");
  if (!found) return tl::unexpected(std::move(found.error()));
  out.password = std::move(*found);
  return {};
}

Result<void> read_secrets(const FindSecret& secrets, const PlanSettings& settings, Parts& out) {
  const fb::Ike& ike = *out.ike;
  if (out.xauth) {
    if (auto ok = read_account(secrets, settings, out); !ok) return ok;
  }
  if (out.method == Method::shared_secret || out.server_by_secret) {
    auto found = secret(secrets, ike.secret(), "SharedSecret");
    if (!found) return tl::unexpected(std::move(found.error()));
    out.secret = std::move(*found);
  }
  if (out.method == Method::eap_password) {
    if (auto ok = read_account(secrets, settings, out); !ok) return ok;
  }
  if (!view(ike.ppk_identifier()).empty()) {
    auto found = secret(secrets, ike.ppk(), "PPK");
    if (!found) return tl::unexpected(std::move(found.error()));
    out.ppk = std::move(*found);
  }
  return {};
}

// The profile's authorities; the system's only where the profile has none. Narrower than on Apple's devices, where the
// system's count always.
Result<void> read_trust(const fb::Policy& policy, const PlanSettings& settings, Parts& out) {
  if (out.server_by_secret) return {};
  out.trusted = authorities(policy);
  const std::string_view issuer = view(out.ike->server_issuer());
  const auto named = [&](const Authority& a) { return a.common_name == issuer; };
  if (!issuer.empty() && std::any_of(out.trusted.begin(), out.trusted.end(), named)) {
    out.trusted.erase(std::remove_if(out.trusted.begin(), out.trusted.end(), std::not_fn(named)), out.trusted.end());
  }
  if (out.trusted.empty() && settings.system != nullptr) {
    out.trusted = *settings.system;
    out.trust_is_system = true;
  }
  if (!out.trusted.empty()) return {};
  return refuse("RemoteIdentifier", "no certificate authority can vouch for the server",
                "add the authority's certificate to the profile");
}

// charon takes the server's identity from its certificate: both names must be one.
Result<void> check_server_name(const fb::Ike& ike, const Parts& parts) {
  const std::string_view name = view(ike.server_name());
  if (parts.server_by_secret || name.empty() || name == view(ike.remote_identifier())) return {};
  return refuse("ServerCertificateCommonName",
                "charon cannot look for another name in the server's certificate than RemoteIdentifier",
                "make both the same, a name that the certificate has as subjectAltName");
}

// A payload of type IPSec names a group (LocalIdentifier) with a shared secret, and no identity of the server's.
Result<void> read_ikev1(Parts& out) {
  const fb::Ike& ike = *out.ike;
  const std::string_view group = view(ike.local_identifier()), server = view(out.tunnel->server());
  const bool certificate = view(ike.authentication()) == "Certificate";
  if (!certificate && view(ike.authentication()) != "SharedSecret")
    return refuse("AuthenticationMethod", "method '" + std::string(view(ike.authentication())) + "' is unknown");
  const bool hybrid = !certificate && (group.ends_with("hybrid") || group.ends_with("[hybrid]"));
  out.ikev1 = true;
  out.xauth = ike.extended_authentication();
  out.method = certificate ? Method::certificate : hybrid ? Method::hybrid : Method::shared_secret;
  if (hybrid && !out.xauth)
    return refuse("XAuthEnabled", "hybrid authentication is the user's alone", "set XAuthEnabled to 1");
  out.server_by_secret = out.method == Method::shared_secret;
  if (!certificate && !group.empty()) out.local = plain_identity(group);
  // Main mode names the group after the secret has to be known.
  out.aggressive = out.server_by_secret && !group.empty();
  if (out.server_by_secret) {
    out.remote = "%any";  // who knows the secret
    return {};
  }
  if (server.empty()) return refuse("RemoteAddress", "any server would do without it");
  auto name = identity_text(server);
  if (!name) return tl::unexpected(std::move(name.error()));
  out.remote = std::move(*name);  // the payload has no other name for it
  return {};
}

Result<void> read_ikev2(Parts& out) {
  const auto method = method_of(*out.ike);
  if (!method) return tl::unexpected(method.error());
  out.method = *method;
  out.server_by_secret = view(out.ike->authentication()) == "SharedSecret";
  auto remote = identity_text(view(out.ike->remote_identifier()));
  if (!remote) return tl::unexpected(std::move(remote.error()));
  if (view(out.ike->remote_identifier()).empty()) return refuse("RemoteIdentifier", "any server would do without it");
  out.remote = std::move(*remote);
  if (const std::string_view local = view(out.ike->local_identifier()); !local.empty()) {
    auto text = identity_text(local);
    if (!text) return refuse("LocalIdentifier", text.error().what);
    out.local = std::move(*text);
  }
  return check_server_name(*out.ike, out);
}

}  // namespace

Result<std::string> identity_text(std::string_view text) {
  if (text.find('*') != std::string_view::npos || text.find('\0') != std::string_view::npos) {
    return refuse("RemoteIdentifier", "an identifier with a wildcard would fit others, too");
  }
  if (policy::Address::parse(text)) return std::string(text);
  if (text.find('=') != std::string_view::npos) return std::string(text);  // a distinguished name
  return (text.find('@') != std::string_view::npos ? "email:" : "fqdn:") + std::string(text);
}

Result<Parts> read_parts(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                         const PlanSettings& settings) {
  const fb::Policy& body = policy.body();
  Parts out;
  out.tunnel = body.tunnels()->Get(tunnel);
  out.ike = out.tunnel->ike();
  if (out.ike == nullptr) return refuse("IKEv2", "the tunnel has no settings for IKEv2");
  auto read = out.tunnel->provider() == fb::Provider::ipsec ? read_ikev1(out) : read_ikev2(out);
  if (!read) return tl::unexpected(std::move(read.error()));
  if (auto ok = read_secrets(secrets, settings, out); !ok) return tl::unexpected(std::move(ok.error()));
  if (out.method == Method::certificate || out.method == Method::eap_certificate) {
    if (auto ok = read_identity(body, secrets, settings, out); !ok) return tl::unexpected(std::move(ok.error()));
  }
  if (auto ok = read_trust(body, settings, out); !ok) return tl::unexpected(std::move(ok.error()));
  return out;
}

}  // namespace vpn::agent::strongswan
