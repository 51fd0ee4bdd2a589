// Reads .vpnprofile.yaml. Strict: a misspelt key would be a setting that is not there.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <span>
#include <system_error>

#include "compiler/cli/configuration.h"
#include "compiler/cli/file_input.h"
#include "console/similar/similar.h"

namespace vpn::cli {
namespace {

constexpr std::size_t largest_configuration = std::size_t{1} << 20;

constexpr std::array<std::string_view, 6> rule_keys{"platform", "os-version", "supervised",
                                                    "select",   "ignore",     "severity"};

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  Result<Configuration> read(const std::string& text) {
    Configuration result;
    result.file = path_;
    std::error_code error;
    result.folder = std::filesystem::absolute(path_, error).lexically_normal().parent_path().string();
    try {
      const YAML::Node root = YAML::Load(text);
      if (root.IsNull()) return result;
      if (auto done = configuration(root, result); !done) return tl::unexpected(done.error());
    } catch (const YAML::Exception& e) {
      return problem(e.mark, "this is no YAML: " + e.msg, {});
    }
    return result;
  }

 private:
  tl::unexpected<Error> problem(const YAML::Mark& mark, std::string what, std::string help) const {
    const std::string place =
        mark.is_null() ? path_ : path_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
    return fail(ErrorKind::usage, std::move(what), place, std::move(help));
  }

  /// Checks the keys of a mapping: known and there once.
  Result<void> keys(const YAML::Node& map, std::span<const std::string_view> known) const {
    std::set<std::string> seen;
    for (const auto& member : map) {
      if (!member.first.IsScalar()) return problem(member.first.Mark(), "a key must be a word", {});
      const std::string& key = member.first.Scalar();
      if (std::find(known.begin(), known.end(), key) == known.end())
        return problem(member.first.Mark(), "unknown key '" + key + "'", known_keys(key, known));
      if (!seen.insert(key).second) return problem(member.first.Mark(), "'" + key + "' is there twice", {});
    }
    return {};
  }

  static std::string known_keys(const std::string& key, std::span<const std::string_view> known) {
    if (const std::string_view meant = cli::nearest(key, known); !meant.empty())
      return "did you mean '" + std::string(meant) + "'?";
    std::string all;
    for (const std::string_view k : known) all += (all.empty() ? "" : ", ") + std::string(k);
    return "the keys here are " + all;
  }

  Result<void> configuration(const YAML::Node& root, Configuration& out) {
    if (!root.IsMap()) return problem(root.Mark(), "the configuration must be a mapping of keys to values", {});
    std::vector<std::string_view> known(rule_keys.begin(), rule_keys.end());
    known.emplace_back("per-path");
    known.emplace_back("ci");
    if (auto checked = keys(root, known); !checked) return checked;
    if (auto read = rules(root, out.rules); !read) return read;
    if (auto read = ci(root["ci"], out); !read) return read;
    const YAML::Node paths = root["per-path"];
    if (!paths) return {};
    if (!paths.IsSequence())
      return problem(paths.Mark(), "'per-path' must be a list", "each entry: {path: GLOB, ignore: [CODE]}");
    for (const YAML::Node& entry : paths)
      if (auto read = path_rules(entry, out); !read) return read;
    return {};
  }

  Result<void> path_rules(const YAML::Node& entry, Configuration& out) {
    if (!entry.IsMap() || !entry["path"]) return problem(entry.Mark(), "an entry of 'per-path' needs 'path'", {});
    std::vector<std::string_view> known(rule_keys.begin(), rule_keys.end());
    known.emplace_back("path");
    if (auto checked = keys(entry, known); !checked) return checked;
    auto globs = words(entry["path"]);
    if (!globs) return tl::unexpected(globs.error());
    Configuration::PathRules result;
    result.globs = std::move(*globs);
    if (auto read = rules(entry, result.rules); !read) return read;
    out.paths.push_back(std::move(result));
    return {};
  }

  Result<void> ci(const YAML::Node& node, Configuration& out) const {
    if (!node) return {};
    if (!node.IsMap()) return problem(node.Mark(), "'ci' must be a mapping of keys to values", {});
    constexpr std::array<std::string_view, 3> known{"devices", "prove", "fail-on"};
    if (auto checked = keys(node, known); !checked) return checked;
    if (auto read = proofs(node, out.ci.prove); !read) return read;
    if (const YAML::Node on = node["fail-on"]) {
      out.ci.fail_on = on.IsScalar() ? on.Scalar() : "";
      if (out.ci.fail_on != "risk" && out.ci.fail_on != "any" && out.ci.fail_on != "never")
        return problem(on.Mark(), "'fail-on' is risk, any or never", {});
    }
    const YAML::Node devices = node["devices"];
    if (!devices) return {};
    if (!devices.IsSequence())
      return problem(devices.Mark(), "'devices' must be a list", "each entry: {paths: [PATH]}");
    for (const YAML::Node& entry : devices)
      if (auto read = ci_device(entry, out); !read) return read;
    return {};
  }

  Result<void> ci_device(const YAML::Node& entry, Configuration& out) const {
    if (!entry.IsMap() || !entry["paths"]) return problem(entry.Mark(), "an entry of 'devices' needs 'paths'", {});
    constexpr std::array<std::string_view, 6> known{"name", "paths", "app-map", "platform", "tests", "prove"};
    if (auto checked = keys(entry, known); !checked) return checked;
    CiSettings::Device device;
    const auto below = [&](const std::string& path) { return (std::filesystem::path(out.folder) / path).string(); };
    for (const auto& [key, list] : {std::pair{"paths", &device.paths}, {"tests", &device.tests}}) {
      if (!entry[key]) continue;
      const auto paths = words(entry[key]);
      if (!paths) return tl::unexpected(paths.error());
      for (const std::string& path : *paths) list->push_back(below(path));
    }
    if (device.paths.empty()) return problem(entry.Mark(), "'paths' names no profile", {});
    device.name = entry["name"] && entry["name"].IsScalar() ? entry["name"].Scalar() : words(entry["paths"])->front();
    if (entry["app-map"]) device.app_map = below(entry["app-map"].IsScalar() ? entry["app-map"].Scalar() : "");
    if (const YAML::Node platform = entry["platform"]) {
      const auto parsed = parse_platforms({platform.IsScalar() ? platform.Scalar() : ""});
      if (!parsed) return problem(platform.Mark(), parsed.error().what, parsed.error().help);
      device.platform = parsed->front();
    }
    if (auto read = proofs(entry, device.prove); !read) return read;
    out.ci.devices.push_back(std::move(device));
    return {};
  }

  Result<void> proofs(const YAML::Node& map, std::optional<std::vector<std::string>>& out) const {
    if (!map["prove"]) return {};
    auto given = words(map["prove"]);
    if (!given) return tl::unexpected(given.error());
    out = std::move(*given);
    return {};
  }

  /// One word, or a list of words.
  Result<std::vector<std::string>> words(const YAML::Node& node) const {
    if (node.IsScalar()) return std::vector<std::string>{node.Scalar()};
    if (!node.IsSequence()) return problem(node.Mark(), "a word or a list of words is wanted here", {});
    std::vector<std::string> result;
    for (const YAML::Node& word : node) {
      if (!word.IsScalar()) return problem(word.Mark(), "a word is wanted here", {});
      result.push_back(word.Scalar());
    }
    return result;
  }

  template <class T, class Parse>
  Result<void> list(const YAML::Node& map, const char* key, T& out, Parse parse) const {
    const YAML::Node node = map[key];
    if (!node) return {};
    auto given = words(node);
    if (!given) return tl::unexpected(given.error());
    auto parsed = parse(*given);
    if (!parsed) return problem(node.Mark(), parsed.error().what, parsed.error().help);
    out = std::move(*parsed);
    return {};
  }

  Result<void> rules(const YAML::Node& map, LintRules& out) const {
    if (auto read = list(map, "platform", out.platforms, parse_platforms); !read) return read;
    if (auto read = list(map, "select", out.select, parse_patterns); !read) return read;
    if (auto read = list(map, "ignore", out.ignore, parse_patterns); !read) return read;
    if (const YAML::Node node = map["os-version"]) {
      const auto version = node.IsScalar() ? parse_version(node.Scalar()) : parse_version("");
      if (!version) return problem(node.Mark(), version.error().what, version.error().help);
      out.os_version = *version;
    }
    if (const YAML::Node node = map["supervised"]) {
      const std::string word = node.IsScalar() ? node.Scalar() : "";
      if (word != "true" && word != "false") return problem(node.Mark(), "'supervised' is true or false", {});
      out.supervised = word == "true";
    }
    return severities(map["severity"], out);
  }

  Result<void> severities(const YAML::Node& node, LintRules& out) const {
    if (!node) return {};
    if (!node.IsMap()) return problem(node.Mark(), "'severity' must map codes to error, warning or note", {});
    for (const auto& member : node) {
      const auto pattern = CodePattern::parse(member.first.IsScalar() ? member.first.Scalar() : "");
      if (!pattern) return problem(member.first.Mark(), pattern.error().what, pattern.error().help);
      const std::string word = member.second.IsScalar() ? member.second.Scalar() : "";
      const auto severity = parse_severity(word);
      if (!severity)
        return problem(member.second.Mark(), "'" + word + "' is no severity",
                       "error, warning or note; 'ignore' switches a code off");
      out.severity.emplace_back(*pattern, *severity);
    }
    return {};
  }

  static std::optional<findings::Severity> parse_severity(std::string_view word) {
    for (const auto s : {findings::Severity::error, findings::Severity::warning, findings::Severity::note})
      if (findings::to_string(s) == word) return s;
    return std::nullopt;
  }

  const std::string& path_;
};

}  // namespace

Result<Configuration> read_configuration(const std::string& path) {
  const auto text = read_input(path, largest_configuration);
  if (!text) return tl::unexpected(text.error());
  return Reader(path).read(*text);
}

}  // namespace vpn::cli
