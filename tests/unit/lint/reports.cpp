#include "tests/unit/lint/reports.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <regex>
#include <sstream>

#include "compiler/format/terminal.h"

namespace vpn::lint::test {
namespace {

using Json = nlohmann::json;
using format::Style;

std::uint32_t number(const Json& object, const char* key) {
  return object.contains(key) && object[key].is_number() ? object[key].get<std::uint32_t>() : 0;
}

std::uint32_t number(const std::string& text) {
  return text.empty() ? 0 : static_cast<std::uint32_t>(std::stoul(text));
}

std::vector<Told> from_text(const std::string& report) {
  static const std::regex heading(R"(^(.*?)(?::(\d+):(\d+)|: \S+)?: (error|warning|note)\[(VP\d+)\]: (.*)$)");
  std::vector<Told> out;
  std::istringstream lines(report);
  std::smatch m;
  for (std::string line; std::getline(lines, line);)
    if (std::regex_match(line, m, heading)) out.push_back({m[5], m[4], m[1], number(m[2]), number(m[3]), m[6]});
  return out;
}

std::vector<Told> from_json(const std::string& report) {
  std::vector<Told> out;
  for (const Json& f : Json::parse(report))
    out.push_back({f["code"], f["severity"], f["file"], number(f, "line"), number(f, "column"), f["message"]});
  return out;
}

std::vector<Told> from_sarif(const std::string& report) {
  std::vector<Told> out;
  const Json log = Json::parse(report);
  const Json& run = log["runs"][0];
  for (const Json& r : run["results"]) {
    EXPECT_EQ(run["tool"]["driver"]["rules"][r["ruleIndex"].get<std::size_t>()]["id"], r["ruleId"]);
    const Json& place = r["locations"][0]["physicalLocation"];
    const Json region = place.value("region", Json::object());
    out.push_back({r["ruleId"], r["level"], place["artifactLocation"]["uri"], number(region, "startLine"),
                   number(region, "startColumn"), r["message"]["text"]});
  }
  return out;
}

std::string unescaped(std::string text) {
  for (const auto& [code, sign] :
       std::map<std::string, std::string>{{"%0D", "\r"}, {"%0A", "\n"}, {"%3A", ":"}, {"%2C", ","}})
    for (std::size_t at = 0; (at = text.find(code, at)) != std::string::npos; at += sign.size())
      text.replace(at, code.size(), sign);
  for (std::size_t at = 0; (at = text.find("%25", at)) != std::string::npos; ++at) text.replace(at, 3, "%");
  return text;
}

std::vector<Told> from_github(const std::string& report) {
  static const std::regex command(
      R"(^::(error|warning|notice) file=([^,:]*)(?:,line=(\d+),endLine=\d+)?(?:,col=(\d+),endColumn=\d+)?,title=(VP\d+) [a-z0-9-]+::(.*)$)");
  std::vector<Told> out;
  std::istringstream lines(report);
  std::smatch m;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, m, command)) {
      ADD_FAILURE() << line;
      continue;
    }
    const std::string severity = m[1] == "notice" ? "note" : std::string(m[1]);
    out.push_back({m[5], severity, unescaped(m[2]), number(m[3]), number(m[4]), unescaped(m[6])});
  }
  return out;
}

std::vector<Told> from_gitlab(const std::string& report) {
  const std::map<std::string, std::string> severities{{"major", "error"}, {"minor", "warning"}, {"info", "note"}};
  std::vector<Told> out;
  for (const Json& f : Json::parse(report)) {
    const std::string name = f["check_name"];
    out.push_back({name.substr(0, name.find('/')), severities.at(f["severity"]), f["location"]["path"],
                   number(f["location"]["lines"], "begin"), 0, f["description"]});
  }
  return out;
}

std::vector<Told> from_junit(const std::string& report) {
  static const std::regex name(R"(^(VP\d+) [a-z0-9-]+(?: at (?:(\d+):(\d+)|.*))?$)");
  static const std::regex severity(R"(: (error|warning|note)\[VP\d+\]: )");
  std::vector<Told> out;
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(report.c_str())) << report;
  for (const auto& suite : document.child("testsuites").children("testsuite"))
    for (const auto& node : suite.children("testcase")) {
      const std::string title = node.attribute("name").value();
      std::smatch m;
      if (!std::regex_match(title, m, name)) {
        EXPECT_EQ(title, "no findings");
        continue;
      }
      const bool failed = !node.child("failure").empty();
      const std::string body = node.child(failed ? "failure" : "system-out").text().get();
      std::smatch s;
      EXPECT_TRUE(std::regex_search(body, s, severity)) << body;
      EXPECT_EQ(failed, s[1] == "error") << body;
      out.push_back({m[1], s[1], node.attribute("classname").value(), number(m[2]), number(m[3]), body});
    }
  return out;
}

}  // namespace

std::vector<Told> read_back(Style style, const std::string& report) {
  switch (style) {
    case Style::text:
      return from_text(report);
    case Style::json:
      return from_json(report);
    case Style::sarif:
      return from_sarif(report);
    case Style::github:
      return from_github(report);
    case Style::gitlab:
      return from_gitlab(report);
    case Style::junit:
      return from_junit(report);
  }
  return {};
}

Told expected_of(Style style, const findings::Finding& f) {
  Told told{std::string(findings::info(f.code).id),
            std::string(findings::to_string(f.severity)),
            f.source == nullptr ? "<none>" : f.source->name(),
            0,
            0,
            f.message};
  if (style == Style::text) told.text = format::printable(f.message);
  if (f.source == nullptr || !f.span.known()) {
    if (style == Style::gitlab) told.line = 1;  // a line is mandatory there
    return told;
  }
  const auto begin = f.source->position(f.span.begin);
  told.line = begin.line;
  // GitHub takes columns only where the place is on one line; GitLab takes none.
  const bool one_line = f.source->position(f.span.end).line == begin.line;
  if (style != Style::gitlab && (style != Style::github || one_line)) told.column = begin.column;
  return told;
}

}  // namespace vpn::lint::test
