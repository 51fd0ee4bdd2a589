// schemas/payloads: payload types, declaration types and fragments.
#include <algorithm>
#include <filesystem>

#include "compiler/schema/generate/yaml.h"

namespace vpn::schema::generate {
namespace {

using document::Type;

const std::vector<std::string_view> type_words{"boolean", "integer", "real", "string",     "data",
                                               "date",    "array",   "flag", "dictionary", "any"};
constexpr Type word_types[] = {Type::boolean, Type::integer, Type::real,    Type::string,     Type::data,
                               Type::date,    Type::array,   Type::integer, Type::dictionary, Type::null};
/// The words of an enumeration, in its order.
template <class Enum>
std::vector<std::string_view> words(std::size_t count) {
  std::vector<std::string_view> list;
  for (std::size_t i = 0; i < count; ++i) list.push_back(to_string(static_cast<Enum>(i)));
  return list;
}

KeySpec read_key(const std::string& name, const YAML::Node& node, const std::string& file, Diagnostics& diagnostics);

std::optional<Version> read_version(Attributes& attributes, std::string_view name) {
  const std::string text = attributes.text(name);
  if (text.empty()) return std::nullopt;
  Version version;
  if (!Version::parse(text, version)) {
    attributes.diagnostics().error(attributes.where(name), "'" + text + "' is no version");
    return std::nullopt;
  }
  return version;
}

PlatformSpec read_platform(const YAML::Node& node, const std::string& file, Diagnostics& diagnostics) {
  PlatformSpec spec;
  spec.stated = true;
  if (node.IsScalar()) {
    Version since;
    if (node.Scalar() == "never") {
      spec.never = true;
    } else if (node.Scalar() != "always") {
      if (!Version::parse(node.Scalar(), since))
        diagnostics.error({file, node.Mark().line + 1, node.Mark().column + 1},
                          "'" + node.Scalar() + "' is no version, nor 'always' or 'never'");
      spec.since = since;
    }
    return spec;
  }
  Attributes attributes(node, file, diagnostics);
  spec.since = read_version(attributes, "since");
  spec.deprecated = read_version(attributes, "deprecated");
  spec.removed = read_version(attributes, "removed");
  spec.supervised = attributes.boolean("supervised", false);
  attributes.finish();
  if ((spec.since && spec.deprecated && *spec.deprecated < *spec.since) ||
      (spec.since && spec.removed && *spec.removed < *spec.since) ||
      (spec.deprecated && spec.removed && *spec.removed < *spec.deprecated))
    diagnostics.error(attributes.where(), "since, deprecated and removed are out of order");
  return spec;
}

PlatformSpecs read_platforms(Attributes& owner) {
  PlatformSpecs specs;
  const YAML::Node node = owner.take("platforms");
  if (!node.IsDefined()) return specs;
  Attributes attributes(node, owner.file(), owner.diagnostics());
  for (std::size_t p = 0; p < platform_count; ++p) {
    const YAML::Node value = attributes.take(policy::to_string(static_cast<policy::Platform>(p)));
    if (value.IsDefined()) specs[p] = read_platform(value, owner.file(), owner.diagnostics());
  }
  attributes.finish();
  return specs;
}

std::vector<KeySpec> read_keys(Attributes& owner) {
  std::vector<KeySpec> keys;
  const YAML::Node node = owner.take("keys");
  if (!node.IsDefined()) return keys;
  each_member(node, owner.file(), owner.diagnostics(),
              [&](const std::string& name, const YAML::Node& name_node, const YAML::Node& value) {
                keys.push_back(read_key(name, value, owner.file(), owner.diagnostics()));
                keys.back().where = owner.place(name_node);
              });
  return keys;
}

std::vector<Use> read_uses(Attributes& owner) {
  std::vector<Use> uses;
  for (std::string& name : owner.texts("use")) uses.push_back({owner.where("use"), std::move(name)});
  return uses;
}

void read_types(Attributes& attributes, KeySpec& key) {
  const std::vector<std::string> words = attributes.texts("type");
  if (words.empty()) attributes.diagnostics().error(attributes.where(), "'type' is missing");
  for (const std::string& word : words) {
    const auto found = std::find(type_words.begin(), type_words.end(), word);
    if (found == type_words.end()) {
      attributes.diagnostics().error(attributes.where("type"), "'" + word + "' is no type");
      continue;
    }
    const Type type = word_types[found - type_words.begin()];
    if (type != Type::null) key.types = static_cast<TypeMask>(key.types | mask(type));
    if (word == "flag") {
      key.flag = true;
      key.integers = {0, 1};
    }
    if (words.size() > 1 && (word == "any" || word == "flag"))
      attributes.diagnostics().error(attributes.where("type"), "'" + word + "' cannot stand beside other types");
  }
}

void read_values(Attributes& attributes, KeySpec& key) {
  key.values = attributes.texts("values");
  key.obsolete = attributes.texts("obsolete_values");
  for (const std::string& value : key.obsolete) {
    if (std::find(key.values.begin(), key.values.end(), value) != key.values.end())
      attributes.diagnostics().error(attributes.where("obsolete_values"), "'" + value + "' is in 'values' already");
    key.values.push_back(value);
  }
  if (key.types != mask(Type::integer) || key.flag) return;
  for (const std::string& value : key.values) {
    std::int64_t number = 0;
    if (!to_integer(value, number))
      attributes.diagnostics().error(attributes.where("values"), "'" + value + "' is no integer");
    key.integers.push_back(number);
  }
  key.values.clear();
}

KeySpec read_key(const std::string& name, const YAML::Node& node, const std::string& file, Diagnostics& diagnostics) {
  Attributes attributes(node, file, diagnostics);
  KeySpec key;
  key.where = attributes.where();
  key.name = name;
  read_types(attributes, key);
  if (const int word = attributes.word("presence", {"optional", "required"}); word >= 0)
    key.presence = static_cast<Presence>(word);
  if (const int word = attributes.word("missing", {"note", "warning", "error"}); word >= 0) {
    key.missing = static_cast<Severity>(word);
    if (key.presence != Presence::required)
      diagnostics.error(attributes.where("missing"), "'missing' needs 'presence: required'");
  }
  key.secret = attributes.boolean("secret", false);
  key.free_form = attributes.boolean("free_form", false);
  key.published = attributes.boolean("published", true);
  if (const int word = attributes.word("format", words<Format>(format_count)); word >= 0)
    key.format = static_cast<Format>(word);
  if (const int word = attributes.word("reference", words<Reference>(reference_count)); word >= 0)
    key.reference = static_cast<Reference>(word);
  key.min = attributes.integer("min");
  key.max = attributes.integer("max");
  key.min_items = static_cast<std::uint32_t>(attributes.integer("min_items").value_or(0));
  key.max_items = static_cast<std::uint32_t>(attributes.integer("max_items").value_or(0));
  read_values(attributes, key);
  key.default_value = attributes.text("default");
  key.summary = name.empty() ? attributes.text("summary") : attributes.required_text("summary");
  key.instead = attributes.text("instead");
  key.keys = read_keys(attributes);
  key.uses = read_uses(attributes);
  if (const YAML::Node element = attributes.take("element"); element.IsDefined())
    key.element.push_back(read_key("", element, file, diagnostics));
  key.platforms = read_platforms(attributes);
  attributes.finish();
  return key;
}

std::vector<BlockSpec> read_blocks(Attributes& owner) {
  std::vector<BlockSpec> blocks;
  const YAML::Node node = owner.take("blocks");
  if (!node.IsDefined()) return blocks;
  each_member(
      node, owner.file(), owner.diagnostics(),
      [&](const std::string& name, const YAML::Node& name_node, const YAML::Node& value) {
        Attributes attributes(value, owner.file(), owner.diagnostics());
        BlockSpec block{owner.place(name_node), name, attributes.texts("for"), attributes.texts("required_for")};
        attributes.finish();
        blocks.push_back(std::move(block));
      });
  return blocks;
}

void read_payload(Attributes& attributes, std::string_view kind, Catalogue& catalogue) {
  PayloadSpec payload;
  payload.where = attributes.where();
  payload.type = attributes.required_text(kind);
  payload.kind = kind == "payload"       ? PayloadSpec::Kind::payload
                 : kind == "declaration" ? PayloadSpec::Kind::declaration
                                         : PayloadSpec::Kind::top_level;
  payload.title = attributes.required_text("title");
  payload.summary = attributes.required_text("summary");
  payload.multiple = attributes.boolean("multiple", true);
  payload.selector = attributes.text("selector");
  payload.root.where = payload.where;
  payload.root.types = mask(Type::dictionary);
  payload.root.summary = payload.summary;
  payload.root.platforms = read_platforms(attributes);
  payload.root.keys = read_keys(attributes);
  payload.root.uses = read_uses(attributes);
  payload.blocks = read_blocks(attributes);
  attributes.finish();
  catalogue.payloads.push_back(std::move(payload));
}

void read_document(const YAML::Node& node, const std::string& file, Catalogue& catalogue, Diagnostics& diagnostics) {
  Attributes attributes(node, file, diagnostics);
  for (const std::string_view kind : {"payload", "declaration", "profile"}) {
    if (node.IsMap() && node[std::string(kind)]) return read_payload(attributes, kind, catalogue);
  }
  const std::string name = attributes.required_text("fragment");
  Fragment fragment{attributes.where(), read_keys(attributes), read_uses(attributes), attributes.text("selector"),
                    read_blocks(attributes)};
  attributes.finish();
  if (!catalogue.fragments.emplace(name, std::move(fragment)).second)
    diagnostics.error(attributes.where("fragment"), "fragment '" + name + "' is defined twice");
}

}  // namespace

void load_payloads(const std::string& folder, Catalogue& catalogue, Diagnostics& diagnostics) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> files;
  for (auto at = fs::recursive_directory_iterator(fs::path(folder) / "payloads", error);
       !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->path().extension() == ".yaml") files.push_back(at->path().string());
  }
  if (error) diagnostics.error({folder + "/payloads"}, error.message());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    for (const YAML::Node& node : load_file(file, diagnostics)) read_document(node, file, catalogue, diagnostics);
  }
}

}  // namespace vpn::schema::generate
