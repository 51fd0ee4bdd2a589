// What `vpnprofile schema` prints.
#include "compiler/schema/export/export.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/unit/schema/schema_paths.h"

namespace vpn::schema {
namespace {

using nlohmann::ordered_json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Payload* type(std::string_view name) {
  std::vector<std::string_view> candidates;
  return find_type(name, candidates);
}

Subject subject(std::string_view payload, std::string_view path) {
  FoundKey found = find_path(*type(payload), path);
  EXPECT_NE(found.subject.key, nullptr) << found.unknown;
  return found.subject;
}

TEST(FindType, TakesWholeNamesAndEndings) {
  EXPECT_EQ(type("com.apple.vpn.managed")->type, "com.apple.vpn.managed");
  EXPECT_EQ(type("Configuration"), &top_level());
  EXPECT_EQ(type("pkcs12")->type, "com.apple.security.pkcs12");
  EXPECT_EQ(type("vpn.managed")->type, "com.apple.vpn.managed");
  EXPECT_EQ(type("12"), nullptr);
  EXPECT_EQ(type(""), nullptr);
}

TEST(FindType, NamesTheCandidates) {
  std::vector<std::string_view> candidates;
  EXPECT_EQ(find_type("scep", candidates), nullptr);
  EXPECT_THAT(candidates, ElementsAre("com.apple.asset.credential.scep", "com.apple.security.scep"));
}

TEST(FindPath, TakesPathsAsFindingsHaveThem) {
  EXPECT_EQ(subject("vpn.managed", "IKEv2.MTU").path, "IKEv2.MTU");
  for (const char* path : {"AlwaysOn.TunnelConfigurations[0].MTU", "AlwaysOn.TunnelConfigurations[].MTU",
                           "AlwaysOn.TunnelConfigurations.MTU"})
    EXPECT_EQ(subject("vpn.managed", path).path, "AlwaysOn.TunnelConfigurations[].MTU");
  EXPECT_EQ(subject("vpn.managed", "PayloadContent[3].IKEv2.MTU").path, "IKEv2.MTU");
  EXPECT_EQ(subject("com.apple.security.scep", "PayloadContent.URL").path, "PayloadContent.URL");
  EXPECT_EQ(subject("vpn-plugin", "OnDemand.Rules").path, "Payload.OnDemand.Rules");
  EXPECT_EQ(subject("vpn-plugin", "Payload.OnDemand.Rules").path, "Payload.OnDemand.Rules");
  EXPECT_EQ(subject("vpn-plugin", "ServerToken").path, "ServerToken");
}

TEST(FindPath, NamesWhatIsUnknown) {
  const FoundKey found = find_path(*type("vpn.managed"), "IKEv2.Mtu");
  EXPECT_EQ(found.subject.key, nullptr);
  EXPECT_EQ(found.unknown, "Mtu");
  EXPECT_NE(found.around->find("MTU"), nullptr);
  const FoundKey declared = find_path(*type("vpn-plugin"), "Nope");
  EXPECT_EQ(declared.unknown, "Nope");
  EXPECT_NE(declared.around->find("SubType"), nullptr);
  for (const char* strange : {".", "..", "[", "[]", "IKEv2..MTU", "VPNType.X", "[0].VPNType", "PayloadContent[0].X"})
    EXPECT_EQ(find_path(*type("vpn.managed"), strange).subject.key, nullptr) << strange;
}

TEST(SchemaText, ListsEveryType) {
  const std::string text = list_text(false);
  for_each_payload([&](const Payload& payload) { EXPECT_THAT(text, HasSubstr(std::string(payload.type) + ' ')); });
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(list_text(true), HasSubstr("\x1b["));
}

TEST(SchemaText, ShowsAKey) {
  EXPECT_EQ(subject_text(subject("vpn.managed", "IKEv2.MTU"), false),
            "IKEv2.MTU  in com.apple.vpn.managed\n"
            "  Largest packet on the tunnel interface, in bytes.\n"
            "\n"
            "  type              integer\n"
            "  values            1280 to 1400\n"
            "  default           1280\n"
            "  available         iOS 14.0; macOS 11.0; visionOS 1.0; tvOS 17.0; Linux; not on watchOS\n");
}

TEST(SchemaText, ShowsAPayloadWithEveryKey) {
  const Subject whole{type("vpn.managed"), nullptr, {}};
  const std::string text = subject_text(whole, false);
  EXPECT_THAT(text, HasSubstr("VPNType*"));
  EXPECT_THAT(text, HasSubstr("OnDemandMatchDomainsNever"));
  EXPECT_THAT(text, HasSubstr("needed for L2TP, PPTP"));
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) ++count;
  EXPECT_GT(count, 200U);
}

TEST(SchemaCompletion, HasAWordForEveryKey) {
  std::istringstream lines(subject_completion({type("vpn.managed"), nullptr, {}}));
  std::set<std::string> words;
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(std::count(line.begin(), line.end(), '\t'), 3) << line;
    EXPECT_TRUE(words.insert(line.substr(0, line.find('\t'))).second) << line;
  }
  EXPECT_EQ(words.count("AlwaysOn.TunnelConfigurations[].MTU"), 1U);
  EXPECT_EQ(words.count("VPN.OnDemandRules[].ActionParameters[].Domains"), 1U);
  EXPECT_EQ(subject_completion(subject("vpn.managed", "IKEv2.MTU")),
            "IKEv2.MTU\tinteger\t1280 to 1400 = 1280\tLargest packet on the tunnel interface, in bytes.\n");
}

TEST(SchemaJson, SaysWhatTheTablesSay) {
  const ordered_json mtu = subject_json(subject("vpn.managed", "IKEv2.MTU"));
  EXPECT_EQ(mtu["payload"], "com.apple.vpn.managed");
  EXPECT_EQ(mtu["type"], "integer");
  EXPECT_EQ(mtu["min"], 1280);
  EXPECT_EQ(mtu["default"], "1280");
  EXPECT_EQ(mtu["platforms"]["ios"]["since"], "14.0");
  EXPECT_EQ(mtu["platforms"]["watchos"]["available"], false);
  std::size_t keys = 0, members = 0;
  for_each_payload([&](const Payload& payload) { keys += subject_json({&payload, nullptr, {}}).at("keys").size(); });
  for_each_payload([&](const Payload& payload) { members += payload.root.keys.size(); });
  EXPECT_EQ(keys, members);
}

TEST(SchemaJson, EveryFormDumps) {
  for_each_key([](const Payload& payload, const Key& key, const std::string& path) {
    const Subject s{&payload, &key, path};
    EXPECT_FALSE(subject_json(s).dump().empty());
    EXPECT_FALSE(subject_json_schema(s).dump().empty());
    EXPECT_FALSE(subject_text(s, true).empty());
  });
}

}  // namespace
}  // namespace vpn::schema
