// Writes the enum, the table and the documentation of findings from compiler/findings/catalog/*.yaml. Strict: what it
// does not know is an error.
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

constexpr const char* introduction = R"(# Findings

<!-- Generated from compiler/findings/catalog. `cmake --build build/debug --target docs_findings` writes it anew. -->

What `vpnprofile lint` says, by code. Codes are stable and are never used for something else. `vpnprofile lint --explain CODE`
prints one of these sections; `--select` and `--ignore` take codes and names; a comment `<!-- vpnprofile-ignore: CODE -->` in the
profile, and `.vpnprofile.yaml`, silence a finding where it is meant.

The severity given is the usual one. Where it depends on what stands around, the section says so. An **error** keeps a profile
from being compiled, a **warning** is most often a mistake, a **note** says how something was read.

Examples are parts of profiles, from the dictionary that is named; a comment `<!-- no KEY -->` stands for a key that is not
there.
)";

/// Text of a table's cell.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, 1, '\\');
  return text;
}

void write_example(std::ostream& out, const char* title, const std::string& example) {
  if (example.empty()) return;
  out << "\n" << title << "\n```" << (example.front() == '{' ? "json" : "xml") << "\n" << example;
  if (example.back() != '\n') out << '\n';
  out << "```\n";
}

std::string origin(const std::string& place) {
  if (place.empty()) return "";
  if (place == "file") return ", a whole file";
  if (place == "files") return ", several files";
  if (place == "profile") return ", in the profile's own dictionary";
  if (place == "payload" || place == "plugin") return ", in the payload";
  if (place == "tunnel") return ", in an entry of `TunnelConfigurations`";
  if (place == "rules") return ", in `OnDemandRules`";
  if (place == "applayer") return ", in a payload of type `com.apple.vpn.managed.applayer`";
  if (place == "mapping") return ", in an entry of `AppLayerVPNMapping`";
  if (place == "certificate" || place == "identity") return ", in the payload of a certificate";
  return ", in `" + place + "`";
}

void write_markdown(std::ostream& out, const std::map<int, Entry>& entries) {
  out << introduction << "\n| code | name | severity | says |\n|---|---|---|---|\n";
  for (const auto& [code, e] : entries)
    out << "| [VP" << code << "](#vp" << code << "-" << e.name << ") | " << e.name << " | " << e.severity << " | "
        << cell(e.title) << " |\n";
  for (const auto& [code, e] : entries) {
    out << "\n## VP" << code << " " << e.name << "\n**" << e.severity << ":** " << e.title << "\n\n"
        << e.reason << "\n";
    if (!e.with.empty()) out << "\nAsked for with `" << e.with << "`, for instance.\n";
    write_example(out, ("Bad" + origin(e.place) + ":").c_str(), e.bad);
    write_example(out, "Good:", e.good);
  }
}

int run(int argc, char** argv) {
  std::map<int, Entry> entries;
  std::map<std::string, int> names;
  for (int i = 4; i < argc; ++i) {
    const YAML::Node root = YAML::LoadFile(argv[i]);
    for (const auto& node : root) {
      Entry e = read_entry(argv[i], node);
      if (!names.emplace(e.name, e.code).second) refuse(argv[i], node, "name '" + e.name + "' is used twice");
      const int code = e.code;
      if (!entries.emplace(code, std::move(e)).second)
        refuse(argv[i], node, "code " + std::to_string(code) + " is used twice");
    }
  }
  std::ofstream header(argv[1]), table(argv[2]), markdown(argv[3]);
  write_enum(header, entries);
  write_table(table, entries);
  write_markdown(markdown, entries);
  return header.flush() && table.flush() && markdown.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "usage: " << argv[0] << " ENUM_HEADER TABLE_SOURCE MARKDOWN CATALOGUE...\n";
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
