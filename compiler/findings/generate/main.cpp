// Writes the enum and the table of findings from compiler/findings/catalog/*.yaml. Strict: what it does not know is an
// error.
#include <yaml-cpp/yaml.h>

#include <array>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

namespace {

struct Entry {
  int code = 0;
  std::string name, severity, title, reason, bad, good, place, with;
};

[[noreturn]] void refuse(const std::string& file, const YAML::Node& node, const std::string& why) {
  throw std::runtime_error(file + ":" + std::to_string(node.Mark().line + 1) + ": " + why);
}

std::string text_of(const std::string& file, const YAML::Node& entry, const char* key, bool required) {
  const YAML::Node value = entry[key];
  if (!value) {
    if (required) refuse(file, entry, std::string("'") + key + "' is missing");
    return {};
  }
  if (!value.IsScalar()) refuse(file, value, std::string("'") + key + "' must be text");
  return value.as<std::string>();
}

Entry read_entry(const std::string& file, const YAML::Node& node) {
  static const std::array known{"code", "name", "severity", "title", "reason", "bad", "good", "place", "with"};
  for (const auto& member : node) {
    const auto key = member.first.as<std::string>();
    bool found = false;
    for (const char* k : known) found = found || key == k;
    if (!found) refuse(file, member.first, "unknown attribute '" + key + "'");
  }
  Entry e;
  e.code = node["code"].as<int>();
  e.name = text_of(file, node, "name", true);
  e.severity = text_of(file, node, "severity", true);
  e.title = text_of(file, node, "title", true);
  e.reason = text_of(file, node, "reason", true);
  e.bad = text_of(file, node, "bad", false);
  e.good = text_of(file, node, "good", false);
  e.place = text_of(file, node, "place", false);
  e.with = text_of(file, node, "with", false);
  if (e.code < 1000 || e.code > 9999) refuse(file, node, "codes have four digits");
  if (e.severity != "error" && e.severity != "warning" && e.severity != "note") refuse(file, node, "unknown severity");
  return e;
}

std::string identifier(std::string name) {
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

std::string literal(const std::string& text) { return "R\"vpn(" + text + ")vpn\""; }

void write_enum(std::ostream& out, const std::map<int, Entry>& entries) {
  out << "// Generated from compiler/findings/catalog.\n#pragma once\n#include <cstdint>\nnamespace vpn::findings {\n"
         "enum class Code : std::uint16_t {\n";
  for (const auto& [code, e] : entries) out << "  " << identifier(e.name) << " = " << code << ",\n";
  out << "};\n}  // namespace vpn::findings\n";
}

void write_table(std::ostream& out, const std::map<int, Entry>& entries) {
  out << "// Generated from compiler/findings/catalog.\n#include \"compiler/findings/codes_table.h\"\n"
         "namespace vpn::findings {\nnamespace {\nconstexpr CodeInfo entries[] = {\n";
  for (const auto& [code, e] : entries) {
    out << "  {Code::" << identifier(e.name) << ", \"VP" << code << "\", \"" << e.name << "\", Severity::" << e.severity
        << ", " << literal(e.title) << ", " << literal(e.reason) << ", " << literal(e.bad) << ", " << literal(e.good)
        << ", " << literal(e.place) << ", " << literal(e.with) << "},\n";
  }
  out << "};\n}  // namespace\nstd::span<const CodeInfo> code_table() { return entries; }\n}  // namespace "
         "vpn::findings\n";
}

int run(int argc, char** argv) {
  std::map<int, Entry> entries;
  std::map<std::string, int> names;
  for (int i = 3; i < argc; ++i) {
    const YAML::Node root = YAML::LoadFile(argv[i]);
    for (const auto& node : root) {
      Entry e = read_entry(argv[i], node);
      if (!names.emplace(e.name, e.code).second) refuse(argv[i], node, "name '" + e.name + "' is used twice");
      const int code = e.code;
      if (!entries.emplace(code, std::move(e)).second)
        refuse(argv[i], node, "code " + std::to_string(code) + " is used twice");
    }
  }
  std::ofstream header(argv[1]), table(argv[2]);
  write_enum(header, entries);
  write_table(table, entries);
  return header.good() && table.good() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: " << argv[0] << " ENUM_HEADER TABLE_SOURCE CATALOGUE...\n";
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
