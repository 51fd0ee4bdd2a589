// The generator on changed copies of schemas/: adding a key is one edit, and nothing wrong gets through.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class Generator : public testing::Test {
 protected:
  struct Run {
    int exit = -1;
    std::string messages, tables;
  };

  void SetUp() override {
    std::string name = (fs::path(testing::TempDir()) / "schemas-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::copy(fs::path(VPN_SOURCE_DIR) / "schemas", folder_, fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Run generate() const {
    const fs::path output = folder_ / "tables.cpp";
    const std::string command = "'" VPN_SCHEMA_GENERATE "' '" + folder_.string() + "' '" + output.string() + "' 2>&1";
    Run run;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return run;
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) run.messages.append(buffer, n);
    const int status = ::pclose(pipe);
    run.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (fs::exists(output)) run.tables = contents(output);
    fs::remove(output);
    return run;
  }

  void replace(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = contents(folder_ / file);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << file << ": " << from;
    text.replace(at, from.size(), to);
    std::ofstream(folder_ / file, std::ios::binary | std::ios::trunc) << text;
  }

  fs::path folder_;
};

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

/// The tables without the numbers of their names, which shift.
std::string without_numbers(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool table = text[i] == 't' && i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1])) &&
                       (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1])));
    out += text[i];
    if (table) {
      while (i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1]))) ++i;
    }
  }
  return out;
}

TEST_F(Generator, IsDeterministic) {
  const Run first = generate();
  EXPECT_EQ(first.exit, 0) << first.messages;
  EXPECT_EQ(first.messages, "");
  EXPECT_EQ(generate().tables, first.tables);
}

TEST_F(Generator, AddingAKeyIsOneEdit) {
  const Run before = generate();
  replace("payloads/fragments/vpn.yaml", "\nkeys:\n",
          "\nkeys:\n  BrandNewKey: {type: integer, min: 3, max: 5, default: 4, summary: \"Just added.\"}\n");
  const Run after = generate();
  ASSERT_EQ(after.exit, 0) << after.messages;
  // In the device-wide and the per-app payload, which share the fragment, and nowhere else.
  EXPECT_EQ(count(before.tables, "BrandNewKey"), 0U);
  EXPECT_EQ(count(after.tables, "BrandNewKey"), 2U);
  EXPECT_EQ(count(after.tables,
                  ".name=\"BrandNewKey\"sv,.types=4,.has_min=true,.has_max=true,.min=3,.max=5,"
                  ".default_value=\"4\"sv,.summary=\"Just added.\"sv"),
            2U);
  // Apart from its two lines only the look-up tables of these two dictionaries have changed.
  std::istringstream old_lines(without_numbers(before.tables)), new_lines(without_numbers(after.tables));
  std::multiset<std::string> old_set, new_set;
  for (std::string line; std::getline(old_lines, line);) old_set.insert(line);
  for (std::string line; std::getline(new_lines, line);) new_set.insert(line);
  for (const std::string& line : old_set) {
    const auto same = new_set.find(line);
    if (same != new_set.end()) {
      new_set.erase(same);
    } else {
      EXPECT_EQ(line.rfind("constexpr std::uint16_t t[]", 0), 0U) << "lost: " << line.substr(0, 200);
    }
  }
  for (const std::string& line : new_set) {
    EXPECT_TRUE(line.find("BrandNewKey") != std::string::npos || line.rfind("constexpr std::uint16_t t[]", 0) == 0)
        << "new: " << line.substr(0, 200);
  }
}

TEST_F(Generator, AddingAPayloadIsOneFile) {
  std::ofstream(folder_ / "payloads/new.yaml")
      << "payload: com.example.new\ntitle: New\nsummary: A new one.\n"
         "platforms: {ios: 27.0, macos: never, visionos: never, tvos: never, watchos: never, linux: always}\n"
         "keys:\n  Only: {type: boolean, summary: \"The only key.\"}\n";
  const Run run = generate();
  ASSERT_EQ(run.exit, 0) << run.messages;
  EXPECT_EQ(count(run.tables, "com.example.new"), 1U);
}

struct Fault {
  const char* name;
  const char* file;
  const char* from;
  const char* to;
  const char* message;
};

class GeneratorFault : public Generator, public testing::WithParamInterface<Fault> {};

TEST_P(GeneratorFault, IsAnErrorWithItsPlace) {
  const Fault& fault = GetParam();
  replace(fault.file, fault.from, fault.to);
  const Run run = generate();
  EXPECT_EQ(run.exit, 1);
  EXPECT_EQ(run.tables, "");
  EXPECT_NE(run.messages.find(fault.message), std::string::npos) << run.messages;
  EXPECT_NE(run.messages.find((folder_ / fault.file).string() + ':'), std::string::npos) << run.messages;
}

constexpr const char* vpn_yaml = "payloads/fragments/vpn.yaml";
constexpr const char* ikev2_yaml = "payloads/fragments/ikev2.yaml";
constexpr const char* mtu = "MTU: {type: integer, min: 1280, max: 1400, default: 1280,";

INSTANTIATE_TEST_SUITE_P(
    All, GeneratorFault,
    testing::Values(
        Fault{"UnknownAttribute", ikev2_yaml, mtu, "MTU: {type: integer, minimum: 1280,",
              "unknown attribute 'minimum'"},
        Fault{"UnknownType", ikev2_yaml, mtu, "MTU: {type: number,", "'number' is no type"},
        Fault{"NoType", ikev2_yaml, mtu, "MTU: {", "'type' is missing"},
        Fault{"NoSummary", vpn_yaml, "keys:\n", "keys:\n  New: {type: string}\n", "'summary' is missing"},
        Fault{"DefaultOutOfRange", ikev2_yaml, mtu, "MTU: {type: integer, min: 1280, max: 1400, default: 1279,",
              "the default is not among what the key allows"},
        Fault{"DefaultNotAValue", ikev2_yaml, "default: Medium", "default: Middle",
              "the default is not among what the key allows"},
        Fault{"DefaultOfARequiredKey", ikev2_yaml, mtu, "MTU: {type: integer, presence: required, default: 1280,",
              "a required key has no default"},
        Fault{"MinAboveMax", ikev2_yaml, mtu, "MTU: {type: integer, min: 1401, max: 1400,", "'min' is above 'max'"},
        Fault{"RangeOfAString", ikev2_yaml, mtu, "MTU: {type: string, min: 1280,", "'min' and 'max' are for integers"},
        Fault{"FormatOfAnInteger", ikev2_yaml, mtu, "MTU: {type: integer, format: host,", "'format' is for strings"},
        Fault{"UnknownFormat", ikev2_yaml, "format: host", "format: hostname", "'hostname' is no format"},
        Fault{"MissingWithoutRequired", ikev2_yaml, mtu, "MTU: {type: integer, missing: warning,",
              "'missing' needs 'presence: required'"},
        Fault{"ValueTwice", ikev2_yaml, "values: [None, Low,", "values: [None, None, Low,", "'None' stands here twice"},
        Fault{"KeyTwice", ikev2_yaml, mtu, "RemoteAddress: {type: integer,", "'RemoteAddress' stands here twice"},
        Fault{"KeyOfAFragmentAgain", ikev2_yaml, mtu, "OnDemandEnabled: {type: integer,",
              "'OnDemandEnabled' is a key of this dictionary already"},
        Fault{"UnknownFragment", vpn_yaml, "use: plugin", "use: plug", "no fragment 'plug'"},
        Fault{"FragmentUsesItself", ikev2_yaml, "use: [on-demand, ", "use: [ikev2, ", "fragment 'ikev2' uses itself"},
        Fault{"EndlessNesting", ikev2_yaml, mtu,
              "Again: {type: dictionary, use: ikev2, summary: x}\n  MTU: {type: integer,", "nested without end"},
        Fault{"UnknownPlatform", ikev2_yaml, "{ios: 14.0, macos: 11.0}", "{ipados: 14.0}",
              "unknown attribute 'ipados'"},
        Fault{"BadVersion", ikev2_yaml, "{ios: 14.0, macos: 11.0}", "{ios: fourteen}", "'fourteen' is no version"},
        Fault{"DeprecatedBeforeItCame", ikev2_yaml, "{ios: 14.0, macos: 11.0}",
              "{ios: {since: 14.0, deprecated: 13.0}}", "out of order"},
        Fault{"InsteadWithoutNeed", ikev2_yaml, mtu, "MTU: {type: integer, instead: luck,",
              "'instead' is for what is deprecated"},
        Fault{"PlatformNotStated", "payloads/vpn-managed.yaml", ", linux: always", "", "missing: linux"},
        Fault{"BlockOfNoKey", vpn_yaml, "  PPP: {for:", "  PPPP: {for:", "'PPPP' is no key of the payload"},
        Fault{"BlockOfNoValue", vpn_yaml, "{for: [IKEv2]", "{for: [IKEv3]", "the selector has no value 'IKEv3'"},
        Fault{"SyntaxError", ikev2_yaml, mtu, "MTU: {type: integer, ]", "error: "},
        Fault{"UnknownService", "services.yaml", "airprint:", "airprinter:", "'airprinter' is no service"},
        Fault{"SelectorOfEverything", "services.yaml", "- {roles: voicemail}", "- {}", "would take every flow"},
        Fault{"BadPort", "services.yaml", "ports: 631", "ports: 70000", "'70000' is no port"},
        Fault{"PortsWithoutProtocol", "services.yaml", "{protocol: tcp, ports: 631", "{ports: 631",
              "'ports' needs 'protocol'"},
        Fault{"UnknownRole", "apps.yaml", "roles: browser", "roles: surfer", "'surfer' is no role"},
        Fault{"RelativePath", "apps.yaml", "/usr/bin/geary", "usr/bin/geary", "is not absolute"},
        Fault{"PathOfTwoApps", "apps.yaml", "/usr/bin/geary", "/usr/bin/evolution", "is another app's"},
        Fault{"BadProbe", "probes.yaml", "port: 80", "port: http", "'port' must be from 1 to 65535"}),
    [](const testing::TestParamInfo<Fault>& fault) { return fault.param.name; });

TEST_F(Generator, ReportsEveryFaultAtOnce) {
  replace(ikev2_yaml, mtu, "MTU: {type: number,");
  replace(vpn_yaml, "use: plugin", "use: plug");
  const Run run = generate();
  EXPECT_EQ(run.exit, 1);
  EXPECT_NE(run.messages.find("'number' is no type"), std::string::npos) << run.messages;
  EXPECT_NE(run.messages.find("no fragment 'plug'"), std::string::npos) << run.messages;
}

TEST_F(Generator, RefusesATypeThatIsForeignToo) {
  replace("foreign.yaml", "types:\n", "types:\n  - com.apple.vpn.managed\n");
  const Run run = generate();
  EXPECT_EQ(run.exit, 1);
  EXPECT_NE(run.messages.find("'com.apple.vpn.managed' is listed in foreign.yaml"), std::string::npos) << run.messages;
}

TEST_F(Generator, SaysWhenItCannotReadOrWrite) {
  fs::remove(folder_ / "services.yaml");
  const Run run = generate();
  EXPECT_EQ(run.exit, 1);
  EXPECT_NE(run.messages.find("services.yaml: error: cannot be read"), std::string::npos) << run.messages;
  const std::string command = "'" VPN_SCHEMA_GENERATE "' '" VPN_SOURCE_DIR "/schemas' /dev/null/tables.cpp 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 3);
}

}  // namespace
