#include "policy/app_map/app_map.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "policy/app_map/tree.h"
#include "policy/ascii.h"
#include "policy/types.h"

namespace vpn::policy {
namespace {

using nlohmann::json;

constexpr const char* help = "see \"App map\" in docs/cli.md";

tl::unexpected<Error> bad(const std::string& where, std::string what) {
  return fail(ErrorKind::invalid_input, std::move(what), where, help);
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
    Role role{};
    if (!parse(name, role)) {
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
  *field = key == "vpn" ? ascii::upper_case(value.get<std::string>()) : value.get<std::string>();
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
    if (auto ok = set_key(key, value, std::string(where).append(".").append(key), app); !ok)
      return tl::unexpected(ok.error());
  }
  return app;
}

}  // namespace

Result<std::vector<MappedApp>> parse_app_map(const std::string& path, std::string_view text) {
  auto tree = parse_tree(path, text, "the app map", help);
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

}  // namespace vpn::policy
