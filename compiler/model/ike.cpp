#include "compiler/document/coerce.h"
#include "compiler/model/parts.h"

namespace vpn::model {
namespace {

SecurityAssociation read_association(Reader& reader, Dict dict, SecurityAssociation out) {
  if (!dict) return out;
  out.encryption = reader.text(dict, "EncryptionAlgorithm", out.encryption);
  out.integrity = reader.text(dict, "IntegrityAlgorithm", out.integrity);
  out.dh_group = static_cast<std::uint16_t>(reader.number(dict, "DiffieHellmanGroup", out.dh_group, 0xffff));
  out.lifetime_minutes = reader.number(dict, "LifeTimeInMinutes", out.lifetime_minutes);
  const document::Value* methods = Reader::find(dict, "PostQuantumKeyExchangeMethods");
  if (methods == nullptr || !methods->is(document::Type::array)) return out;
  out.post_quantum.clear();
  for (const document::Value& method : methods->array()) {
    const auto number = document::meant_integer(method);
    if (number && *number >= 0 && *number <= 0xffff) out.post_quantum.push_back(static_cast<std::uint16_t>(*number));
  }
  return out;
}

// None without EAP authenticates nobody: it is read as the shared secret, which lint asks for.
void settle_authentication(Ike& ike) {
  const bool nobody = ike.authentication.empty() || ike.authentication == "None";
  if (nobody) ike.authentication = ike.extended_authentication ? "None" : "SharedSecret";
}

// What the block and the declaration have in common, key by key.
void read_shared_keys(Reader& reader, Dict dict, Ike& ike) {
  ike.local_identifier = reader.text(dict, "LocalIdentifier");
  ike.remote_identifier = reader.text(dict, "RemoteIdentifier");
  ike.internal_subnets = reader.truth(dict, "UseConfigurationAttributeInternalIPSubnet");
  ike.disable_mobike = reader.truth(dict, "DisableMOBIKE");
  ike.disable_redirect = reader.truth(dict, "DisableRedirect");
  ike.nat_keepalive_seconds = reader.number(dict, "NATKeepAliveInterval", ike.nat_keepalive_seconds);
  ike.perfect_forward_secrecy = reader.truth(dict, "EnablePFS");
  ike.revocation_check = reader.truth(dict, "EnableCertificateRevocationCheck");
  ike.fallback = reader.truth(dict, "EnableFallback");
  ike.mtu = reader.number(dict, "MTU", ike.mtu);
  ike.strict_algorithms = reader.truth(dict, "EnforceStrictAlgorithmSelection");
  // The parameters of the IKE association count for the child, too, where that has none of its own.
  ike.ike_sa = read_association(reader, reader.dict(dict, "IKESecurityAssociationParameters"), {});
  const Dict child = reader.dict(dict, "ChildSecurityAssociationParameters");
  ike.child_sa = child ? read_association(reader, child, {}) : ike.ike_sa;
}

void read_server_check(Reader& reader, Dict dict, Ike& ike) {
  ike.server_issuer = reader.text(dict, "ServerCertificateIssuerCommonName", ike.server_issuer);
  ike.server_name = reader.text(dict, "ServerCertificateCommonName", ike.server_name);
  ike.tls_minimum = reader.text(dict, "TLSMinimumVersion", ike.tls_minimum);
  ike.tls_maximum = reader.text(dict, "TLSMaximumVersion", ike.tls_maximum);
}

void read_ppk(Reader& reader, Dict dict, Ike& ike) {
  ike.ppk_identifier = reader.text(dict, "PPKIdentifier");
  ike.ppk = reader.encoded_secret(dict, "PPK");
  ike.ppk_mandatory = reader.truth(dict, "PPKMandatory", true);
}

}  // namespace

Ike read_ike(Reader& reader, Dict block, Identities& identities) {
  Ike ike;
  read_shared_keys(reader, block, ike);
  read_server_check(reader, block, ike);
  read_ppk(reader, block, ike);
  ike.post_quantum_fallback = reader.truth(block, "AllowPostQuantumKeyExchangeFallback");
  ike.authentication = reader.text(block, "AuthenticationMethod");
  ike.extended_authentication = reader.truth(block, "ExtendedAuthEnabled");
  ike.certificate_type = reader.text(block, "CertificateType", ike.certificate_type);
  ike.certificate = identities.payload(reader, block, "PayloadCertificateUUID");
  ike.secret = reader.secret(block, "SharedSecret");
  ike.user = reader.text(block, "AuthName");
  ike.password = reader.secret(block, "AuthPassword");
  ike.dead_peer_detection = reader.text(block, "DeadPeerDetectionRate", ike.dead_peer_detection);
  ike.nat_keepalive_offload = reader.truth(block, "NATKeepAliveOffloadEnable", true);
  settle_authentication(ike);
  return ike;
}

Ike read_declared_ike(Reader& reader, Dict payload, Identities& identities) {
  Ike ike;
  read_shared_keys(reader, payload, ike);
  const Dict post_quantum = reader.dict(payload, "PostQuantumKeyExchange");
  read_ppk(reader, post_quantum, ike);
  ike.post_quantum_fallback = reader.truth(post_quantum, "AllowFallback");
  const Dict authentication = reader.dict(payload, "Authentication");
  ike.authentication = reader.text(authentication, "Method");
  ike.certificate_type = reader.text(authentication, "IdentityCertificateType", ike.certificate_type);
  ike.certificate = identities.asset(reader, authentication, "IdentityAssetReference");
  const auto shared = identities.credentials(reader, authentication, "CredentialsAssetReference");
  ike.secret = shared.password;
  ike.secret_credentials = shared.asset;
  const Dict extended = reader.dict(authentication, "ExtendedAuth");
  ike.extended_authentication = reader.truth(extended, "Enabled");
  const auto account = identities.credentials(reader, extended, "CredentialsAssetReference");
  ike.user = account.user;
  ike.password = account.password;
  ike.credentials = account.asset;
  read_server_check(reader, extended, ike);
  ike.dead_peer_detection = reader.text(reader.dict(payload, "Idle"), "DeadPeerDetectionRate", ike.dead_peer_detection);
  ike.nat_keepalive_offload = reader.truth(payload, "EnableNATKeepAliveOffload", true);
  settle_authentication(ike);
  return ike;
}

Ike read_ipsec(Reader& reader, Dict block, Identities& identities) {
  Ike ike;
  ike.local_identifier = reader.text(block, "LocalIdentifier");
  ike.authentication = reader.text(block, "AuthenticationMethod", "SharedSecret");
  ike.certificate = identities.payload(reader, block, "PayloadCertificateUUID");
  ike.secret = reader.secret(block, "SharedSecret");
  ike.extended_authentication = reader.truth(block, "XAuthEnabled");
  ike.user = reader.text(block, "XAuthName");
  ike.password = reader.secret(block, "XAuthPassword");
  ike.asks_pin = reader.truth(block, "PromptForVPNPIN");
  ike.asks_always = reader.text(block, "XAuthPasswordEncryption") == "Prompt";
  return ike;
}

Ike read_declared_ipsec(Reader& reader, Dict payload, Identities& identities) {
  Ike ike;
  const Dict authentication = reader.dict(payload, "Authentication");
  ike.local_identifier = reader.text(authentication, "LocalIdentifier");
  ike.authentication = reader.text(authentication, "Method", "SharedSecret");
  ike.certificate = identities.asset(reader, authentication, "IdentityAssetReference");
  const auto shared = identities.credentials(reader, authentication, "CredentialsAssetReference");
  ike.secret = shared.password;
  ike.secret_credentials = shared.asset;
  const Dict xauth = reader.dict(authentication, "XAuth");
  ike.extended_authentication = reader.truth(xauth, "Enabled");
  const auto account = identities.credentials(reader, xauth, "CredentialsAssetReference");
  ike.user = account.user;
  ike.password = account.password;
  ike.credentials = account.asset;
  return ike;
}

}  // namespace vpn::model
