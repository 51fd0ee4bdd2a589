// JUnit XML: a suite for each file, a case for each finding. Errors fail; warnings and notes are output of a passed
// case, so that the report and the exit code agree.
#include <map>
#include <pugixml.hpp>
#include <sstream>

#include "compiler/format/machine.h"
#include "compiler/format/styles.h"
#include "compiler/format/terminal.h"

namespace vpn::format {
namespace {

std::string place_text(const findings::Finding& f, const Place& place) {
  std::string text(file_name(f));
  if (place.begin.line != 0) text += ":" + std::to_string(place.begin.line) + ":" + std::to_string(place.begin.column);
  return text;
}

void add_case(pugi::xml_node suite, const findings::Finding& f, const Place& place) {
  const findings::CodeInfo& info = findings::info(f.code);
  const std::string where =
      place.begin.line == 0 ? f.path : std::to_string(place.begin.line) + ":" + std::to_string(place.begin.column);
  auto node = suite.append_child("testcase");
  const std::string name = std::string(info.id) + " " + std::string(info.name) + (where.empty() ? "" : " at " + where);
  node.append_attribute("name").set_value(xml_text(name).c_str());
  node.append_attribute("classname").set_value(xml_text(file_name(f)).c_str());
  std::string body = place_text(f, place) + ": " + std::string(findings::to_string(f.severity)) + "[" +
                     std::string(info.id) + "]: " + f.message;
  if (!f.path.empty()) body += "\nat " + f.path;
  if (!f.help.empty()) body += "\nhelp: " + f.help;
  if (f.severity == findings::Severity::error) {
    auto failure = node.append_child("failure");
    failure.append_attribute("type").set_value(std::string(info.id).c_str());
    failure.append_attribute("message").set_value(xml_text(f.message).c_str());
    failure.text().set(xml_text(body).c_str());
  } else {
    node.append_child("system-out").text().set(xml_text(body).c_str());
  }
}

struct Suite {
  pugi::xml_node node;
  unsigned cases = 0, failures = 0;
};

void finish(Suite& suite, std::string_view file) {
  if (suite.cases == 0) {
    auto node = suite.node.append_child("testcase");
    node.append_attribute("name").set_value("no findings");
    node.append_attribute("classname").set_value(xml_text(file).c_str());
    suite.cases = 1;
  }
  suite.node.append_attribute("tests").set_value(suite.cases);
  suite.node.append_attribute("failures").set_value(suite.failures);
  suite.node.append_attribute("errors").set_value(0);
}

}  // namespace

std::string junit_report(const Report& report, const Options&) {
  pugi::xml_document document;
  auto declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version").set_value("1.0");
  declaration.append_attribute("encoding").set_value("UTF-8");
  auto root = document.append_child("testsuites");
  root.append_attribute("name").set_value("vpnprofile lint");

  std::map<std::string, Suite, std::less<>> suites;
  std::vector<std::string> order;
  const auto suite_of = [&](std::string_view file) -> Suite& {
    const auto found = suites.find(file);
    if (found != suites.end()) return found->second;
    order.emplace_back(file);
    auto node = root.append_child("testsuite");
    node.append_attribute("name").set_value(xml_text(file).c_str());
    return suites.emplace(order.back(), Suite{node, 0, 0}).first->second;
  };
  for (const std::string& file : report.files) suite_of(file);

  Locator locator;
  unsigned cases = 0, failures = 0;
  for (const findings::Finding& f : report.findings) {
    Suite& suite = suite_of(file_name(f));
    add_case(suite.node, f, f.source == nullptr ? Place{} : locator.locate(*f.source, f.span));
    ++suite.cases;
    if (f.severity == findings::Severity::error) ++suite.failures;
  }
  for (const std::string& file : order) {
    Suite& suite = suites.find(file)->second;
    finish(suite, file);
    cases += suite.cases;
    failures += suite.failures;
  }
  root.append_attribute("tests").set_value(cases);
  root.append_attribute("failures").set_value(failures);
  root.append_attribute("errors").set_value(0);
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace vpn::format
