// The schema data as it stands in schemas/, before and after fragments and platforms are resolved. Build-time only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/schema/schema.h"

namespace vpn::schema::generate {

inline constexpr std::size_t platform_count = static_cast<std::size_t>(policy::Platform::linux) + 1;

/// A place in a data file; line and column from 1.
struct Where {
  std::string file;
  int line = 0, column = 0;
};

/// Collects what is wrong with the data, so that one run reports all of it.
class Diagnostics {
 public:
  void error(const Where& where, const std::string& message);
  const std::vector<std::string>& messages() const { return messages_; }
  bool failed() const { return !messages_.empty(); }

 private:
  std::vector<std::string> messages_;
};

/// What a key or payload says about one platform; what it does not say comes from the dictionary around it.
struct PlatformSpec {
  bool stated = false;
  bool never = false;
  bool supervised = false;
  std::optional<Version> since, deprecated, removed;
};
using PlatformSpecs = std::array<PlatformSpec, platform_count>;
using Availabilities = std::array<Availability, platform_count>;

struct Use {
  Where where;
  std::string fragment;
};

struct KeySpec {
  Where where;
  std::string name;  ///< empty: the element of an array
  TypeMask types = 0;
  Presence presence = Presence::optional;
  Severity missing = Severity::error;
  bool flag = false, secret = false, free_form = false, published = true;
  Format format = Format::none;
  Reference reference = Reference::none;
  std::optional<std::int64_t> min, max;
  std::uint32_t min_items = 0, max_items = 0;
  std::vector<std::string> values, obsolete;
  std::vector<std::int64_t> integers;
  std::string default_value, summary, instead;
  std::vector<KeySpec> keys;
  std::vector<Use> uses;         ///< empty after resolve()
  std::vector<KeySpec> element;  ///< of an array: one
  PlatformSpecs platforms;
  Availabilities available;  ///< set by resolve()
  bool as_payload = false;   ///< set by resolve(): `available` is what the payload has
};

struct BlockSpec {
  Where where;
  std::string key;
  std::vector<std::string> values, required_for;
};

struct PayloadSpec {
  enum class Kind : std::uint8_t { payload, declaration, top_level };
  Where where;
  Kind kind = Kind::payload;
  std::string type, title, summary, selector;
  bool multiple = true;
  KeySpec root;  ///< a dictionary
  std::vector<BlockSpec> blocks;
};

struct Fragment {
  Where where;
  std::vector<KeySpec> keys;
  std::vector<Use> uses;
  std::string selector;  ///< of the payloads that use it
  std::vector<BlockSpec> blocks;
};

struct ServiceSpec {
  policy::Service service{};
  std::uint32_t roles = 0;
  std::uint8_t protocol = 0;
  std::vector<std::uint16_t> ports;
  std::vector<std::string> prefixes;
  bool local_only = false;
};

struct AppSpec {
  std::string identifier, title, flatpak, snap;
  std::uint32_t roles = 0;
  std::vector<std::string> paths;
};

struct ProbeSpec {
  std::string host;
  std::uint16_t port = 0;
};

/// All data.
struct Catalogue {
  std::vector<PayloadSpec> payloads;
  std::map<std::string, Fragment> fragments;
  std::vector<std::string> foreign;
  std::vector<ServiceSpec> services;
  std::vector<AppSpec> apps;
  std::vector<ProbeSpec> probes;
};

/// Reads payloads/ and its sub-folders below `folder`.
void load_payloads(const std::string& folder, Catalogue& catalogue, Diagnostics& diagnostics);
/// Reads services.yaml, apps.yaml, probes.yaml and foreign.yaml.
void load_lists(const std::string& folder, Catalogue& catalogue, Diagnostics& diagnostics);
/// Merges fragments, sorts keys, works out the availability of each key and checks that nothing contradicts anything.
void resolve(Catalogue& catalogue, Diagnostics& diagnostics);
/// The tables as C++.
std::string emit(const Catalogue& catalogue);

}  // namespace vpn::schema::generate
