// Fixes keep every byte but those that they are about.
#include <gtest/gtest.h>

#include "compiler/lint/edits.h"
#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

std::string in_ike(std::string_view members) { return place_example("IKEv2", members).front().text; }

/// `before` and `after` stand for parts of one profile.
void expect_fix(std::string_view place, std::string_view before, std::string_view after) {
  const std::string text = place_example(place, before).front().text;
  std::string wanted = text;
  const auto at = wanted.find(before);
  ASSERT_NE(at, std::string::npos);
  wanted.replace(at, before.size(), after);
  EXPECT_EQ(fixed(text), wanted);
}

TEST(Fix, WritesFlagsAsTheSchemaHasThem) {
  expect_fix("IKEv2", "<key>EnablePFS</key> <!-- on --> <true/>",
             "<key>EnablePFS</key> <!-- on --> <integer>1</integer>");
  expect_fix("IKEv2", "<key>EnablePFS</key><false />", "<key>EnablePFS</key><integer>0</integer>");
  expect_fix("IKEv2", "<key>EnablePFS</key><string>YES</string>", "<key>EnablePFS</key><integer>1</integer>");
  expect_fix("applayer", "<key>OnDemandMatchAppEnabled</key><integer>1</integer>",
             "<key>OnDemandMatchAppEnabled</key><true/>");
}

TEST(Fix, WritesNumbersAsNumbersAndTextAsText) {
  expect_fix("IKEv2", "<key>MTU</key><string> 1300 </string>", "<key>MTU</key><integer>1300</integer>");
  expect_fix("IKEv2", "<key>MTU</key><real>1300</real>", "<key>MTU</key><integer>1300</integer>");
  expect_fix("IKEv2", "<key>LocalIdentifier</key><integer>7</integer>", "<key>LocalIdentifier</key><string>7</string>");
}

TEST(Fix, RenamesAMisspeltKey) {
  expect_fix("IKEv2", "<key>EnforceRoute</key><integer>1</integer>", "<key>EnforceRoutes</key><integer>1</integer>");
  expect_fix("IKEv2", "<key>enforceroutes</key><integer>1</integer>", "<key>EnforceRoutes</key><integer>1</integer>");
}

TEST(Fix, LeavesAKeyAloneThatMayBeOneOfTwo) {
  const std::string text = in_ike("<key>TLSMximumVersion</key><string>1.2</string>");
  EXPECT_NE(fixed(text).find("TLSMaximumVersion"), std::string::npos) << "one edit away from one key only";
  const std::string unclear = in_ike("<key>PPKMandatoryIdentifier</key><string>x</string>");
  EXPECT_EQ(fixed(unclear), unclear);
}

TEST(Fix, RemovesARepetitionThatSaysTheSame) {
  expect_fix("IKEv2", "<key>MTU</key><integer>1300</integer>\n\t <key>MTU</key>\n<integer>1300</integer>\n",
             "<key>MTU</key><integer>1300</integer>\n");
  const std::string differs = in_ike("<key>MTU</key><integer>1300</integer><key>MTU</key><integer>1400</integer>");
  EXPECT_EQ(fixed(differs), differs);
}

TEST(Fix, AddsMembersInTheStyleOfTheFile) {
  const std::string before =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<plist version=\"1.0\">\r\n<dict>\r\n"
      "\t<key>PayloadType</key>\r\n\t<string>Configuration</string>\r\n"
      "\t<key>PayloadIdentifier</key>\r\n\t<string>com.example.a</string>\r\n"
      "\t<key>PayloadUUID</key>\r\n\t<string>C0FFEE00-1234-4567-89AB-CDEF01234567</string>\r\n"
      "\t<key>PayloadContent</key>\r\n\t<array>\r\n\t\t<dict>\r\n"
      "\t\t\t<key>PayloadDisplayName</key>\r\n\t\t\t<string>R&amp;D</string>\r\n"
      "\t\t\t<key>PayloadType</key>\r\n\t\t\t<string>com.apple.vpn.managed</string>\r\n"
      "\t\t\t<key>PayloadVersion</key>\r\n\t\t\t<integer>1</integer>\r\n"
      "\t\t\t<key>PayloadIdentifier</key>\r\n\t\t\t<string>com.example.a.vpn</string>\r\n"
      "\t\t\t<key>PayloadUUID</key>\r\n\t\t\t<string>C0FFEE01-1234-4567-89AB-CDEF01234567</string>\r\n"
      "\t\t\t<key>VPNType</key>\r\n\t\t\t<string>VPN</string>\r\n"
      "\t\t\t<key>VPNSubType</key>\r\n\t\t\t<string>com.wireguard.ios</string>\r\n"
      "\t\t\t<key>VPN</key>\r\n\t\t\t<dict/>\r\n\t\t</dict>\r\n\t</array>\r\n</dict>\r\n</plist>\r\n";
  std::string after = before;
  after.replace(after.find("\t\t<dict>\r\n") + 8, 0,
                "\r\n\t\t\t<key>UserDefinedName</key>\r\n\t\t\t<string>R&amp;D</string>");
  after.replace(after.find("\t</array>") + 9, 0, "\r\n\t<key>PayloadVersion</key>\r\n\t<integer>1</integer>");
  EXPECT_EQ(fixed(before), after);
  EXPECT_EQ(fixed(after), after);
}

TEST(Fix, AddsMembersToADictionaryOnOneLine) {
  const std::string before = place_example("payload", "<!-- no UserDefinedName -->").front().text;
  const std::string line = "<dict><key>PayloadType</key><string>Configuration</string>";
  const std::string one_line = "<?xml version=\"1.0\"?><plist version=\"1.0\">" + line +
                               "<key>PayloadIdentifier</key><string>a.b</string><key>PayloadUUID</"
                               "key><string>C0FFEE00-1234-4567-89AB-CDEF01234567"
                               "</string><key>PayloadContent</key><array><dict><key>PayloadType</"
                               "key><string>com.apple.wifi.managed</string></dict>"
                               "</array></dict></plist>";
  std::string after = one_line;
  after.replace(after.find("</dict></plist>"), 0, "<key>PayloadVersion</key><integer>1</integer>");
  EXPECT_EQ(fixed(one_line), after);
}

TEST(Fix, MendsAUuidAndWhatRefersToIt) {
  expect_fix("payload", "<key>PayloadUUID</key><string>{4C2F1B0A-9D8E-4F7C-8B6A-5E4D3C2B1A09}</string>",
             "<key>PayloadUUID</key><string>4C2F1B0A-9D8E-4F7C-8B6A-5E4D3C2B1A09</string>");
  // Two UUIDs in it, one that is taken, none: nobody knows what is meant.
  for (const char* unclear :
       {"4C2F1B0A-9D8E-4F7C-8B6A-5E4D3C2B1A09 4C2F1B0A-9D8E-4F7C-8B6A-5E4D3C2B1A08",
        "x-C0FFEE00-1234-4567-89AB-CDEF01234567", "mine", "AA4C2F1B0A-9D8E-4F7C-8B6A-5E4D3C2B1A09"}) {
    const std::string text =
        place_example("payload", "<key>PayloadUUID</key><string>" + std::string(unclear) + "</string>").front().text;
    EXPECT_EQ(fixed(text), text) << unclear;
  }
}

TEST(Fix, WritesNamesAsTheyAreCompared) {
  expect_fix("applayer", "<key>SafariDomains</key><array><string>*.Wiki.Example.COM.</string></array>",
             "<key>SafariDomains</key><array><string>*.wiki.example.com</string></array>");
}

TEST(Fix, WritesAChoiceInItsCase) {
  expect_fix("IKEv2", "<key>DeadPeerDetectionRate</key><string>high</string>",
             "<key>DeadPeerDetectionRate</key><string>High</string>");
}

TEST(Fix, LeavesTextAloneThatIsNotPlain) {
  for (const char* written :
       {"<string><![CDATA[high]]></string>", "<string>h&#105;gh</string>", "<string>hi<!-- -->gh</string>"}) {
    const std::string text = in_ike("<key>DeadPeerDetectionRate</key>" + std::string(written));
    const Linted linted = lint_text(text);
    ASSERT_EQ(linted.all().size(), 1U) << written;
    EXPECT_EQ(linted.all()[0].message, "'DeadPeerDetectionRate' cannot be 'high'; did you mean 'High'?");
    EXPECT_TRUE(linted.all()[0].edits.empty()) << written;
  }
}

TEST(Fix, LeavesFilesAloneThatWereConverted) {
  const std::string utf8 = in_ike("<key>EnablePFS</key><true/>");
  std::string utf16 = "\xff\xfe";
  for (const char c : utf8.substr(utf8.find('>') + 1)) utf16 += {c, '\0'};
  const Linted linted = lint_text(utf16);
  ASSERT_FALSE(linted.all().empty());
  for (const findings::Finding& f : linted.all()) EXPECT_TRUE(f.edits.empty()) << f.message;
}

TEST(Fix, WritesJsonAsJson) {
  const std::string before =
      R"({"Type": "com.apple.configuration.network.vpn.vpn-plugin", "Identifier": "a", "ServerToken": "1", "Payload": {
  "VisibleName": "x", "HostName": "vpn.example.com", "SubType": "com.wireguard.ios",
  "Authentication": {"Method": "password"}, "NetworkRouting": {"IncludeAllNetwork": 1}}})";
  const std::string after =
      R"({"Type": "com.apple.configuration.network.vpn.vpn-plugin", "Identifier": "a", "ServerToken": "1", "Payload": {
  "VisibleName": "x", "HostName": "vpn.example.com", "SubType": "com.wireguard.ios",
  "Authentication": {"Method": "Password"}, "NetworkRouting": {"IncludeAllNetworks": true}}})";
  EXPECT_EQ(fixed(before), after);
  EXPECT_EQ(fixed(after), after);
}

}  // namespace
}  // namespace vpn::lint::test
