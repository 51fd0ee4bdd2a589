#include "compiler/cli/test_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <sstream>

#include "compiler/format/terminal.h"

namespace vpn::cli {
namespace {

using format::printable;
using format::xml_text;
using Json = nlohmann::ordered_json;

struct Palette {
  const char *reset, *bold, *good, *bad, *dim;
};
constexpr Palette colors{"\x1b[0m", "\x1b[1m", "\x1b[32m", "\x1b[1;31m", "\x1b[2m"};
constexpr Palette plain{"", "", "", "", ""};

std::string count(std::size_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

std::string place_of(const TestFile& file, const TestCase& test) {
  return file.file + ":" + std::to_string(test.line) + ":" + std::to_string(test.column);
}

/// What a case is called where it has no name.
std::string title(const TestCase& test) { return test.name.empty() ? test.state + ": " + test.flow : test.name; }

std::string file_line(const TestFile& file, const Palette& p) {
  if (file.fine())
    return std::string(p.good) + "ok  " + p.reset + "  " + printable(file.file) + "  " + p.dim +
           count(file.cases.size(), "case", "cases") + p.reset + "\n";
  std::string what = file.problems.empty() ? std::to_string(file.failed()) + " of " +
                                                 count(file.cases.size(), "case", "cases") + " failed"
                                           : "not run";
  return std::string(p.bad) + "FAIL" + p.reset + "  " + printable(file.file) + "  " + what + "\n";
}

std::string failure(const TestFile& file, const TestCase& test, const Palette& p) {
  std::string out = "\n" + std::string(p.bold) + printable(place_of(file, test)) + ":" + p.reset + " " +
                    printable(test.name.empty() ? "a case failed" : test.name) + "\n";
  const auto line = [&](const char* label, const std::string& text, const char* color) {
    out += "  " + std::string(label) + "  " + color + printable(text) + p.reset + "\n";
  };
  line("state   ", test.state, "");
  line("flow    ", test.flow, "");
  line("expected", test.expected, p.good);
  line("got     ", test.got, p.bad);
  line("because ", test.why, "");
  if (!test.source.empty()) line("source  ", test.source, "");
  return out;
}

std::string summary(const TestTotals& t, const Palette& p) {
  const bool fine = t.failed == 0 && t.faulty_files == 0;
  std::string text = t.failed == 0 ? count(t.cases, "case", "cases") + " passed"
                                   : std::to_string(t.failed) + " of " + count(t.cases, "case", "cases") + " failed";
  text += " in " + count(t.files - t.faulty_files, "file", "files");
  if (t.faulty_files != 0) text = t.cases == 0 ? std::string{} : text + ", ";
  if (t.faulty_files != 0) text += count(t.faulty_files, "file", "files") + " could not be run";
  return "\n" + std::string(fine ? p.good : p.bad) + text + p.reset + "\n";
}

}  // namespace

std::size_t TestFile::failed() const {
  return static_cast<std::size_t>(
      std::count_if(cases.begin(), cases.end(), [](const TestCase& c) { return !c.passed; }));
}

TestTotals totals(const std::vector<TestFile>& files) {
  TestTotals t;
  t.files = files.size();
  for (const TestFile& file : files) {
    t.faulty_files += file.problems.empty() ? 0u : 1u;
    t.cases += file.cases.size();
    t.failed += file.failed();
  }
  return t;
}

std::string test_text(const std::vector<TestFile>& files, bool color) {
  const Palette& p = color ? colors : plain;
  std::string out;
  for (const TestFile& file : files) out += file_line(file, p);
  for (const TestFile& file : files)
    for (const TestCase& test : file.cases)
      if (!test.passed) out += failure(file, test, p);
  return out + summary(totals(files), p);
}

std::string test_json(const std::vector<TestFile>& files) {
  Json list = Json::array();
  for (const TestFile& file : files) {
    Json problems = Json::array();
    for (const Error& e : file.problems)
      problems.push_back({{"message", e.what}, {"where", e.where}, {"help", e.help}});
    Json cases = Json::array();
    for (const TestCase& test : file.cases) {
      Json one;
      if (!test.name.empty()) one["name"] = test.name;
      one["line"] = test.line;
      one["column"] = test.column;
      one["state"] = test.state;
      one["flow"] = Json::parse(test.flow_json);
      one["expected"] = Json::parse(test.expected_json);
      one["got"] = Json::parse(test.got_json);
      one["passed"] = test.passed;
      cases.push_back(std::move(one));
    }
    list.push_back({{"file", file.file},
                    {"passed", file.cases.size() - file.failed()},
                    {"failed", file.failed()},
                    {"problems", std::move(problems)},
                    {"warnings", file.warnings},
                    {"cases", std::move(cases)}});
  }
  const TestTotals t = totals(files);
  const Json out{
      {"passed", t.cases - t.failed}, {"failed", t.failed}, {"not_run", t.faulty_files}, {"files", std::move(list)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string test_junit(const std::vector<TestFile>& files) {
  pugi::xml_document document;
  auto declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version").set_value("1.0");
  declaration.append_attribute("encoding").set_value("UTF-8");
  auto root = document.append_child("testsuites");
  const TestTotals t = totals(files);
  const auto set = [](pugi::xml_node node, const char* key, const std::string& value) {
    node.append_attribute(key).set_value(xml_text(value).c_str());
  };
  set(root, "name", "vpnprofile test");
  set(root, "tests", std::to_string(t.cases));
  set(root, "failures", std::to_string(t.failed));
  set(root, "errors", std::to_string(t.faulty_files));
  for (const TestFile& file : files) {
    auto suite = root.append_child("testsuite");
    set(suite, "name", file.file);
    set(suite, "tests", std::to_string(file.cases.size()));
    set(suite, "failures", std::to_string(file.failed()));
    set(suite, "errors", file.problems.empty() ? "0" : "1");
    for (const TestCase& test : file.cases) {
      auto node = suite.append_child("testcase");
      set(node, "name", title(test));
      set(node, "classname", file.file);
      set(node, "file", file.file);
      set(node, "line", std::to_string(test.line));
      if (test.passed) continue;
      auto failed = node.append_child("failure");
      set(failed, "message", "expected " + test.expected + ", got " + test.got);
      failed.text().set(xml_text(failure(file, test, plain)).c_str());
    }
    if (file.problems.empty()) continue;
    auto node = suite.append_child("testcase");
    set(node, "name", "the scenario can be run");
    set(node, "classname", file.file);
    auto error = node.append_child("error");
    set(error, "message", file.problems.front().what);
    std::string all;
    for (const Error& e : file.problems) all += (e.where.empty() ? "" : e.where + ": ") + e.what + "\n";
    error.text().set(xml_text(all).c_str());
  }
  std::ostringstream out;
  document.save(out, "  ", pugi::format_default, pugi::encoding_utf8);
  return out.str();
}

}  // namespace vpn::cli
