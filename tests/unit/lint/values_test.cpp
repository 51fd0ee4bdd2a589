// Types, ranges and choices, key by key: what is accepted as meant, and how severe the rest is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> of(std::string_view place, std::string_view example) {
  return summary(lint_in(place, example));
}

TEST(Values, FlagsAreReadAsMeant) {
  EXPECT_THAT(of("IKEv2", "<key>EnablePFS</key><integer>1</integer>"), IsEmpty());
  EXPECT_THAT(of("IKEv2", "<key>EnablePFS</key><true/>"), ElementsAre("VP1202 note '<true/>'"));
  EXPECT_THAT(of("IKEv2", "<key>EnablePFS</key><string>0</string>"), ElementsAre("VP1202 note '<string>0</string>'"));
  EXPECT_THAT(of("IKEv2", "<key>EnablePFS</key><integer>2</integer>"),
              ElementsAre("VP1207 warning '<integer>2</integer>'"));
  EXPECT_THAT(of("IKEv2", "<key>EnablePFS</key><string>maybe</string>"),
              ElementsAre("VP1201 error '<string>maybe</string>'"));
  EXPECT_THAT(of("applayer", "<key>OnDemandMatchAppEnabled</key><integer>0</integer>"),
              ElementsAre("VP1202 note '<integer>0</integer>'"));
}

TEST(Values, VersionsAreReadAsMeant) {
  EXPECT_THAT(of("payload", "<key>PayloadVersion</key><real>1</real>"), ElementsAre("VP1202 note '<real>1</real>'"));
  EXPECT_THAT(of("payload", "<key>PayloadVersion</key><string>1</string>"),
              ElementsAre("VP1202 note '<string>1</string>'"));
  EXPECT_THAT(of("payload", "<key>PayloadVersion</key><integer>2</integer>"),
              ElementsAre("VP1207 error '<integer>2</integer>'"));
  EXPECT_THAT(of("payload", "<key>PayloadVersion</key><real>1.5</real>"),
              ElementsAre("VP1201 error '<real>1.5</real>'"));
}

TEST(Values, OtherNumbersAreReadAsMeantWithAWarning) {
  EXPECT_THAT(of("IKEv2", "<key>MTU</key><string>1300</string>"),
              ElementsAre("VP1202 warning '<string>1300</string>'"));
  EXPECT_THAT(of("IKEv2", "<key>MTU</key><string>9000</string>"), ElementsAre("VP1208 error '<string>9000</string>'"));
  EXPECT_THAT(of("IKEv2", "<key>MTU</key><true/>"), ElementsAre("VP1208 error '<true/>'"));
  EXPECT_THAT(of("IKEv2", "<key>MTU</key><data>AAAA</data>"), ElementsAre("VP1201 error '<data>AAAA</data>'"));
}

// An empty list is a warning; where the resolver's host is then to be looked up, nobody on Linux does.
TEST(Values, ResolversWithoutAddressesAreRefusedForLinux) {
  const auto resolver = [](std::string_view keys, const char* platform) {
    const std::string example = std::string(keys) + "<key>ServerAddresses</key><array/>";
    return summary(lint_in("DNS", example, parse_options(std::string("--platform ") + platform)));
  };
  constexpr std::string_view https =
      "<key>DNSProtocol</key><string>HTTPS</string>"
      "<key>ServerURL</key><string>https://dns.example.com:8443/dns-query</string>";
  constexpr std::string_view tls =
      "<key>DNSProtocol</key><string>TLS</string><key>ServerName</key><string>dns.example.com</string>";
  constexpr std::string_view literal =
      "<key>DNSProtocol</key><string>HTTPS</string>"
      "<key>ServerURL</key><string>https://[2001:db8::53]/dns-query</string>";
  EXPECT_THAT(resolver(https, "linux"), ElementsAre("VP1212 error 'ServerAddresses'"));
  EXPECT_THAT(resolver(tls, "linux"), ElementsAre("VP1212 error 'ServerAddresses'"));
  EXPECT_THAT(resolver(literal, "linux"), ElementsAre("VP1212 warning 'ServerAddresses'"));
  EXPECT_THAT(resolver(https, "ios"), ElementsAre("VP1212 warning 'ServerAddresses'"));
  EXPECT_THAT(resolver("", "linux"), ElementsAre("VP1212 warning 'ServerAddresses'")) << "of the provider's";
}

TEST(Values, WhatTheReaderHasRefusedIsLeftAlone) {
  EXPECT_THAT(of("IKEv2", "<key>MTU</key><integer>many</integer>"), ElementsAre(testing::HasSubstr("VP1030 error")));
  EXPECT_THAT(of("certificate", "<key>PayloadContent</key><data>!!!!</data>"),
              ElementsAre(testing::HasSubstr("VP1033 error")));
}

TEST(Values, SecretsAreNeverShown) {
  for (const char* example : {"<key>SharedSecret</key><integer>4711</integer>", "<key>AuthPassword</key><array/>",
                              "<key>PPK</key><integer>4711</integer><key>PPKIdentifier</key><string>x</string>"}) {
    const Linted linted = lint_in("IKEv2", example);
    for (const findings::Finding& f : linted.all()) {
      EXPECT_EQ(f.message.find("4711"), std::string::npos) << f.message;
      EXPECT_EQ(f.help.find("4711"), std::string::npos) << f.help;
      EXPECT_TRUE(f.edits.empty());
    }
  }
}

TEST(Keys, AMisspeltRequiredKeyIsOneFindingAsSevereAsItsAbsence) {
  EXPECT_THAT(of("IKEv2", "<key>RemoteAddres</key><string>vpn.example.com</string><!-- no RemoteAddress -->"),
              ElementsAre("VP1203 error 'RemoteAddres'"));
  EXPECT_THAT(of("payload", "<key>UserDefinedNames</key><string>x</string><!-- no UserDefinedName -->"),
              ElementsAre("VP1203 warning 'UserDefinedNames'"));
}

TEST(Keys, AMisplacedRequiredKeyIsOneFinding) {
  EXPECT_THAT(of("IKEv2", "<key>UserDefinedName</key><string>x</string>"),
              ElementsAre("VP1204 warning 'UserDefinedName'"));
  EXPECT_THAT(of("AlwaysOn", "<key>RemoteAddress</key><string>vpn.example.com</string>"),
              ElementsAre("VP1204 warning 'RemoteAddress'"));
}

TEST(Keys, WhereAKeyBelongs) {
  const auto message = [](std::string_view place, std::string_view key) {
    const Linted linted = lint_in(place, "<key>" + std::string(key) + "</key><integer>1</integer>");
    return linted.all().empty() ? std::string() : linted.all().front().message;
  };
  EXPECT_EQ(message("payload", "OnDemandEnabled"), "'OnDemandEnabled' is not read here; it belongs in 'IKEv2'");
  EXPECT_EQ(message("plugin", "OnDemandEnabled"), "'OnDemandEnabled' is not read here; it belongs in 'VPN'");
  EXPECT_EQ(message("payload", "OverridePrimary"), "'OverridePrimary' is not read here; it belongs in 'IPv4'");
  EXPECT_EQ(message("payload", "PayloadRemovalDisallowed"),
            "'PayloadRemovalDisallowed' is not read here; it belongs in the profile's own dictionary");
  EXPECT_EQ(message("payload", "ExcludedDomains"),
            "'ExcludedDomains' is not read here; it belongs in a payload of type 'com.apple.vpn.managed.applayer'");
  EXPECT_EQ(message("IKEv2", "TokenCard"),
            "'TokenCard' is not read here; it belongs in 'PPP', which is not read under VPNType 'IKEv2'");
  EXPECT_EQ(message("AlwaysOn", "DiffieHellmanGroup"),
            "'DiffieHellmanGroup' is not read here; it belongs in "
            "'AlwaysOn.TunnelConfigurations.ChildSecurityAssociationParameters'");
}

TEST(Keys, ABlockForAnotherTypeIsNotJudgedInside) {
  EXPECT_THAT(of("payload", "<key>AlwaysOn</key><dict><key>Nonsense</key><array/></dict>"),
              ElementsAre("VP1417 warning 'AlwaysOn'"));
}

TEST(Keys, VendorConfigIsFreeButForRepetitions) {
  EXPECT_THAT(of("plugin",
                 "<key>VendorConfig</key><dict><key>a</key><true/><key>b</key><dict><key>c</key><true/></dict></dict>"),
              IsEmpty());
  EXPECT_THAT(of("plugin",
                 "<key>VendorConfig</key><dict><key>Realm</key><string>x</string><key>b</key><dict><key>c</key><true/>"
                 "<key>c</key><false/></dict><key>Realm</key><string>y</string></dict>"),
              ElementsAre("VP1104 error 'c'", "VP1104 error 'Realm'"));
}

}  // namespace
}  // namespace vpn::lint::test
