// A device's profiles as typed values: one struct for each VPN, references resolved, defaults applied.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/document/value.h"
#include "compiler/model/secret.h"
#include "policy/app_map/app_map.h"
#include "policy/types.h"

namespace vpn::document {
class Document;
}

namespace vpn::schema {
struct KnownApp;
}

namespace vpn::model {

using policy::none;

/// Where a deciding key stands; index into Model::places.
using PlaceId = std::uint32_t;
struct Place {
  const document::Document* document = nullptr;
  document::Span span;                   ///< the key's text, or the element where there is no key
  const document::Path* path = nullptr;  ///< in Model::paths
};

/// Text with a place. Views point into documents, or into Model::texts.
struct Text {
  std::string_view text;
  PlaceId place = none;
};

/// Secrets keep out of every dump: index into Model::secrets.
using SecretId = std::uint32_t;

struct SecurityAssociation {
  std::string_view encryption = "AES-256";
  std::string_view integrity = "SHA2-256";
  std::uint16_t dh_group = 14;
  std::uint32_t lifetime_minutes = 1440;
  std::vector<std::uint16_t> post_quantum;  ///< further key exchanges, in order (RFC 9370)
};

struct Ike {
  std::string_view local_identifier, remote_identifier;
  std::string_view authentication;  ///< None, SharedSecret, Certificate, as meant
  bool extended_authentication = false;
  std::string_view certificate_type = "RSA";
  std::uint32_t certificate = none;  ///< index into Model::identities
  std::string_view server_issuer, server_name, user;
  SecretId secret = none, password = none;
  /// Indexes into Model::identities: assets that the device fetches user and password, and the shared secret, from.
  std::uint32_t credentials = none, secret_credentials = none;
  std::string_view dead_peer_detection = "Medium";
  bool perfect_forward_secrecy = false, disable_mobike = false, disable_redirect = false, internal_subnets = false;
  bool revocation_check = false, fallback = false, nat_keepalive_offload = true, strict_algorithms = false;
  std::uint32_t nat_keepalive_seconds = 20;
  std::uint32_t mtu = 1280;
  std::string_view tls_minimum = "1.0", tls_maximum = "1.2";
  std::string_view ppk_identifier;
  SecretId ppk = none;
  bool ppk_mandatory = true;
  bool post_quantum_fallback = false;
  SecurityAssociation ike_sa, child_sa;
  bool asks_pin = false, asks_always = false;  ///< IPSec: somebody has to say it
};

struct Setting {
  std::string key;
  std::string value;
  SecretId secret = none;
};

/// A list of names; entries refer to the array in the document, so that a million costs nothing here.
struct DomainList {
  std::uint8_t kind = 0;  ///< policy::fb::ListKind
  const document::Value* array = nullptr;
  PlaceId place = none;
};

struct EvaluateParameter {
  DomainList domains;
  bool never = false;
  std::vector<std::string_view> dns_servers;
  std::string_view url_probe;
  PlaceId place = none;
};

struct OnDemandRule {
  std::uint8_t action = 0;  ///< policy::fb::OnDemandAction
  std::optional<policy::InterfaceType> interface_type;
  std::optional<std::vector<std::string_view>> ssids, dns_domains, dns_servers;
  std::optional<std::string_view> url_probe;
  std::vector<EvaluateParameter> parameters;
  PlaceId place = none;
};

struct OnDemand {
  bool enabled = false;
  bool user_override_disabled = false;
  std::vector<OnDemandRule> rules;
  PlaceId place = none;
};

struct Dns {
  std::string_view protocol, server_url, server_name, domain_name;
  std::vector<std::string_view> servers, search_domains;
  std::optional<DomainList> supplemental;
  bool supplemental_no_search = false;
  std::uint32_t certificate = none;
};

/// A flag that rules look at, with the place of its key (or of the payload, where the default decides).
struct Flag {
  bool value = false;
  bool present = false;
  PlaceId place = none;
};

enum class Kind : std::uint8_t { always_on, per_app, device };

/// How a plug-in authenticates.
struct Login {
  std::string_view method = "Password";  ///< Password, Certificate, Password+Certificate
  std::string_view user;
  SecretId password = none;
  std::uint32_t certificate = none, credentials = none;  ///< indexes into Model::identities
};

/// What can be connected: settings that providers need.
struct Tunnel {
  std::string id;  ///< docs/cli.md: UUID in upper case, #n, VPNUUID, Identifier
  Kind kind = Kind::device;
  std::uint8_t provider = 0;  ///< policy::fb::Provider
  bool app_proxy = false;
  std::string_view name, subtype, server, provider_bundle, provider_requirement;
  std::vector<std::string_view> endpoints;  ///< further servers, from a plug-in's own settings: host or host:port
  std::optional<Ike> ike;
  std::optional<Login> login;
  std::vector<Setting> settings, proxies;
  std::optional<Dns> dns;
  std::uint32_t idle_seconds = 0;
  PlaceId place = none;
};

struct ServiceException {
  policy::Service service{};
  bool drop = false;
  PlaceId place = none;
};
struct ApplicationException {
  std::string_view app;
  bool limited = false;           ///< LimitToProtocols present
  bool tcp = false, udp = false;  ///< what the limit names
  PlaceId place = none;
};
struct AlwaysOnTunnel {
  std::uint32_t tunnel = none;
  std::uint8_t interfaces = 0;
  PlaceId place = none;
};  ///< mask as in policy.fbs

struct AlwaysOn {
  Flag user_toggle, captive_websheet, captive_all;
  std::vector<Text> captive_plugins;
  std::vector<AlwaysOnTunnel> tunnels;
  std::vector<ServiceException> services;
  std::vector<ApplicationException> applications;
  PlaceId place = none, tunnels_place = none;
};

struct PerApp {
  std::string vpn_uuid;  ///< upper case
  std::uint32_t tunnel = none;
  OnDemand on_demand;  ///< enabled: OnDemandMatchAppEnabled where present
  bool match_app = false;
  std::vector<DomainList> lists;
  PlaceId place = none;
};

struct Device {
  std::uint32_t tunnel = none;
  Flag include_all, enforce_routes, exclude_local, exclude_cellular, exclude_apns, exclude_device, override_primary;
  OnDemand on_demand;
  bool transparent = false;
  std::optional<std::int64_t> order;
  PlaceId place = none;
};

struct Tool {
  std::string_view signing_identifier, path;
};
struct Mapping {
  std::string_view app;     ///< Identifier
  std::string vpn_uuid;     ///< upper case
  std::string_view path;    ///< of the app's executable; empty: not given
  std::vector<Tool> tools;  ///< empty: the app and all that it spawns
  PlaceId place = none;
};

struct Identity {
  std::string uuid;  ///< PayloadUUID in upper case, or the asset's Identifier
  std::string kind;
  std::vector<std::uint8_t> certificate;  ///< DER
  SecretId container = none, password = none;
  std::vector<Setting> settings;
  PlaceId place = none;
};

/// An entry of the app map, as the file has it.
using MappedApp = policy::MappedApp;

/// An app with what is known of it: from the app map, from the data about well-known apps, or both.
struct App {
  std::string_view identifier;
  std::uint32_t roles = 0;
  const MappedApp* mapped = nullptr;        ///< null: not in the app map
  const schema::KnownApp* known = nullptr;  ///< null: not well known
};

/// Refers to the documents and the app map that it was built from; they must outlive it. Moves only.
struct Model {
  policy::Platform platform = policy::Platform::linux;
  std::vector<Place> places;
  std::deque<document::Path> paths;  ///< of places, parents before children
  std::deque<std::string> texts;     ///< texts that are not in a document as they are here
  std::vector<Secret> secrets;
  std::vector<Tunnel> tunnels;
  std::optional<AlwaysOn> always_on;
  std::vector<PerApp> per_app;
  std::vector<Device> devices;  ///< in order, transparent proxies sorted by Order
  std::vector<Mapping> mappings;
  std::vector<Identity> identities;
  std::vector<App> apps;  ///< sorted by identifier: the app map over well-known apps whose roles matter here
};

}  // namespace vpn::model
