#include "compiler/cli/ci_plan.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <system_error>

#include "compiler/cli/configuration.h"
#include "compiler/format/paths.h"

namespace vpn::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 3> scenario_endings{".test.yaml", ".test.yml", ".test.json"};

bool is_scenario(std::string_view path) {
  return std::any_of(scenario_endings.begin(), scenario_endings.end(),
                     [&](std::string_view ending) { return path.ends_with(ending); });
}

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

/// "a/b" for "a/b.mobileconfig", "a/b" and "a/b/".
std::string stem_of(const std::string& path) {
  fs::path at = fs::path(path).lexically_normal();
  if (!at.has_filename()) at = at.parent_path();
  return is_folder(path) ? at.string() : at.replace_extension().string();
}

void add_once(std::vector<std::string>& list, std::string item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(std::move(item));
}

/// Scenario files in a folder and in those below; hidden ones and links to folders are passed over.
void scenarios_below(const std::string& folder, std::vector<std::string>& out) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && at != end; at.increment(error)) {
    const bool hidden = at->path().filename().string().starts_with('.');
    std::error_code ignored;
    if (hidden && at->is_directory(ignored)) at.disable_recursion_pending();
    if (!hidden && is_scenario(at->path().string()) && at->is_regular_file(ignored))
      found.push_back(at->path().lexically_normal().string());
  }
  std::sort(found.begin(), found.end());
  for (std::string& file : found) add_once(out, std::move(file));
}

/// NAME.test.yaml and NAME.*.test.yaml beside.
void scenarios_beside(const std::string& stem, std::vector<std::string>& out) {
  const fs::path around = fs::path(stem).parent_path();
  const std::string name = fs::path(stem).filename().string() + ".";
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(around.empty() ? "." : around, error), end; !error && at != end; at.increment(error)) {
    const std::string file = at->path().filename().string();
    std::error_code ignored;
    if (file.starts_with(name) && is_scenario(file) && at->is_regular_file(ignored))
      found.push_back((around / file).string());
  }
  std::sort(found.begin(), found.end());
  for (std::string& file : found) add_once(out, std::move(file));
}

/// What stands in the folder of the device, or bears the name of its file.
void add_conventions(CiDevice& device, bool app_map_too) {
  for (const std::string& path : device.paths) {
    const std::string stem = stem_of(path);
    scenarios_beside(stem, device.tests);
    if (is_folder(path)) scenarios_below(path, device.tests);
    if (!app_map_too) continue;
    if (is_folder(path)) device.app_maps.push_back((fs::path(path) / "app-map.yaml").lexically_normal().string());
    device.app_maps.push_back(stem + ".app-map.yaml");
  }
}

std::string here() {
  std::error_code error;
  return fs::current_path(error).string();
}

class Planner {
 public:
  explicit Planner(const Arguments& arguments) : arguments_(arguments), base_(here()) {}

  Result<CiPlan> run() {
    if (const auto read = configuration(); !read) return tl::unexpected(read.error());
    CiPlan plan;
    plan.configuration = configuration_;
    plan.fail_on = arguments_.get("fail-on", settings_.fail_on.empty() ? "risk" : settings_.fail_on);
    if (!arguments_.positional().empty()) {
      from_paths(plan);
    } else if (!settings_.devices.empty()) {
      for (const CiSettings::Device& device : settings_.devices) plan.devices.push_back(from(device));
    } else {
      plan.devices.push_back(from_path("."));
    }
    if (arguments_.has("platform")) {
      const auto platform = parse_platforms({arguments_.get("platform")});
      if (!platform) return tl::unexpected(platform.error());
      for (CiDevice& device : plan.devices) device.platform = platform->front();
    }
    return plan;
  }

 private:
  Result<void> configuration() {
    if (arguments_.has("config")) {
      auto read = read_configuration(arguments_.get("config"));
      if (!read) return tl::unexpected(read.error());
      settings_ = std::move(read->ci);
      configuration_ = arguments_.get("config");
      return {};
    }
    ConfigurationFinder finder;
    const auto found = finder.governing("here");
    if (!found) return tl::unexpected(found.error());
    if (*found == nullptr) return {};
    settings_ = (*found)->ci;
    configuration_ = (*found)->file;
    return {};
  }

  std::vector<std::string> proofs(const std::optional<std::vector<std::string>>& of_device) const {
    std::vector<std::string> out{"no-leak-governed"};
    if (settings_.prove) out = *settings_.prove;
    if (of_device) out = *of_device;
    if (arguments_.has("prove")) out = arguments_.words("prove");
    if (out.size() == 1 && out[0] == "none") out.clear();
    return out;
  }

  /// As the user would name it: relative to where we are, where it is below.
  std::string shown(const std::string& path) const { return format::relative_name(path, base_); }

  CiDevice from(const CiSettings::Device& settings) const {
    CiDevice out;
    out.name = settings.name;
    for (const std::string& path : settings.paths) out.paths.push_back(shown(path));
    for (const std::string& path : settings.tests) out.tests.push_back(shown(path));
    out.platform = settings.platform;
    out.prove = proofs(settings.prove);
    out.app_map_is_named = !settings.app_map.empty();
    if (out.app_map_is_named) out.app_maps.push_back(shown(settings.app_map));
    add_conventions(out, !out.app_map_is_named);
    return out;
  }

  CiDevice from_path(const std::string& path) const {
    CiDevice out;
    out.name = path;
    out.paths = {path};
    out.prove = proofs({});
    add_conventions(out, true);
    return out;
  }

  void from_paths(CiPlan& plan) const {
    std::set<std::string> taken;
    for (const std::string& path : arguments_.positional()) {
      if (is_scenario(path)) continue;
      plan.devices.push_back(from_path(path));
      for (const std::string& test : plan.devices.back().tests)
        taken.insert(fs::path(test).lexically_normal().string());
    }
    CiDevice rest;
    rest.name = "scenarios";
    for (const std::string& path : arguments_.positional())
      if (is_scenario(path) && taken.insert(fs::path(path).lexically_normal().string()).second)
        rest.tests.push_back(path);
    if (!rest.tests.empty()) plan.devices.push_back(std::move(rest));
  }

  const Arguments& arguments_;
  CiSettings settings_;
  std::string configuration_;
  std::string base_;
};

}  // namespace

Result<CiPlan> plan_ci(const Arguments& arguments) { return Planner(arguments).run(); }

std::string app_map_of(const CiDevice& device) {
  std::error_code error;
  for (const std::string& path : device.app_maps)
    if (device.app_map_is_named || fs::exists(path, error)) return path;
  return {};
}

}  // namespace vpn::cli
