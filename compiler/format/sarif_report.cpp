// SARIF 2.1.0 (OASIS): rules with help, regions in code points, fixes, fingerprints.
#include <algorithm>
#include <map>

#include "compiler/format/fingerprint.h"
#include "compiler/format/machine.h"
#include "compiler/format/paths.h"
#include "compiler/format/styles.h"
#include "policy/ascii.h"

namespace vpn::format {
namespace {

std::string_view sarif_level(findings::Severity severity) {
  return findings::to_string(severity);
}  // the same three words

/// "unknown-key" as SARIF wants names: "UnknownKey".
std::string pascal_case(std::string_view name) {
  std::string result;
  bool upper = true;
  for (const char c : name) {
    if (c == '-') {
      upper = true;
      continue;
    }
    result += upper ? ascii::upper(c) : c;
    upper = false;
  }
  return result;
}

std::string with_full_stop(std::string_view text) {
  std::string result(text);
  while (!result.empty() && (result.back() == '\n' || result.back() == ' ')) result.pop_back();
  if (!result.empty() && std::string_view(".!?").find(result.back()) == std::string_view::npos) result += '.';
  return result;
}

Json rule_json(const findings::CodeInfo& info) {
  std::string plain = with_full_stop(info.reason), markdown = plain;
  const auto add = [&](std::string_view title, std::string_view example) {
    if (example.empty()) return;
    plain.append("\n\n").append(title).append(":\n").append(example);
    markdown.append("\n\n").append(title).append(":\n\n```xml\n").append(example);
    markdown.append(example.back() == '\n' ? "```" : "\n```");
  };
  add("Wrong", info.bad);
  add("Right", info.good);
  return {{"id", info.id},
          {"name", pascal_case(info.name)},
          {"shortDescription", {{"text", with_full_stop(info.title)}}},
          {"fullDescription", {{"text", with_full_stop(info.reason)}}},
          {"help", {{"text", plain}, {"markdown", markdown}}},
          {"defaultConfiguration", {{"level", sarif_level(info.severity)}}}};
}

Json region_json(const Place& place) {
  return {{"startLine", place.begin.line},
          {"startColumn", place.begin.column},
          {"endLine", place.end.line},
          {"endColumn", place.end.column}};
}

class SarifWriter {
 public:
  SarifWriter(const Report& report, const Options& options)
      : report_(report), options_(options), fingerprints_(options.secret_keys) {}

  Json log() {
    collect_rules();
    Json results = Json::array();
    for (const findings::Finding& f : report_.findings) results.push_back(result(f));
    Json artifacts = Json::array();
    for (const std::string& file : report_.files)
      artifacts.push_back({{"location", {{"uri", uri(file, options_.base)}}}});
    Json run = {{"tool", {{"driver", driver()}}}};
    run["columnKind"] = "unicodeCodePoints";
    run["artifacts"] = std::move(artifacts);
    run["results"] = std::move(results);
    return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
            {"version", "2.1.0"},
            {"runs", Json::array({std::move(run)})}};
  }

 private:
  void collect_rules() {
    for (const findings::Finding& f : report_.findings) rules_.emplace(f.code, 0);
    std::size_t index = 0;
    for (auto& [code, at] : rules_) at = index++;
  }

  Json driver() const {
    Json rules = Json::array();
    for (const auto& [code, index] : rules_) rules.push_back(rule_json(findings::info(code)));
    return {{"name", "vpnprofile"},
            {"semanticVersion", options_.version},
            {"informationUri", "https://developer.apple.com/documentation/devicemanagement/vpn"},
            {"rules", std::move(rules)}};
  }

  Json location(const document::Source* source, document::Span span, std::string_view path, Locator& locator) const {
    Json physical = {{"artifactLocation", {{"uri", uri(source == nullptr ? "" : source->name(), options_.base)}}}};
    const Place place = source == nullptr ? Place{} : locator.locate(*source, span);
    if (place.begin.line != 0) physical["region"] = region_json(place);
    Json json = {{"physicalLocation", std::move(physical)}};
    if (!path.empty()) json["logicalLocations"] = Json::array({{{"fullyQualifiedName", path}}});
    return json;
  }

  Json result(const findings::Finding& f) {
    Json json = {{"ruleId", findings::info(f.code).id},
                 {"ruleIndex", rules_.find(f.code)->second},
                 {"level", sarif_level(f.severity)}};
    json["message"] = {{"text", with_full_stop(message_with_help(f))}};
    json["locations"] = Json::array({location(f.source, f.span, f.path, places_)});
    if (!f.related.empty()) {
      Json related = Json::array();
      for (const findings::Related& r : f.related) {
        Json place = location(r.source, r.span, {}, other_places_);
        place["message"] = {{"text", with_full_stop(r.message)}};
        related.push_back(std::move(place));
      }
      json["relatedLocations"] = std::move(related);
    }
    const std::string file(f.source == nullptr ? std::string_view() : std::string_view(f.source->name()));
    json["partialFingerprints"] = {{"vpnprofile/v1", fingerprints_.of(f, relative_name(file, options_.base))}};
    if (is_fixable(f)) json["fixes"] = Json::array({fix(f)});
    return json;
  }

  Json fix(const findings::Finding& f) {
    Json replacements = Json::array();
    for (const findings::Edit& e : f.edits)
      replacements.push_back({{"deletedRegion", region_json(other_places_.locate(*f.source, e.span))},
                              {"insertedContent", {{"text", e.replacement}}}});
    return {{"description", {{"text", with_full_stop(f.fix_title)}}},
            {"artifactChanges", Json::array({{{"artifactLocation", {{"uri", uri(f.source->name(), options_.base)}}},
                                              {"replacements", std::move(replacements)}}})}};
  }

  const Report& report_;
  const Options& options_;
  Fingerprints fingerprints_;
  Locator places_, other_places_;
  std::map<findings::Code, std::size_t> rules_;
};

}  // namespace

std::string sarif_report(const Report& report, const Options& options) {
  return dump(SarifWriter(report, options).log());
}

}  // namespace vpn::format
