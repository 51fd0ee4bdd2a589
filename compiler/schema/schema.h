// The payload schemas as tables. The data is in schemas/, compiled in by compiler/schema/generate.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "compiler/document/value.h"
#include "policy/types.h"

namespace vpn::schema {

/// A version of an operating system: 10.15.4 is {10, 15, 4}. Ordered.
struct Version {
  std::uint16_t major = 0, minor = 0, patch = 0;
  static bool parse(std::string_view text, Version& out);
  std::string to_string() const;
  friend constexpr auto operator<=>(const Version&, const Version&) = default;  // NOLINT(modernize-use-nullptr)
};

/// Availability on one platform. `available` false: never there.
struct Availability {
  bool available = true;
  bool has_since = false, has_deprecated = false, has_removed = false;
  bool supervised = false;  ///< only on supervised devices
  Version since, deprecated, removed;
};

enum class Presence : std::uint8_t { optional, required };

/// What the absence of a required key is; in the order of findings::Severity.
enum class Severity : std::uint8_t { note, warning, error };

/// What a string (or each string of an array) must look like; `none`: anything.
enum class Format : std::uint8_t {
  none,
  uuid,
  host,
  address,
  address_wildcard,
  domain,
  domain_wildcard,
  domain_or_empty,
  url,
  https_url,
  probe_url,
  bundle_id,
  reverse_dns,
  cidr,
  email,
  oid,
  non_empty,
  base64_secret
};
inline constexpr std::size_t format_count = static_cast<std::size_t>(Format::base64_secret) + 1;
std::string_view to_string(Format format);  ///< "domain_wildcard"

/// What a key refers to by UUID or identifier.
enum class Reference : std::uint8_t {
  none,
  identity,
  certificate,
  per_app_vpn,
  identity_asset,
  credential_asset,
  certificate_asset
};
inline constexpr std::size_t reference_count = static_cast<std::size_t>(Reference::certificate_asset) + 1;
std::string_view to_string(Reference reference);  ///< "per_app_vpn"

/// Bits of document::Type that a key accepts.
using TypeMask = std::uint16_t;
constexpr TypeMask mask(document::Type t) { return static_cast<TypeMask>(1u << static_cast<unsigned>(t)); }

/// One key of a dictionary, or the element of an array (`name` empty).
struct Key {
  std::string_view name;
  TypeMask types = 0;  ///< 0: any type
  Presence presence = Presence::optional;
  Severity missing_severity = Severity::error;  ///< of a required key that is absent
  bool flag = false;                            ///< integer 0/1: booleans are accepted as meant
  bool secret = false;                          ///< its value must never be printed
  bool free_form = false;                       ///< dictionary whose members are not checked (VendorConfig)
  bool published = true;                        ///< false: works in practice, missing in the published schema
  Format format = Format::none;
  Reference reference = Reference::none;
  bool has_min = false, has_max = false;
  std::int64_t min = 0, max = 0;                      ///< of an integer
  std::uint32_t min_items = 0, max_items = 0;         ///< of an array; 0: no bound
  std::span<const std::string_view> values;           ///< allowed strings; empty: any
  std::span<const std::string_view> obsolete_values;  ///< those of `values` that are understood but no longer supported
  std::span<const std::int64_t> integers;             ///< allowed integers; empty: any
  std::string_view default_value;                     ///< as text; empty: none
  std::string_view summary;                           ///< one or two sentences, our own words
  std::string_view instead;                           ///< what to use instead of a deprecated key
  std::span<const Key> keys;                          ///< members of a dictionary, sorted by name
  const Key* element = nullptr;                       ///< of an array
  std::span<const Availability>
      platforms;  ///< one for each policy::Platform, inherited ones resolved; empty: as the payload
  std::span<const std::uint16_t> slots;  ///< hash table over `keys` (name_hash.h), for find()

  /// Member by exact name, or null. O(1).
  const Key* find(std::string_view member) const;
};

/// A key that only some values of the selector (VPNType) read.
struct Block {
  std::string_view key;
  std::span<const std::string_view> values;        ///< of the selector, that read the key
  std::span<const std::string_view> required_for;  ///< those of `values` that cannot do without it

  bool read_by(std::string_view selector_value) const;
  bool is_required_by(std::string_view selector_value) const;
};

/// A payload type, or a declaration type.
struct Payload {
  std::string_view type;  ///< "com.apple.vpn.managed"
  std::string_view title;
  std::string_view summary;
  bool is_declaration = false;
  Key root;  ///< the dictionary; common payload keys are merged in. Of a declaration: the whole object,
             ///< with Type, Identifier, ServerToken and Payload
  std::string_view selector;                ///< "VPNType"; empty: none
  std::span<const Block> blocks;            ///< keys that are in none are read for every value of the selector
  std::span<const Availability> platforms;  ///< one for each policy::Platform
  bool multiple = true;                     ///< more than one in a profile makes sense

  const Block* find_block(std::string_view key) const;  ///< null: every value of the selector reads the key
};

std::span<const Payload> payloads();                 ///< sorted by type
const Payload* find_payload(std::string_view type);  ///< null: unknown
const Payload& top_level();                          ///< the Configuration dictionary
/// Payload types that exist but that this product does not judge ("passes with a note"): known by name.
bool is_foreign_payload(std::string_view type);
std::span<const std::string_view> foreign_payloads();  ///< sorted

/// S2 selectors and well-known apps, from schemas/services.yaml and schemas/apps.yaml.
struct ServiceSelector {
  policy::Service service;
  std::uint32_t role;     ///< Role bits; 0: any app
  std::uint8_t protocol;  ///< 0: any
  std::span<const std::uint16_t> ports;
  std::span<const std::string_view> prefixes;
  bool local_only;
};
std::span<const ServiceSelector> services();

struct KnownApp {
  std::string_view identifier;
  std::uint32_t roles;
  std::string_view title;
  std::span<const std::string_view> paths;  ///< on Linux
  std::string_view flatpak, snap;
};
std::span<const KnownApp> known_apps();  ///< sorted by identifier

struct ProbeTarget {
  std::string_view host;
  std::uint16_t port;
};
std::span<const ProbeTarget> captive_probes();  ///< S1.f: captive detection, schemas/probes.yaml

}  // namespace vpn::schema
