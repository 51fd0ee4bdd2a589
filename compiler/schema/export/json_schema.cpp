// The schemas as JSON Schema, draft 2020-12.
#include <nlohmann/json.hpp>

#include "compiler/schema/export/export.h"

namespace vpn::schema {
namespace {

using Json = nlohmann::ordered_json;
using document::Type;

constexpr const char* dialect = "https://json-schema.org/draft/2020-12/schema";

Json key_schema(const Key& key);

std::string text(std::string_view t) { return std::string(t); }

/// Only what lint takes for an error: the other formats are annotations.
void add_format(Format format, Json& out) {
  switch (format) {
    case Format::none:
      return;
    case Format::non_empty:
      out["minLength"] = 1;
      return;
    case Format::url:
      out["format"] = "uri";
      return;
    case Format::https_url:
      out["pattern"] = "^[Hh][Tt][Tt][Pp][Ss]://";
      return;
    case Format::email:
      out["format"] = "email";
      return;
    case Format::oid:
      out["pattern"] = "^[0-9]+(\\.[0-9]+)*$";
      return;
    case Format::base64_secret:
      out["contentEncoding"] = "base64";
      return;
    default:
      out["x-format"] = to_string(format);
  }
}

Json string_schema(const Key& key) {
  Json out{{"type", "string"}};
  if (!key.values.empty()) {
    for (const std::string_view value : key.values) out["enum"].push_back(value);
  }
  add_format(key.format, out);
  if (key.reference != Reference::none) out["x-reference"] = to_string(key.reference);
  return out;
}

Json integer_schema(const Key& key) {
  if (key.flag) return {{"enum", {0, 1, false, true}}};  // booleans are taken as meant
  Json out{{"type", "integer"}};
  for (const std::int64_t value : key.integers) out["enum"].push_back(value);
  if (key.has_min) out["minimum"] = key.min;
  if (key.has_max) out["maximum"] = key.max;
  return out;
}

void add_members(std::span<const Key> keys, bool free_form, Json& out) {
  Json required = Json::array();
  for (const Key& member : keys) {
    out["properties"][text(member.name)] = key_schema(member);
    if (member.presence == Presence::required && member.missing_severity == Severity::error)
      required.push_back(member.name);
  }
  if (!required.empty()) out["required"] = std::move(required);
  if (!free_form) out["additionalProperties"] = false;
}

Json array_schema(const Key& key) {
  Json out{{"type", "array"}};
  if (key.element != nullptr) out["items"] = key_schema(*key.element);
  if (key.min_items != 0) out["minItems"] = key.min_items;
  if (key.max_items != 0) out["maxItems"] = key.max_items;
  return out;
}

Json type_schema(const Key& key, Type type) {
  switch (type) {
    case Type::boolean:
      return {{"enum", {false, true, 0, 1}}};  // the reverse of a flag, taken as meant too
    case Type::integer:
      return integer_schema(key);
    case Type::real:
      return {{"type", "number"}};
    case Type::string:
      return string_schema(key);
    case Type::data:
      return {{"type", "string"}, {"contentEncoding", "base64"}};
    case Type::date:
      return {{"type", "string"}, {"format", "date-time"}};
    case Type::array:
      return array_schema(key);
    default:
      break;
  }
  Json out{{"type", "object"}};
  add_members(key.keys, key.free_form, out);
  return out;
}

Json default_value(const Key& key) {
  const std::string value(key.default_value);
  if (key.types == mask(Type::string)) return value;
  return Json::parse(value, nullptr, false);
}

Json platforms_schema(std::span<const Availability> platforms) {
  Json out = Json::object();
  for (std::size_t p = 0; p < platforms.size(); ++p) {
    const Availability& a = platforms[p];
    out[text(policy::to_string(static_cast<policy::Platform>(p)))] = !a.available  ? "never"
                                                                     : a.has_since ? a.since.to_string()
                                                                                   : "always";
  }
  return out;
}

Json key_schema(const Key& key) {
  Json alternatives = Json::array();
  for (const Type type : {Type::boolean, Type::integer, Type::real, Type::string, Type::data, Type::date, Type::array,
                          Type::dictionary}) {
    if ((key.types & mask(type)) != 0) alternatives.push_back(type_schema(key, type));
  }
  Json out = Json::object();
  if (alternatives.size() == 1) out = std::move(alternatives.front());
  if (alternatives.size() > 1) out["anyOf"] = std::move(alternatives);
  if (!key.summary.empty()) out["description"] = key.summary;
  if (!key.default_value.empty()) out["default"] = default_value(key);
  if (key.secret) out["writeOnly"] = true;
  if (!key.published) out["x-published"] = false;
  if (!key.obsolete_values.empty()) {
    for (const std::string_view value : key.obsolete_values) out["x-obsolete"].push_back(value);
  }
  for (const Availability& a : key.platforms) {
    if (a.has_deprecated) out["deprecated"] = true;
  }
  if (!key.platforms.empty()) out["x-platforms"] = platforms_schema(key.platforms);
  return out;
}

/// A key that some values of the selector cannot do without.
Json block_condition(const Payload& payload, const Block& block) {
  Json when{{"properties", {{text(payload.selector), {{"enum", Json::array()}}}}},
            {"required", Json::array({payload.selector})}};
  for (const std::string_view value : block.required_for)
    when["properties"][text(payload.selector)]["enum"].push_back(value);
  return {{"if", std::move(when)}, {"then", {{"required", Json::array({block.key})}}}};
}

Json payload_schema(const Payload& payload) {
  Json out{{"title", payload.title}};
  out.update(key_schema(payload.root));
  const char* type_key = payload.is_declaration ? "Type" : "PayloadType";
  out["properties"][type_key]["const"] = payload.type;
  for (const Block& block : payload.blocks) {
    if (!block.required_for.empty()) out["allOf"].push_back(block_condition(payload, block));
  }
  out["x-platforms"] = platforms_schema(payload.platforms);
  return out;
}

/// {"if": the member `key` is `type`, "then": the definition of that type}
Json choice(const char* key, const Payload& payload) {
  return {{"if", {{"properties", {{key, {{"const", payload.type}}}}}, {"required", Json::array({key})}}},
          {"then", {{"$ref", "#/$defs/" + text(payload.type)}}}};
}

}  // namespace

Json profile_json_schema() {
  Json out{{"$schema", dialect}, {"title", "Apple VPN configuration profile or declaration"}};
  Json profile = payload_schema(top_level());
  Json& item = profile["properties"]["PayloadContent"]["items"];
  item["properties"]["PayloadType"]["type"] = "string";
  item["required"] = Json::array({"PayloadType"});
  Json declarations = Json::array();
  Json definitions = Json::object();
  for (const Payload& payload : payloads()) {
    if (payload.is_declaration) {
      declarations.push_back(choice("Type", payload));
    } else {
      item["allOf"].push_back(choice("PayloadType", payload));
    }
    definitions[text(payload.type)] = payload_schema(payload);
  }
  definitions[text(top_level().type)] = std::move(profile);
  out["type"] = "object";
  out["if"] = {{"required", Json::array({"PayloadType"})}};
  out["then"] = {{"$ref", "#/$defs/" + text(top_level().type)}};
  out["else"] = {{"properties", {{"Type", {{"type", "string"}}}}},
                 {"required", Json::array({"Type"})},
                 {"allOf", std::move(declarations)}};
  out["$defs"] = std::move(definitions);
  return out;
}

Json subject_json_schema(const Subject& subject) {
  Json out{{"$schema", dialect}};
  if (subject.key == nullptr) {
    out.update(payload_schema(*subject.payload));
  } else {
    out["title"] = text(subject.payload->type) + ": " + subject.path;
    out.update(key_schema(*subject.key));
  }
  return out;
}

}  // namespace vpn::schema
