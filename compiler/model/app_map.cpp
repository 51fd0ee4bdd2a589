#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/document/source.h"
#include "compiler/model/build.h"
#include "compiler/model/reader.h"

namespace vpn::model {
namespace {

using nlohmann::json;

constexpr std::size_t largest_file = std::size_t{64} << 20;
constexpr unsigned deepest = 8;  // three levels mean something; an anchor may lead back to itself
constexpr const char* help = "see \"App map\" in docs/cli.md";

tl::unexpected<Error> bad(const std::string& where, std::string what) {
  return fail(ErrorKind::invalid_input, std::move(what), where, help);
}

// Both forms are read from one tree. Aliases would let a small file stand for a huge tree.
Result<json> convert(const YAML::Node& node, const std::string& where, std::size_t& budget, unsigned depth = 0) {
  if (depth > deepest) return bad(where, "the app map is nested too deeply");
  if (budget == 0) return bad(where, "the app map has too many values; do its anchors and aliases repeat large parts?");
  --budget;
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return json(node.Scalar());
    case YAML::NodeType::Sequence: {
      json out = json::array();
      for (const auto& item : node) {
        auto value = convert(item, where, budget, depth + 1);
        if (!value) return value;
        out.push_back(std::move(*value));
      }
      return out;
    }
    case YAML::NodeType::Map: {
      json out = json::object();
      for (const auto& entry : node) {
        if (!entry.first.IsScalar()) return bad(where, "a key of the app map is no text");
        auto value = convert(entry.second, where, budget, depth + 1);
        if (!value) return value;
        if (!out.emplace(entry.first.Scalar(), std::move(*value)).second)
          return bad(where, "\"" + entry.first.Scalar() + "\" is there twice");
      }
      return out;
    }
    default:
      return json();
  }
}

Result<json> parse_yaml(const std::string& path, std::string_view text) {
  try {
    std::size_t budget = text.size() + 1000;  // a file without aliases has fewer values than bytes
    return convert(YAML::Load(std::string(text)), path, budget);
  } catch (const YAML::ParserException& e) {
    return bad(path + ":" + std::to_string(e.mark.line + 1) + ":" + std::to_string(e.mark.column + 1),
               "the app map cannot be read: " + e.msg);
  } catch (const std::exception& e) {
    return bad(path, std::string("the app map cannot be read: ") + e.what());
  }
}

Result<json> parse_any(const std::string& path, std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return parse_yaml(path, text);
  // JSON is YAML, too, but nlohmann's reader is much the faster one.
  std::set<std::string> seen;
  std::string twice;
  const json::parser_callback_t watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1 && !seen.insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  json out = json::parse(text, watch, false);
  if (out.is_discarded()) return parse_yaml(path, text);
  if (!twice.empty()) return bad(path, "\"" + twice + "\" is there twice");
  return out;
}

Result<std::vector<std::string>> strings(const json& value, const std::string& where) {
  std::vector<std::string> out;
  if (value.is_string()) out.push_back(value.get<std::string>());
  if (value.is_array()) {
    for (const json& item : value) {
      if (!item.is_string()) return bad(where, "a list of texts is expected here");
      out.push_back(item.get<std::string>());
    }
  } else if (!value.is_string()) {
    return bad(where, "a text, or a list of texts, is expected here");
  }
  return out;
}

Result<void> set_roles(const json& value, const std::string& where, MappedApp& app) {
  auto names = strings(value, where);
  if (!names) return tl::unexpected(names.error());
  app.has_roles = true;
  for (const std::string& name : *names) {
    policy::Role role{};
    if (!policy::parse(name, role)) {
      return bad(where, "\"" + name +
                            "\" is no role; there are browser, mail, calendar, contacts, smb, captive-websheet, "
                            "captive-plugin and the services");
    }
    app.roles |= bit(role);
  }
  return {};
}

Result<void> set_digest(const std::string& hex, const std::string& where, MappedApp& app) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (hex.size() != 64) return bad(where, "a SHA-256 in hexadecimal is expected here");
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto digit = [&](char c) { return digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c); };
    const auto high = digit(hex[i]);
    const auto low = digit(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return bad(where, "a SHA-256 in hexadecimal is expected here");
    app.digest.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return {};
}

Result<void> set_key(const std::string& key, const json& value, const std::string& where, MappedApp& app) {
  if (key == "roles") return set_roles(value, where, app);
  if (key == "paths") {
    auto paths = strings(value, where);
    if (!paths) return tl::unexpected(paths.error());
    for (const std::string& path : *paths) {
      if (!path.starts_with('/')) return bad(where, "\"" + path + "\" is no absolute path");
    }
    app.paths = std::move(*paths);
    return {};
  }
  std::string* const field = key == "flatpak"  ? &app.flatpak
                             : key == "snap"   ? &app.snap
                             : key == "cgroup" ? &app.cgroup
                             : key == "vpn"    ? &app.vpn
                                               : nullptr;
  if (field == nullptr && key != "sha256")
    return bad(where, "this key is not known; there are paths, flatpak, snap, cgroup, sha256, roles and vpn");
  if (!value.is_string()) return bad(where, "a text is expected here");
  if (key == "sha256") return set_digest(value.get<std::string>(), where, app);
  *field = key == "vpn" ? upper_case(value.get<std::string>()) : value.get<std::string>();
  return {};
}

Result<MappedApp> read_entry(const std::string& path, const std::string& identifier, const json& entry) {
  const std::string where = path + ": " + identifier;
  MappedApp app;
  app.identifier = identifier;
  if (identifier.empty() || identifier == "other" || identifier == "unattributed" || identifier == "forwarded") {
    return bad(where, "no app can have this identifier");
  }
  if (entry.is_null()) return app;
  if (!entry.is_object()) return bad(where, "what is known of an app must be a mapping of keys to values");
  for (const auto& [key, value] : entry.items()) {
    if (auto ok = set_key(key, value, where + "." + key, app); !ok) return tl::unexpected(ok.error());
  }
  return app;
}

}  // namespace

Result<std::vector<MappedApp>> read_app_map(const std::string& path) {
  auto source = document::Source::read(path, largest_file);
  if (!source) return tl::unexpected(source.error());
  auto tree = parse_any(path, (*source)->text());
  if (!tree) return tl::unexpected(tree.error());
  std::vector<MappedApp> apps;
  if (tree->is_null()) return apps;
  if (!tree->is_object()) return bad(path, "an app map is a mapping of bundle identifiers to what they are");
  for (const auto& [identifier, entry] : tree->items()) {
    auto app = read_entry(path, identifier, entry);
    if (!app) return tl::unexpected(app.error());
    apps.push_back(std::move(*app));
  }
  std::sort(apps.begin(), apps.end(),
            [](const MappedApp& a, const MappedApp& b) { return a.identifier < b.identifier; });
  return apps;
}

}  // namespace vpn::model
