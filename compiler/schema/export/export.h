// The schemas for people, programs and editors: what `vpnprofile schema` prints.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/schema/schema.h"

namespace vpn::schema {

/// A payload type, or one key in it.
struct Subject {
  const Payload* payload = nullptr;
  const Key* key = nullptr;  ///< null: the payload
  std::string path;          ///< of the key, with "[]" behind arrays: "OnDemandRules[].Action"
};

/// The payload with this type, or the only one whose type ends in ".TYPE" ("pkcs12"); "Configuration" is the profile
/// itself. Null: none, or several, which are then in `candidates`.
const Payload* find_type(std::string_view type, std::vector<std::string_view>& candidates);

/// The key at a path as in findings: indexes, "[]", what leads to the payload and the "Payload" of declarations may be
/// left out. The key is null when a name is unknown; it is then `unknown`, and `around` the dictionary that lacks it.
struct FoundKey {
  Subject subject;
  std::string unknown;
  const Key* around = nullptr;
};
FoundKey find_path(const Payload& payload, std::string_view path);

std::string type_words(const Key& key);  ///< "string", "string or data", "flag", "any"
std::span<const Availability> availability(const Payload& payload, const Key& key);
std::string platform_title(policy::Platform platform);  ///< "macOS"

/// Each payload type with its title; or everything about one subject. `color`: ANSI sequences.
std::string list_text(bool color);
std::string subject_text(const Subject& subject, bool color);

/// The same without the tree of members, as Markdown for editors.
std::string subject_markdown(const Subject& subject);

/// The same facts as JSON, our own form.
nlohmann::ordered_json list_json();
nlohmann::ordered_json subject_json(const Subject& subject);

/// JSON Schema, draft 2020-12. A property list stands for the JSON with the same structure, <data> as Base64, <date> as
/// text. Tolerant where lint is: booleans for 0 and 1, keys whose absence is no error, keys that no published schema
/// has.
nlohmann::ordered_json profile_json_schema();  ///< any profile or declaration
nlohmann::ordered_json subject_json_schema(const Subject& subject);

/// Words for editors, one a line: path, types, default or values, summary, with tabs between.
std::string list_completion();
std::string subject_completion(const Subject& subject);

}  // namespace vpn::schema
