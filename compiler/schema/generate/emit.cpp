// Writes the tables as C++. Equal tables are written once, so a fragment that is used in several places costs little.
#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "compiler/schema/generate/spec.h"
#include "compiler/schema/name_hash.h"

namespace vpn::schema::generate {
namespace {

std::string quoted(const std::string& text) {
  if (text.empty()) return "{}";  // no pointer to relocate
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {  // octal: never longer than three digits, unlike \x
      for (const int shift : {6, 3, 0}) {
        if (shift == 6) out += '\\';
        out += static_cast<char>('0' + (byte >> shift & 7));
      }
    } else {
      out += c;
    }
  }
  return out + "\"sv";
}

std::string version(const Version& v) {
  return '{' + std::to_string(v.major) + ',' + std::to_string(v.minor) + ',' + std::to_string(v.patch) + '}';
}

std::vector<std::uint16_t> hash_slots(const std::vector<KeySpec>& keys) {
  std::size_t size = 2;
  while (size < keys.size() * 2) size *= 2;
  std::vector<std::uint16_t> slots(size, empty_slot);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::size_t at = name_hash(keys[i].name) & (size - 1);
    while (slots[at] != empty_slot) at = (at + 1) & (size - 1);
    slots[at] = static_cast<std::uint16_t>(i);
  }
  return slots;
}

class Emitter {
 public:
  std::string run(const Catalogue& catalogue) {
    std::string payloads;
    std::string top_level;
    for (const PayloadSpec& p : catalogue.payloads) {
      if (p.kind == PayloadSpec::Kind::top_level) {
        top_level = payload(p);
      } else {
        payloads += "    " + payload(p) + ",\n";
      }
    }
    const std::string lists = services(catalogue) + apps(catalogue) + probes(catalogue);
    std::ostringstream out;
    out << "// Generated from schemas/ by compiler/schema/generate. Do not edit.\n"
           "#include \"compiler/schema/tables.h\"\n\n"
           "#pragma GCC diagnostic ignored \"-Wmissing-field-initializers\"\n\n"
           "namespace vpn::schema::tables {\nusing namespace std::string_view_literals;\nnamespace {\n"
        << tables_.str() << "constexpr Payload all_payloads[] = {\n"
        << payloads << "};\nconstexpr std::string_view all_foreign[] = {";
    for (const std::string& type : catalogue.foreign) out << "\n    " << quoted(type) << ',';
    out << "};\n"
        << lists << "}  // namespace\n\nconstexpr Payload top_level = " << top_level
        << ";\nconstexpr std::span<const Payload> payloads = all_payloads;\n"
           "constexpr std::span<const std::string_view> foreign = all_foreign;\n"
           "constexpr std::span<const ServiceSelector> services = all_services;\n"
           "constexpr std::span<const KnownApp> apps = all_apps;\n"
           "constexpr std::span<const ProbeTarget> probes = all_probes;\n\n"
           "}  // namespace vpn::schema::tables\n";
    return out.str();
  }

 private:
  /// The name of a table with this content.
  std::string table(const std::string& type, const std::string& content) {
    const auto [at, is_new] = names_.try_emplace(type + content, "t" + std::to_string(names_.size()));
    if (is_new) tables_ << "constexpr " << type << ' ' << at->second << "[] = {" << content << "};\n";
    return at->second;
  }

  std::string texts(const std::vector<std::string>& list) {
    std::string content;
    for (const std::string& text : list) content += quoted(text) + ',';
    return table("std::string_view", content);
  }

  template <class T>
  std::string numbers(const char* type, const std::vector<T>& list) {
    std::string content;
    for (const T number : list) content += std::to_string(number) + ',';
    return table(type, content);
  }

  std::string availability(const Availabilities& list) {
    std::string content;
    for (const Availability& a : list) {
      const auto flag = [](bool b) { return b ? "true," : "false,"; };
      content += std::string("{") + flag(a.available) + flag(a.has_since) + flag(a.has_deprecated) +
                 flag(a.has_removed) + flag(a.supervised) + version(a.since) + ',' + version(a.deprecated) + ',' +
                 version(a.removed) + "},";
    }
    return table("Availability", content);
  }

  std::string key(const KeySpec& k) {
    std::string out = "{";
    const auto field = [&](const char* name, const std::string& value) {
      out += std::string(".") + name + '=' + value + ',';
    };
    const auto number = [](auto n) { return std::to_string(static_cast<std::int64_t>(n)); };
    if (!k.name.empty()) field("name", quoted(k.name));
    field("types", number(k.types));
    if (k.presence == Presence::required) field("presence", "Presence::required");
    if (k.missing != Severity::error) field("missing_severity", "Severity{" + number(k.missing) + '}');
    if (k.flag) field("flag", "true");
    if (k.secret) field("secret", "true");
    if (k.free_form) field("free_form", "true");
    if (!k.published) field("published", "false");
    if (k.format != Format::none) field("format", "Format{" + number(k.format) + '}');
    if (k.reference != Reference::none) field("reference", "Reference{" + number(k.reference) + '}');
    if (k.min) field("has_min", "true");
    if (k.max) field("has_max", "true");
    if (k.min) field("min", number(*k.min));
    if (k.max) field("max", number(*k.max));
    if (k.min_items != 0) field("min_items", number(k.min_items));
    if (k.max_items != 0) field("max_items", number(k.max_items));
    if (!k.values.empty()) field("values", texts(k.values));
    if (!k.obsolete.empty()) field("obsolete_values", texts(k.obsolete));
    if (!k.integers.empty()) field("integers", numbers("std::int64_t", k.integers));
    if (!k.default_value.empty()) field("default_value", quoted(k.default_value));
    if (!k.summary.empty()) field("summary", quoted(k.summary));
    if (!k.instead.empty()) field("instead", quoted(k.instead));
    if (!k.keys.empty()) field("keys", keys(k.keys));
    if (!k.element.empty()) field("element", keys(k.element));
    if (!k.as_payload) field("platforms", availability(k.available));
    if (!k.keys.empty()) field("slots", numbers("std::uint16_t", hash_slots(k.keys)));
    return out + '}';
  }

  std::string keys(const std::vector<KeySpec>& list) {
    std::string content;
    for (const KeySpec& k : list) content += "\n    " + key(k) + ',';
    return table("Key", content);
  }

  std::string payload(const PayloadSpec& p) {
    std::string blocks;
    for (const BlockSpec& b : p.blocks) {
      blocks += '{' + quoted(b.key) + ',' + texts(b.values) + ',';
      blocks += (b.required_for.empty() ? "{}" : texts(b.required_for)) + "},";
    }
    std::string out = "{.type=" + quoted(p.type) + ",.title=" + quoted(p.title) + ",.summary=" + quoted(p.summary);
    out += p.kind == PayloadSpec::Kind::declaration ? ",.is_declaration=true" : ",.is_declaration=false";
    out += ",.root=" + key(p.root) + ",.selector=" + quoted(p.selector);
    if (!blocks.empty()) out += ",.blocks=" + table("Block", blocks);
    out += ",.platforms=" + availability(p.root.available);
    return out + (p.multiple ? ",.multiple=true}" : ",.multiple=false}");
  }

  std::string services(const Catalogue& catalogue) {
    std::string out;
    for (const ServiceSpec& s : catalogue.services) {
      out += "    {policy::Service{" + std::to_string(static_cast<int>(s.service)) + "}," + std::to_string(s.roles) +
             ',' + std::to_string(s.protocol) + ',' + (s.ports.empty() ? "{}" : numbers("std::uint16_t", s.ports)) +
             ',' + (s.prefixes.empty() ? "{}" : texts(s.prefixes)) + (s.local_only ? ",true},\n" : ",false},\n");
    }
    return "constexpr ServiceSelector all_services[] = {\n" + out + "};\n";
  }

  std::string apps(const Catalogue& catalogue) {
    std::string out;
    for (const AppSpec& a : catalogue.apps) {
      out += "    {" + quoted(a.identifier) + ',' + std::to_string(a.roles) + ',' + quoted(a.title) + ',' +
             (a.paths.empty() ? "{}" : texts(a.paths)) + ',' + quoted(a.flatpak) + ',' + quoted(a.snap) + "},\n";
    }
    return "constexpr KnownApp all_apps[] = {\n" + out + "};\n";
  }

  static std::string probes(const Catalogue& catalogue) {
    std::string out;
    for (const ProbeSpec& p : catalogue.probes) out += "    {" + quoted(p.host) + ',' + std::to_string(p.port) + "},\n";
    return "constexpr ProbeTarget all_probes[] = {\n" + out + "};\n";
  }

  std::ostringstream tables_;
  std::unordered_map<std::string, std::string> names_;
};

}  // namespace

std::string emit(const Catalogue& catalogue) { return Emitter().run(catalogue); }

}  // namespace vpn::schema::generate
