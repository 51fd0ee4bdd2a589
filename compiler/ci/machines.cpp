// The report for programs: JSON, GitHub's annotations, GitLab's code quality, JUnit.
#include <pugixml.hpp>
#include <sstream>

#include "compiler/ci/renderers.h"
#include "compiler/format/fingerprint.h"
#include "compiler/format/machine.h"
#include "compiler/format/paths.h"
#include "compiler/format/terminal.h"

namespace vpn::ci {
namespace {

using format::Json;

/// Calls `visit(device, stage, item)` for what failed beside findings: an item, or a stage without any (null).
template <class Visit>
void for_each_failure(const Report& report, Visit&& visit) {
  for (const Device& device : report.devices) {
    bool lint_failed = false;
    for (const Stage& stage : device.stages) {
      if (stage.name == "lint") lint_failed = stage.outcome == Outcome::failed;
      if (stage.outcome != Outcome::failed || stage.name == "lint") continue;
      if (stage.name == "compile" && lint_failed && stage.items.empty()) continue;  // the findings say why
      bool any = false;
      for (const Item& item : stage.items) {
        if (item.outcome != Outcome::failed) continue;
        visit(device, stage, &item);
        any = true;
      }
      if (!any) visit(device, stage, static_cast<const Item*>(nullptr));
    }
  }
}

format::Place place_of(const Item* item) {
  if (item == nullptr || item->line == 0) return {};
  return {{item->line, item->column}, {item->line, item->column}};
}

/// The file that an annotation stands at: the item's, else the device's first.
std::string file_of(const Device& device, const Item* item, const format::Options& options) {
  const std::string name = item != nullptr && !item->file.empty() ? item->file
                           : device.files.empty()                 ? std::string{}
                                                                  : device.files.front();
  return format::relative_name(name, options.base);
}

std::string title_of(const Stage& stage, const Item* item) {
  return stage.name + (item == nullptr ? std::string{} : ": " + item->name);
}

std::string message_of(const Stage& stage, const Item* item) {
  return item == nullptr || item->message.empty() ? stage.summary : item->message;
}

Json item_json(const Item& item) {
  Json out{{"name", item.name}, {"outcome", to_string(item.outcome)}};
  if (!item.message.empty()) out["message"] = item.message;
  if (!item.file.empty()) out.update({{"file", item.file}, {"line", item.line}, {"column", item.column}});
  return out;
}

Json stage_json(const Device& device, const Stage& stage, const format::Options& options) {
  Json out{{"outcome", to_string(stage.outcome)}, {"summary", stage.summary}};
  if (stage.name == "lint") {
    out["findings"] = format::json_entries({device.findings, device.files}, options);
    return out;
  }
  out["items"] = Json::array();
  for (const Item& item : stage.items) out["items"].push_back(item_json(item));
  Json details = Json::parse(stage.json, nullptr, false);
  if (!details.is_discarded() && !details.is_null()) out["details"] = std::move(details);
  return out;
}

void set(pugi::xml_node node, const char* key, const std::string& value) {
  node.append_attribute(key).set_value(format::xml_text(value).c_str());
}

void add_case(pugi::xml_node suite, const Device& device, const std::string& name, Outcome outcome,
              const std::string& message, const std::string& body) {
  auto node = suite.append_child("testcase");
  set(node, "name", name);
  set(node, "classname", device.name);
  if (outcome == Outcome::skipped) set(node.append_child("skipped"), "message", message);
  if (outcome != Outcome::failed) return;
  auto failure = node.append_child("failure");
  set(failure, "message", message);
  failure.text().set(format::xml_text(body).c_str());
}

}  // namespace

std::string json_report(const Report& report, const format::Options& options) {
  Json devices = Json::array();
  for (const Device& device : report.devices) {
    Json one{{"name", device.name}, {"passed", device.passed()}, {"files", device.files}};
    for (const Stage& stage : device.stages) one[stage.name] = stage_json(device, stage, options);
    devices.push_back(std::move(one));
  }
  Json out{{"passed", report.passed()}, {"summary", summary(report)}};
  out["base"] = report.base.empty() ? Json(nullptr) : Json(report.base);
  out["devices"] = std::move(devices);
  return format::dump(out);
}

std::string github_report(const Report& report, const format::Options& options) {
  std::string out;
  for (const Device& device : report.devices)
    out += format::format(format::Style::github, {device.findings, device.files}, options);
  for_each_failure(report, [&](const Device& device, const Stage& stage, const Item* item) {
    out += format::github_annotation(findings::Severity::error, file_of(device, item, options), place_of(item),
                                     "vpnprofile " + title_of(stage, item), message_of(stage, item));
  });
  return out + summary(report) + "\n";
}

std::string gitlab_report(const Report& report, const format::Options& options) {
  Json all = Json::array();
  for (const Device& device : report.devices)
    for (Json& entry : format::gitlab_entries({device.findings, device.files}, options))
      all.push_back(std::move(entry));
  for_each_failure(report, [&](const Device& device, const Stage& stage, const Item* item) {
    const std::string title = title_of(stage, item), file = file_of(device, item, options);
    const std::string print = format::hex_digest(device.name + '\0' + title + '\0' + file);
    all.push_back(format::gitlab_entry(findings::Severity::error, file, place_of(item), "vpnprofile/" + stage.name,
                                       title + ": " + message_of(stage, item), print));
  });
  return format::dump(all);
}

std::string junit_report(const Report& report) {
  pugi::xml_document document;
  auto declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version").set_value("1.0");
  declaration.append_attribute("encoding").set_value("UTF-8");
  auto root = document.append_child("testsuites");
  set(root, "name", "vpnprofile ci");
  for (const Device& device : report.devices) {
    auto suite = root.append_child("testsuite");
    set(suite, "name", device.name);
    unsigned cases = 0, failures = 0, skipped = 0;
    const auto add = [&](const std::string& name, Outcome outcome, const std::string& message,
                         const std::string& body) {
      add_case(suite, device, name, outcome, message, body);
      ++cases;
      failures += outcome == Outcome::failed ? 1U : 0U;
      skipped += outcome == Outcome::skipped ? 1U : 0U;
    };
    for (const Stage& stage : device.stages) {
      for (const Item& item : stage.items) add(title_of(stage, &item), item.outcome, item.message, item.message);
      if (stage.items.empty()) add(stage.name, stage.outcome, stage.summary, stage.plain);
    }
    set(suite, "tests", std::to_string(cases));
    set(suite, "failures", std::to_string(failures));
    set(suite, "skipped", std::to_string(skipped));
    set(suite, "errors", "0");
  }
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace vpn::ci
