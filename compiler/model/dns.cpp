#include "compiler/model/parts.h"
#include "policy_generated.h"

namespace vpn::model {
namespace {

// What the payload's dictionary and the declaration's have in common.
Dns read_common(Reader& reader, Dict dict) {
  Dns out;
  out.server_url = reader.text(dict, "ServerURL");
  out.server_name = reader.text(dict, "ServerName");
  out.servers = reader.texts(dict, "ServerAddresses");
  out.search_domains = reader.texts(dict, "SearchDomains");
  out.domain_name = reader.text(dict, "DomainName");
  DomainList supplemental = reader.domains(dict, "SupplementalMatchDomains",
                                           static_cast<std::uint8_t>(policy::fb::ListKind::dns_supplemental));
  if (supplemental.array != nullptr) out.supplemental = supplemental;
  out.supplemental_no_search = reader.truth(dict, "SupplementalMatchDomainsNoSearch");
  return out;
}

}  // namespace

std::optional<Dns> read_dns(Reader& reader, Dict payload, Identities& identities) {
  const Dict dict = reader.dict(payload, "DNS");
  if (!dict) return std::nullopt;
  Dns out = read_common(reader, dict);
  out.protocol = reader.text(dict, "DNSProtocol", "Cleartext");
  out.certificate = identities.payload(reader, dict, "PayloadCertificateUUID");
  return out;
}

std::optional<Dns> read_declared_dns(Reader& reader, Dict payload, Identities& identities) {
  const Dict dict = reader.dict(payload, "DNS");
  if (!dict) return std::nullopt;
  Dns out = read_common(reader, dict);
  out.protocol = reader.text(dict, "Protocol", "Cleartext");
  out.certificate = identities.asset(reader, dict, "IdentityAssetReference");
  return out;
}

}  // namespace vpn::model
