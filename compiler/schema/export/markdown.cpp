// The schemas as Markdown, for editors to show beside the text.
#include <algorithm>

#include "compiler/schema/export/export.h"
#include "compiler/schema/export/words.h"

namespace vpn::schema {
namespace {

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

void item(std::string_view label, const std::string& value, std::string& out) {
  if (!value.empty()) out.append("- ").append(label).append(": ").append(value).append("\n");
}

std::string codes(std::span<const std::string_view> values) {
  return joined(values, ", ", [](std::string_view v) { return code(v); });
}

std::string key_markdown(const Subject& subject) {
  const Key& key = *subject.key;
  const Key& inner = innermost(key);
  const auto name = subject.path.substr(subject.path.rfind('.') + 1);
  std::string out = "**" + code(name) + "** " + type_text(key);
  if (!key.default_value.empty()) out += ", " + code(key.default_value) + " unless said";
  if (key.presence == Presence::required) out += ", required";
  if (inner.secret) out += ", secret";
  if (std::any_of(key.platforms.begin(), key.platforms.end(), [](const Availability& a) { return a.has_deprecated; }))
    out += ", deprecated";
  out += "\n\n";
  if (!key.summary.empty()) out.append(key.summary).append("\n\n");
  if (!inner.values.empty()) {
    item("values", codes(inner.values), out);
  } else if (!key.flag) {
    item("values", values_text(inner), out);
  }
  if (!inner.obsolete_values.empty()) item("obsolete", codes(inner.obsolete_values), out);
  item("items", items_text(key), out);
  if (inner.format != Format::none) item("format", std::string(to_string(inner.format)), out);
  if (inner.reference != Reference::none) item("refers to", std::string(to_string(inner.reference)), out);
  if (!key.instead.empty()) item("instead", std::string(key.instead), out);
  if (!key.published) item("published", "no, but it works", out);
  item("available", platforms_text(availability(*subject.payload, key)), out);
  return out + "\n" + code(subject.path) + " in " + code(subject.payload->type) + "\n";
}

}  // namespace

std::string subject_markdown(const Subject& subject) {
  if (subject.key != nullptr) return key_markdown(subject);
  const Payload& payload = *subject.payload;
  std::string out =
      "**" + std::string(payload.title) + "** " + code(payload.type) + "\n\n" + std::string(payload.summary) + "\n\n";
  item("available", platforms_text(payload.platforms), out);
  item("in one profile", payload.multiple ? "any number" : "one", out);
  return out;
}

}  // namespace vpn::schema
