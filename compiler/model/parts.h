// The parts that VPN payloads and VPN declarations are made of. A payload and a declaration say the same in different
// keys; each part has one function for either, with one result. Internal to compiler/model/.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/model/reader.h"

namespace vpn::model {

/// Certificates, identities and credential assets of all documents; those that a VPN refers to go into the model.
class Identities {
 public:
  explicit Identities(Model& model) : model_(model) {}

  /// Notes what the payload or asset is called. Nothing is read before something refers to it.
  void add_payload(const document::Document& document, Dict payload, std::string_view type);
  void add_asset(const document::Document& document, Dict declaration, std::string_view type);

  /// Index into Model::identities of what a key names: by PayloadUUID within the profile, or by an asset's Identifier.
  std::uint32_t payload(Reader& reader, Dict dict, std::string_view key);
  std::uint32_t asset(Reader& reader, Dict dict, std::string_view key);

  /// A credential asset: user name and password where the asset itself has them, else what to fetch them by.
  struct Credentials {
    std::string_view user;
    SecretId password = none;
    std::uint32_t asset = none;
  };
  Credentials credentials(Reader& reader, Dict dict, std::string_view key);

  /// Adds the certificates (not the identities) of a profile with a VPN: they are what its server is checked against.
  void add_certificates(const document::Document& document);

 private:
  struct Entry {
    const document::Document* document = nullptr;
    Dict dict;
    std::string_view type;
    std::string name;
    bool is_asset = false;
    std::uint32_t index = none;
  };
  using Key = std::pair<const document::Document*, std::string>;

  std::uint32_t materialise(Entry& entry);
  Entry* asset_entry(Dict dict, std::string_view key);

  Model& model_;
  std::vector<Entry> entries_;
  std::map<Key, std::size_t> payloads_;                     ///< by document and upper-case UUID
  std::map<std::string, std::size_t, std::less<>> assets_;  ///< by Identifier
};

// ike.cpp
Ike read_ike(Reader& reader, Dict block, Identities& identities);  ///< IKEv2 block, flat tunnel configuration
Ike read_declared_ike(Reader& reader, Dict payload,
                      Identities& identities);  ///< declaration ikev2, IKEV2 of an always-on tunnel
Ike read_ipsec(Reader& reader, Dict block, Identities& identities);  ///< IPSec block, of L2TP too
Ike read_declared_ipsec(Reader& reader, Dict payload, Identities& identities);

// on_demand.cpp
OnDemand read_on_demand(Reader& reader, Dict block, PlaceId owner);
OnDemand read_declared_on_demand(Reader& reader, Dict payload, PlaceId owner);

// settings.cpp
/// Members of a dictionary as settings: nested keys joined by '.', elements of arrays by index; what looks secret
/// becomes one.
std::vector<Setting> flatten(Reader& reader, Dict dict, std::string_view prefix = {});
std::vector<Setting> read_proxies(Reader& reader, Dict payload);
std::vector<Setting> read_declared_proxies(Reader& reader, Dict payload, Identities& identities);
/// Servers that the settings of WireGuard ("Endpoint = host:port") and OpenVPN ("remote host port") lead to.
std::vector<std::string_view> read_endpoints(Reader& reader, Dict vendor_config, std::uint8_t provider);

// dns.cpp
std::optional<Dns> read_dns(Reader& reader, Dict payload, Identities& identities);
std::optional<Dns> read_declared_dns(Reader& reader, Dict payload, Identities& identities);

// always_on.cpp
/// Exceptions, captive keys and flags; the tunnels are the caller's. `dict` is the block, or a declaration's Payload.
AlwaysOn read_always_on(Reader& reader, Dict dict, PlaceId place);
/// Wi-Fi and cellular of `Interfaces` as the mask of policy.fbs; absent or empty: 0, all.
std::uint8_t read_interfaces(Reader& reader, Dict configuration);

}  // namespace vpn::model
