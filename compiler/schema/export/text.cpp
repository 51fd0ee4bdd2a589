// The schemas as text for people, and as words for editors.
#include <algorithm>

#include "compiler/schema/export/export.h"
#include "compiler/schema/export/words.h"

namespace vpn::schema {

std::string values_text(const Key& key) {
  if (!key.values.empty()) return joined(key.values, ", ", [](std::string_view v) { return std::string(v); });
  if (!key.integers.empty()) return joined(key.integers, ", ", [](std::int64_t v) { return std::to_string(v); });
  if (key.has_min && key.has_max) return std::to_string(key.min) + " to " + std::to_string(key.max);
  if (key.has_min) return "from " + std::to_string(key.min);
  if (key.has_max) return "up to " + std::to_string(key.max);
  return {};
}

std::string items_text(const Key& key) {
  if (key.min_items == 0 && key.max_items == 0) return {};
  if (key.min_items == key.max_items) return "exactly " + std::to_string(key.min_items);
  if (key.max_items == 0) return "at least " + std::to_string(key.min_items);
  return (key.min_items == 0 ? "at most " : std::to_string(key.min_items) + " to ") + std::to_string(key.max_items);
}

/// "array of string": the element's type too.
std::string type_text(const Key& key) {
  std::string out = type_words(key);
  for (const Key* e = key.element; e != nullptr; e = e->element) out += " of " + type_words(*e);
  return out;
}

const Key& innermost(const Key& key) {
  const Key* at = &key;
  while (at->element != nullptr) at = at->element;
  return *at;
}

static std::string platform_text(policy::Platform platform, const Availability& a) {
  std::string out = platform_title(platform);
  if (a.has_since) out += ' ' + a.since.to_string();
  std::string more;
  if (a.has_deprecated) more += ", deprecated since " + a.deprecated.to_string();
  if (a.has_removed) more += ", gone since " + a.removed.to_string();
  if (a.supervised) more += ", supervised only";
  return out + more;
}

std::string platforms_text(std::span<const Availability> platforms) {
  std::string there;
  std::string missing;
  for (std::size_t p = 0; p < platforms.size(); ++p) {
    const auto platform = static_cast<policy::Platform>(p);
    std::string& list = platforms[p].available ? there : missing;
    list += (list.empty() ? "" : "; ") +
            (platforms[p].available ? platform_text(platform, platforms[p]) : platform_title(platform));
  }
  if (!missing.empty()) there += (there.empty() ? "" : "; ") + std::string("not on ") + missing;
  return there;
}

namespace {

constexpr std::size_t width = 100;

/// ANSI sequences, or nothing.
struct Style {
  bool color;
  std::string bold(std::string_view t) const { return paint("1", t); }
  std::string name(std::string_view t) const { return paint("36", t); }
  std::string dim(std::string_view t) const { return paint("2", t); }
  std::string warn(std::string_view t) const { return paint("33", t); }

 private:
  std::string paint(const char* code, std::string_view t) const {
    return color ? "\x1b[" + std::string(code) + 'm' + std::string(t) + "\x1b[0m" : std::string(t);
  }
};

/// Breaks at blanks; `indent` before every line.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  while (!text.empty()) {
    const std::size_t room = width - std::min(indent, width / 2);
    std::size_t end = text.size();
    if (end > room) {
      end = text.rfind(' ', room);
      if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    }
    out.append(indent, ' ').append(text.substr(0, end)) += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// One line of the tree, and below it the members.
void tree(const Key& key, std::size_t indent, const Style& style, std::string& out) {
  std::string line(indent, ' ');
  const std::string mark = key.presence == Presence::required ? "*" : "";
  line += style.name(key.name) + mark;
  const std::size_t used = indent + key.name.size() + mark.size();
  line.append(used < 44 ? 44 - used : 2, ' ');
  const Key& inner = innermost(key);
  line += type_text(key);
  if (inner.format != Format::none) line += " (" + std::string(to_string(inner.format)) + ')';
  if (!key.flag) {
    if (const std::string values = values_text(inner); !values.empty()) line += ": " + values;
  }
  if (!key.default_value.empty()) line += style.dim(" = " + std::string(key.default_value));
  if (key.secret) line += style.warn(" secret");
  if (!key.published) line += style.dim(" unpublished");
  if (std::any_of(key.platforms.begin(), key.platforms.end(), [](const Availability& a) { return a.has_deprecated; }))
    line += style.warn(" deprecated");
  out += line + '\n';
  for (const Key& member : inner.keys) tree(member, indent + 2, style, out);
}

void fact(std::string_view label, const std::string& value, const Style& style, std::string& out) {
  if (value.empty()) return;
  std::string text = wrapped(value, 20);
  std::string head = "  " + std::string(label);
  head.append(head.size() < 20 ? 20 - head.size() : 1, ' ');
  out += style.dim(head) + text.substr(20);
}

void key_facts(const Subject& subject, const Style& style, std::string& out) {
  const Key& key = *subject.key;
  const Key& inner = innermost(key);
  constexpr std::string_view severities[] = {"a note", "a warning", "an error"};
  fact("type", type_text(key), style, out);
  if (key.presence == Presence::required)
    fact("required", "missing is " + std::string(severities[static_cast<std::size_t>(key.missing_severity)]), style,
         out);
  fact("values", values_text(inner), style, out);
  fact("obsolete", joined(inner.obsolete_values, ", ", [](std::string_view v) { return std::string(v); }), style, out);
  fact("items", items_text(key), style, out);
  if (inner.format != Format::none) fact("format", std::string(to_string(inner.format)), style, out);
  if (inner.reference != Reference::none) fact("refers to", std::string(to_string(inner.reference)), style, out);
  fact("default", std::string(key.default_value), style, out);
  fact("instead", std::string(key.instead), style, out);
  if (inner.secret) fact("secret", "never printed", style, out);
  if (key.free_form) fact("members", "any", style, out);
  if (!key.published) fact("published", "no, but it works", style, out);
  fact("available", platforms_text(availability(*subject.payload, key)), style, out);
}

std::string payload_text(const Payload& payload, const Style& style) {
  std::string out =
      style.bold(payload.type) + "  " + std::string(payload.title) + '\n' + wrapped(payload.summary, 2) + '\n';
  fact("available", platforms_text(payload.platforms), style, out);
  fact("in one profile", payload.multiple ? "any number" : "one", style, out);
  if (!payload.blocks.empty()) out += "\nBy " + std::string(payload.selector) + ":\n";
  for (const Block& block : payload.blocks) {
    const auto words = [](std::string_view v) { return std::string(v); };
    std::string text = "read for " + joined(block.values, ", ", words);
    if (!block.required_for.empty()) text += "; needed for " + joined(block.required_for, ", ", words);
    fact(block.key, text, style, out);
  }
  out += "\nKeys (* required):\n";
  for (const Key& key : payload.root.keys) tree(key, 2, style, out);
  return out;
}

void completion(const std::string& prefix, const Key& key, std::string& out) {
  const std::string path = prefix + std::string(key.name);
  const Key& inner = innermost(key);
  std::string values = values_text(inner);
  if (!key.default_value.empty()) values += (values.empty() ? "= " : " = ") + std::string(key.default_value);
  out += path + '\t' + type_text(key) + '\t' + values + '\t' + std::string(key.summary) + '\n';
  std::string below = path;
  for (const Key* e = key.element; e != nullptr; e = e->element) below += "[]";
  for (const Key& member : inner.keys) completion(below + '.', member, out);
}

}  // namespace

std::string list_text(bool color) {
  const Style style{color};
  std::string out;
  const auto add = [&](const Payload& p) {
    out += style.name(p.type);
    out.append(p.type.size() < 50 ? 50 - p.type.size() : 2, ' ');
    out += std::string(p.title) + '\n';
  };
  add(top_level());
  for (const bool declarations : {false, true}) {
    for (const Payload& payload : payloads()) {
      if (payload.is_declaration == declarations) add(payload);
    }
  }
  return out;
}

std::string subject_text(const Subject& subject, bool color) {
  const Style style{color};
  if (subject.key == nullptr) return payload_text(*subject.payload, style);
  const Key& key = *subject.key;
  std::string out = style.bold(subject.path) + style.dim("  in " + std::string(subject.payload->type)) + '\n';
  out += wrapped(key.summary, 2) + '\n';
  key_facts(subject, style, out);
  if (!innermost(key).keys.empty()) out += "\nKeys (* required):\n";
  for (const Key& member : innermost(key).keys) tree(member, 2, style, out);
  return out;
}

std::string list_completion() {
  std::string out;
  const auto add = [&](const Payload& p) {
    out += std::string(p.type) + '\t' + (p.is_declaration ? "declaration" : "payload") + "\t\t" + std::string(p.title) +
           '\n';
  };
  add(top_level());
  for (const Payload& payload : payloads()) add(payload);
  return out;
}

std::string subject_completion(const Subject& subject) {
  std::string out;
  if (subject.key == nullptr) {
    for (const Key& key : subject.payload->root.keys) completion("", key, out);
  } else {
    const std::size_t dot = subject.path.rfind('.');
    completion(dot == std::string::npos ? "" : subject.path.substr(0, dot + 1), *subject.key, out);
  }
  return out;
}

}  // namespace vpn::schema
