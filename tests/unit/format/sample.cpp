#include "sample.h"

namespace vpn::format {

using findings::Code;
using findings::Severity;

namespace {

void fill_xml(Sample& s) {
  auto& file = s.add("profiles/a b,c.mobileconfig",
                     "<dict>\n"
                     "\t<key>IncludeAllNetwork</key>\t<integer>1</integer>\n"
                     "  <key>\xE6\x9D\xB1\xE4\xBA\xAC</key><string>Cafe\xCC\x81 \xF0\x9F\x94\x92</string>\n"
                     "  <key>OnDemandRules</key>\n"
                     "  <array>\n"
                     "    <dict/>\n"
                     "  </array>\n"
                     "  <key>SharedSecret</key><string>hunter2</string><key>Extra</key><true/>\n"
                     "</dict>\n");
  auto& typo = s.find(Code::bad_ignore, file, "IncludeAllNetwork", "key 'IncludeAllNetwork' is not known here",
                      "PayloadContent[0].VPN.IncludeAllNetwork");
  typo.help = "did you mean 'IncludeAllNetworks'?";
  typo.fix_title = "rename it to 'IncludeAllNetworks'";
  typo.edits.push_back({typo.span, "IncludeAllNetworks"});
  auto& wide = s.find(Code::bad_ignore, file, "\xE4\xBA\xAC", "wide characters: 100%, done",
                      "PayloadContent[0].\xE6\x9D\xB1\xE4\xBA\xAC");
  wide.severity = Severity::error;
  auto& rules = s.find(Code::bad_ignore, file, "<array>\n    <dict/>\n  </array>", "the rules are dead",
                       "PayloadContent[0].OnDemandRules");
  rules.severity = Severity::note;
  rules.related.push_back({&file, Sample::span(file, "OnDemandRules"), "the key is here"});
  auto& extra = s.find(Code::bad_ignore, file, "Extra", "key 'Extra' is not known here", "PayloadContent[0].Extra");
  extra.related.push_back({&file, Sample::span(file, "hunter2"), "beside this"});
}

void fill_others(Sample& s) {
  auto& minified =
      s.add("/etc/long.plist", "<dict>" + std::string(200, 'x') + "<key>Odd</key>" + std::string(200, 'y') + "</dict>");
  s.find(Code::bad_ignore, minified, "Odd", "key 'Odd' is not known here", "Odd");
  auto& hostile = s.add("bad\n.plist", "ab\xFF\x1B[31m\xE2\x80\xAE<key>\n");
  s.find(Code::bad_ignore, hostile, "<key>", "a message\nwith \x1B[2J and \xC0\xAF", "a\x01::b").help =
      "100% sure: yes, really";
  auto& binary = s.add("wifi.plist", "bplist00");
  auto& fixed = s.find(Code::bad_ignore, binary, "", "key 'Odd' is not known here", "PayloadContent[3].Odd");
  fixed.severity = Severity::error;
  s.add("clean.mobileconfig", "<dict/>");
  auto& signed_one = s.add("signed.mobileconfig", "");
  signed_one.replace_text("<key>Odd</key>", false);
  auto& kept = s.find(Code::bad_ignore, signed_one, "Odd", "key 'Odd' is not known here", "Odd");
  kept.fix_title = "remove it";
  kept.edits.push_back({kept.span, ""});
}

}  // namespace

void fill(Sample& sample) {
  fill_xml(sample);
  fill_others(sample);
  sample.sink.sort();
}

}  // namespace vpn::format
