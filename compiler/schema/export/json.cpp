// The schemas as JSON in our own form.
#include <nlohmann/json.hpp>

#include "compiler/schema/export/export.h"

namespace vpn::schema {
namespace {

using Json = nlohmann::ordered_json;

Json platforms_json(std::span<const Availability> platforms) {
  Json out = Json::object();
  for (std::size_t p = 0; p < platforms.size(); ++p) {
    const Availability& a = platforms[p];
    Json& platform = out[std::string(policy::to_string(static_cast<policy::Platform>(p)))];
    platform["available"] = a.available;
    if (a.has_since) platform["since"] = a.since.to_string();
    if (a.has_deprecated) platform["deprecated"] = a.deprecated.to_string();
    if (a.has_removed) platform["removed"] = a.removed.to_string();
    if (a.supervised) platform["supervised"] = true;
  }
  return out;
}

template <class T>
Json list(std::span<const T> items) {
  Json out = Json::array();
  for (const T& item : items) out.push_back(item);
  return out;
}

void add_constraints(const Key& key, Json& out) {
  if (key.presence == Presence::required) {
    constexpr std::string_view severities[] = {"note", "warning", "error"};
    out["required"] = true;
    out["missing"] = severities[static_cast<std::size_t>(key.missing_severity)];
  }
  if (!key.values.empty()) out["values"] = list(key.values);
  if (!key.integers.empty()) out["values"] = list(key.integers);
  if (!key.obsolete_values.empty()) out["obsolete_values"] = list(key.obsolete_values);
  if (key.has_min) out["min"] = key.min;
  if (key.has_max) out["max"] = key.max;
  if (key.min_items != 0) out["min_items"] = key.min_items;
  if (key.max_items != 0) out["max_items"] = key.max_items;
  if (key.format != Format::none) out["format"] = to_string(key.format);
  if (key.reference != Reference::none) out["reference"] = to_string(key.reference);
  if (!key.default_value.empty()) out["default"] = key.default_value;
  if (key.secret) out["secret"] = true;
  if (!key.published) out["published"] = false;
  if (key.free_form) out["free_form"] = true;
}

Json key_json(const Payload& payload, const Key& key) {
  Json out = Json::object();
  if (!key.name.empty()) out["key"] = key.name;
  out["type"] = type_words(key);
  if (!key.summary.empty()) out["summary"] = key.summary;
  add_constraints(key, out);
  if (!key.instead.empty()) out["instead"] = key.instead;
  if (!key.platforms.empty()) out["platforms"] = platforms_json(key.platforms);
  for (const Key& member : key.keys) out["keys"].push_back(key_json(payload, member));
  if (key.element != nullptr) out["element"] = key_json(payload, *key.element);
  return out;
}

Json payload_json(const Payload& payload) {
  Json out{{"type", payload.type}, {"title", payload.title}, {"summary", payload.summary}};
  out["declaration"] = payload.is_declaration;
  out["multiple"] = payload.multiple;
  out["platforms"] = platforms_json(payload.platforms);
  if (!payload.selector.empty()) out["selector"] = payload.selector;
  for (const Block& block : payload.blocks)
    out["blocks"].push_back(
        {{"key", block.key}, {"for", list(block.values)}, {"required_for", list(block.required_for)}});
  for (const Key& member : payload.root.keys) out["keys"].push_back(key_json(payload, member));
  return out;
}

}  // namespace

Json list_json() {
  Json out = Json::array();
  const auto add = [&](const Payload& p) {
    out.push_back({{"type", p.type}, {"title", p.title}, {"summary", p.summary}, {"declaration", p.is_declaration}});
  };
  add(top_level());
  for (const Payload& payload : payloads()) add(payload);
  return out;
}

Json subject_json(const Subject& subject) {
  if (subject.key == nullptr) return payload_json(*subject.payload);
  Json out{{"payload", subject.payload->type}, {"path", subject.path}};
  out.update(key_json(*subject.payload, *subject.key));
  if (!out.contains("platforms")) out["platforms"] = platforms_json(subject.payload->platforms);
  return out;
}

}  // namespace vpn::schema
