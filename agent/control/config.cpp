#include "agent/control/config.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/files/files.h"
#include "policy/app_map/tree.h"
#include "policy/ascii.h"

namespace vpn::agent {
namespace {

/// The place of a member of the mapping at `where`.
std::string below(std::string where, std::string_view key) {
  where.append(".").append(key);
  return where;
}

using Json = nlohmann::json;

constexpr const char* help = "docs/operations.md lists what agent.yaml may say";

tl::unexpected<Error> bad(const std::string& where, const std::string& what) {
  return fail(ErrorKind::invalid_input, what, where, help);
}

// YAML's scalars are texts, JSON's have types: both mean the same here.
bool number(const Json& value, std::uint64_t most, std::uint64_t& out) {
  if (value.is_number_unsigned()) {
    out = value.get<std::uint64_t>();
    return out <= most;
  }
  if (!value.is_string()) return false;
  std::string_view text = value.get_ref<const std::string&>();
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size() && out <= most;
}

// The members of one mapping, each read by a function; what no function reads is an error.
using Reader = std::function<Result<void>(const std::string& where, const Json& value)>;
Result<void> read_members(const std::string& where, const Json& object, const std::map<std::string, Reader>& readers) {
  if (!object.is_object()) return bad(where, "a mapping of keys to values is expected here");
  for (const auto& [key, value] : object.items()) {
    const auto reader = readers.find(key);
    if (reader == readers.end()) {
      std::string known;
      for (const auto& [name, ignored] : readers) known.append(known.empty() ? "" : ", ").append(name);
      return bad(below(where, key), "this key is not known; there are " + known);
    }
    if (auto read = reader->second(below(where, key), value); !read) return read;
  }
  return {};
}

Reader text_into(std::string& out) {
  return [&out](const std::string& where, const Json& value) -> Result<void> {
    if (!value.is_string()) return bad(where, "a text is expected here");
    out = value.get<std::string>();
    return {};
  };
}

Reader texts_into(std::vector<std::string>& out) {
  return [&out](const std::string& where, const Json& value) -> Result<void> {
    out.clear();
    if (!value.is_array()) return bad(where, "a list is expected here");
    for (const Json& item : value) {
      if (!item.is_string()) return bad(where, "a list of texts is expected here");
      out.push_back(item.get<std::string>());
    }
    return {};
  };
}

Reader number_into(std::uint32_t& out, std::uint64_t least, std::uint64_t most) {
  return [&out, least, most](const std::string& where, const Json& value) -> Result<void> {
    std::uint64_t read = 0;
    if (!number(value, most, read) || read < least)
      return bad(where, "a number from " + std::to_string(least) + " to " + std::to_string(most) + " is expected here");
    out = static_cast<std::uint32_t>(read);
    return {};
  };
}

// Of the settings and the process of an external tunnel, the protocol's own readers know what is right; YAML's numbers
// become numbers for them.
Json typed(const Json& value) {
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value) out.push_back(typed(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, member] : value.items()) {
    std::uint64_t n = 0;
    const bool is_number = (key == "port" || key == "mtu" || key == "mark") && number(member, 0xffffffff, n);
    out[key] = is_number ? Json(n) : typed(member);
  }
  return out;
}

Result<void> read_external(const std::string& where, const Json& value, ExternalTunnel& out) {
  const auto located = [&](auto result, const std::string& place) -> Result<void> {
    if (result) return {};
    result.error().where = place;
    return tl::unexpected(result.error());
  };
  std::string interface;
  const std::map<std::string, Reader> readers{{"interface", text_into(interface)},
                                              {"client_uid", number_into(out.options.client_uid, 0, 0xfffffffe)},
                                              {"settings",
                                               [&](const std::string& place, const Json& v) -> Result<void> {
                                                 auto settings = parse_settings(typed(v));
                                                 if (settings) out.options.settings = *settings;
                                                 return located(settings, place);
                                               }},
                                              {"process", [&](const std::string& place, const Json& v) -> Result<void> {
                                                 auto process = parse_process(typed(v));
                                                 if (process) out.options.process = *process;
                                                 return located(process, place);
                                               }}};
  if (auto read = read_members(where, value, readers); !read) return read;
  if (!interface.empty()) out.options.settings.interface = interface;
  out.watched = !out.options.settings.interface.empty();
  return {};
}

Result<void> read_tunnels(const std::string& where, const Json& value, Config& out) {
  if (!value.is_object()) return bad(where, "a mapping of tunnel identifiers is expected here");
  for (const auto& [id, settings] : value.items()) {
    const std::string upper = ascii::upper_case(id);
    const Reader external = [&](const std::string& place, const Json& v) {
      return read_external(place, v, out.external[upper]);
    };
    if (auto read = read_members(below(where, id), settings, {{"external", external}}); !read) return read;
  }
  return {};
}

Result<void> read_enrolment(const std::string& where, const Json& value, Config& out) {
  std::uint32_t seconds = 60;
  const std::map<std::string, Reader> readers{{"program", text_into(out.enrolment.program)},
                                              {"seconds", number_into(seconds, 1, 3600)}};
  if (auto read = read_members(where, value, readers); !read) return read;
  if (!out.enrolment.program.starts_with('/')) return bad(where + ".program", "an absolute path is expected here");
  out.enrolment.limit = std::chrono::seconds(seconds);
  return {};
}

Result<void> read_answerers(const std::string& where, const Json& value, Config& out) {
  if (value != "root" && value != "active-session") return bad(where, "root or active-session is expected here");
  out.session_answers = value == "active-session";
  return {};
}

Result<void> read_interfaces(const std::string& where, const Json& value, Config& out) {
  if (!value.is_object()) return bad(where, "a mapping of interface names to types is expected here");
  for (const auto& [name, type] : value.items()) {
    InterfaceTypeOverride o;
    o.name = name;
    if (!type.is_string() || !policy::parse(type.get_ref<const std::string&>(), o.type))
      return bad(below(where, name), "one of wifi, cellular, ethernet, other is expected here");
    out.interfaces.push_back(std::move(o));
  }
  return {};
}

Result<void> read_resolvers(const std::string& where, const Json& value, Config& out) {
  if (!value.is_object()) return bad(where, "a mapping of interface names is expected here");
  for (const auto& [name, settings] : value.items()) {
    ResolverOverride& o = out.resolvers.emplace_back();
    o.name = name;
    if (auto read = read_members(below(where, name), settings,
                                 {{"servers", texts_into(o.facts.dns_servers)},
                                  {"search", texts_into(o.facts.search_domains)},
                                  {"captive_portal", text_into(o.facts.captive_portal)},
                                  {"ssid", text_into(o.facts.ssid)}});
        !read)
      return read;
  }
  return {};
}

Result<void> read_captive(const std::string& where, const Json& value, Config& out) {
  std::uint32_t status = static_cast<std::uint32_t>(out.captive_probe.status);
  const std::map<std::string, Reader> readers{{"url", text_into(out.captive_probe.url)},
                                              {"status", number_into(status, 200, 599)},
                                              {"body", text_into(out.captive_probe.body)},
                                              {"window_seconds", number_into(out.captive_seconds, 10, 3600)}};
  if (auto read = read_members(where, value, readers); !read) return read;
  out.captive_probe.status = static_cast<int>(status);
  const auto url = parse_http_url(out.captive_probe.url);
  if (!url || url->tls)
    return bad(below(where, "url"), "an http:// URL is expected here: a portal cannot answer for https");
  if (out.captive_probe.body.size() > largest_portal_answer)
    return bad(below(where, "body"), "at most " + std::to_string(largest_portal_answer) + " bytes are compared");
  return {};
}

Result<std::vector<policy::MappedApp>> read_apps(const std::string& folder) {
  std::error_code error;
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json")))
      files.insert(entry.path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(ErrorKind::unreadable, "cannot list the app maps: " + error.message(), folder);
  std::map<std::string, policy::MappedApp> apps;
  for (const std::string& file : files) {
    auto text = read_file(file);
    if (!text) return tl::unexpected(text.error());
    auto read = policy::parse_app_map(file, *text);
    if (!read) return tl::unexpected(read.error());
    for (policy::MappedApp& app : *read) apps[app.identifier] = std::move(app);
  }
  std::vector<policy::MappedApp> out;
  out.reserve(apps.size());
  for (auto& [identifier, app] : apps) out.push_back(std::move(app));
  return out;
}

}  // namespace

Result<Config> parse_config(const std::string& where, std::string_view text) {
  Config out;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return out;
  auto tree = policy::parse_tree(where, text, "the configuration", help);
  if (!tree) return tl::unexpected(tree.error());
  if (tree->is_null()) return out;  // comments only
  const std::map<std::string, Reader> secrets{{"file", text_into(out.secrets.file)},
                                              {"certificate", text_into(out.secrets.certificate)},
                                              {"key", text_into(out.secrets.key)}};
  const std::map<std::string, Reader> readers{
      {"public_key", text_into(out.public_key)},
      {"secrets", [&](const std::string& p, const Json& v) { return read_members(p, v, secrets); }},
      {"control_group", text_into(out.control_group)},
      {"enrolment", [&](const std::string& p, const Json& v) { return read_enrolment(p, v, out); }},
      {"questions_answered_by", [&](const std::string& p, const Json& v) { return read_answerers(p, v, out); }},
      {"interfaces", [&](const std::string& p, const Json& v) { return read_interfaces(p, v, out); }},
      {"inner_bridges", texts_into(out.inner_bridges)},
      {"tunnels", [&](const std::string& p, const Json& v) { return read_tunnels(p, v, out); }},
      {"captive", [&](const std::string& p, const Json& v) { return read_captive(p, v, out); }},
      {"resolvers", [&](const std::string& p, const Json& v) { return read_resolvers(p, v, out); }},
      {"resolved_socket", text_into(out.resolved_socket)},
      {"mark_mask", number_into(out.mark_mask, 0xff, 0xff000000)},
      {"first_table", number_into(out.first_table, 256, 0xffe00000)},
      {"first_priority", number_into(out.first_priority, 1, 32000)}};
  if (auto read = read_members(where, *tree, readers); !read) return tl::unexpected(read.error());
  if (std::popcount(out.mark_mask) != 8 || (out.mark_mask >> std::countr_zero(out.mark_mask)) != 0xff)
    return bad(where + ".mark_mask", "eight bits in a row are expected here, such as 0xff000000");
  return out;
}

Result<Config> read_config(const std::string& folder) {
  if (folder.empty()) return Config{};
  const std::string path = folder + "/agent.yaml";
  std::error_code ignored;
  Config out;
  if (std::filesystem::exists(path, ignored)) {
    auto text = read_file(path, std::size_t{4} << 20);
    if (!text) return tl::unexpected(text.error());
    auto read = parse_config(path, *text);
    if (!read) return read;
    out = std::move(*read);
  }
  auto apps = read_apps(folder + "/apps.d");
  if (!apps) return tl::unexpected(apps.error());
  out.apps = std::move(*apps);
  return out;
}

}  // namespace vpn::agent
