#include "compiler/cli/baseline.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "compiler/cli/file_input.h"
#include "compiler/format/fingerprint.h"
#include "compiler/format/paths.h"

namespace vpn::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t largest_baseline = std::size_t{256} << 20;
constexpr const char* version_key = "vpnprofile-baseline";
constexpr int version = 1;

std::string folder_of(const std::string& path) {
  std::error_code error;
  return std::filesystem::absolute(path, error).lexically_normal().parent_path().string();
}

/// The name that a fingerprint stands on: relative to the baseline, so that it does not matter from where lint was
/// called.
std::string name_from(const std::string& folder, const findings::Finding& finding) {
  const std::string& name = finding.source->name();
  std::error_code error;
  return name.starts_with('<') ? name : format::relative_name(std::filesystem::absolute(name, error).string(), folder);
}

}  // namespace

Result<Baseline> Baseline::read(const std::string& path) {
  const auto text = read_input(path, largest_baseline);
  if (!text) return tl::unexpected(text.error());
  const auto wrong = [&](const char* what) {
    return fail(ErrorKind::invalid_input, what, path, "write it anew with --write-baseline");
  };
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains(version_key)) return wrong("this is no baseline");
  if (json[version_key] != version) return wrong("this baseline was written by another version");
  Baseline result;
  result.folder_ = folder_of(path);
  const auto entries = json.find("findings");
  if (entries == json.end() || !entries->is_array()) return wrong("the baseline has no list of findings");
  for (const Json& entry : *entries) {
    if (!entry.is_object() || !entry.contains("fingerprint") || !entry["fingerprint"].is_string())
      return wrong("an entry of the baseline has no fingerprint");
    result.known_.insert(entry["fingerprint"].get<std::string>());
  }
  return result;
}

std::string Baseline::text(const std::vector<findings::Finding>& findings, const std::string& path,
                           const std::vector<std::string_view>& secret_keys) {
  format::Fingerprints fingerprints(secret_keys);
  const std::string folder = folder_of(path);
  Json entries = Json::array();
  for (const findings::Finding& f : findings) {
    const std::string file = name_from(folder, f);
    entries.push_back({{"fingerprint", fingerprints.of(f, file)},
                       {"code", findings::info(f.code).id},
                       {"file", file},
                       {"path", f.path},
                       {"message", f.message}});
  }
  const Json json = {{version_key, version}, {"findings", std::move(entries)}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void Baseline::apply(std::vector<findings::Finding>& findings, const std::vector<std::string_view>& secret_keys) {
  format::Fingerprints fingerprints(secret_keys);
  const auto is_known = [&](const findings::Finding& f) {
    const auto known = known_.find(fingerprints.of(f, name_from(folder_, f)));
    if (known != known_.end()) met_.insert(*known);
    return known != known_.end();
  };
  findings.erase(std::remove_if(findings.begin(), findings.end(), is_known), findings.end());
}

}  // namespace vpn::cli
