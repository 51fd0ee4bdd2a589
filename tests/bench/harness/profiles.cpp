#include "tests/bench/harness/profiles.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/bench/bench_domains.h"

namespace vpn::bench {
namespace {

std::string uuid(std::size_t n) {
  char text[64];
  std::snprintf(text, sizeof text, "5D2A77C0-9B1E-4F0A-8C11-%012zX", n);
  return text;
}

std::string common(const char* type, std::size_t n) {
  return std::string("\t\t\t<key>PayloadType</key>\n\t\t\t<string>") + type +
         "</string>\n\t\t\t<key>PayloadVersion</key>\n\t\t\t<integer>1</integer>\n\t\t\t<key>PayloadIdentifier</key>\n"
         "\t\t\t<string>com.example.bench.payload" +
         std::to_string(n) + "</string>\n\t\t\t<key>PayloadUUID</key>\n\t\t\t<string>" + uuid(n) + "</string>\n";
}

std::string profile(const std::string& payloads) {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
         "<plist version=\"1.0\">\n<dict>\n\t<key>PayloadContent</key>\n\t<array>\n" +
         payloads +
         "\t</array>\n\t<key>PayloadType</key>\n\t<string>Configuration</string>\n\t<key>PayloadVersion</"
         "key>\n\t<integer>1</integer>\n"
         "\t<key>PayloadIdentifier</key>\n\t<string>com.example.bench</string>\n\t<key>PayloadDisplayName</"
         "key>\n\t<string>Bench</string>\n"
         "\t<key>PayloadUUID</key>\n\t<string>" +
         uuid(0) + "</string>\n</dict>\n</plist>\n";
}

const std::string vpn_uuid = "5D2A77C0-9B1E-4F0A-8C11-00000000ABCD";

// `own`: keys of the payload beside those of the plug-in.
std::string per_app(const std::string& own) {
  return "\t\t<dict>\n" + common("com.apple.vpn.managed.applayer", 1) +
         "\t\t\t<key>UserDefinedName</key>\n\t\t\t<string>Bench</string>\n\t\t\t<key>VPNUUID</key>\n\t\t\t<string>" +
         vpn_uuid +
         "</string>\n\t\t\t<key>VPNType</key>\n\t\t\t<string>VPN</string>\n\t\t\t<key>VPNSubType</key>\n"
         "\t\t\t<string>com.example.tunnel</string>\n\t\t\t<key>VPN</key>\n\t\t\t<dict>\n\t\t\t\t<key>RemoteAddress</"
         "key>\n"
         "\t\t\t\t<string>vpn.example.com</string>\n\t\t\t</dict>\n" +
         own + "\t\t</dict>\n";
}

// Without white space: a million entries stay within the limit on files.
std::string mapping(std::size_t count, const std::string& own) {
  std::string items;
  for (std::size_t i = 0; i < count; ++i) {
    items += "<dict><key>Identifier</key><string>com.example.team" + std::to_string(i % 977) + ".app" +
             std::to_string(i) + "</string>" + own + "</dict>\n";
  }
  return "\t\t<dict>\n" + common("com.apple.vpn.managed.appmapping", 2) +
         "\t\t\t<key>AppLayerVPNMapping</key>\n\t\t\t<array>\n" + items + "\t\t\t</array>\n\t\t</dict>\n";
}

std::string mapped_to(const std::string& uuid) { return "<key>VPNUUID</key><string>" + uuid + "</string>"; }

std::string ikev2(std::size_t n, const std::string& own) {
  return "\t\t<dict>\n" + common("com.apple.vpn.managed", n) +
         "\t\t\t<key>UserDefinedName</key>\n\t\t\t<string>Bench</string>\n\t\t\t<key>VPNType</"
         "key>\n\t\t\t<string>IKEv2</string>\n"
         "\t\t\t<key>IKEv2</key>\n\t\t\t<dict>\n\t\t\t\t<key>RemoteAddress</key>\n\t\t\t\t<string>vpn.example.com</"
         "string>\n"
         "\t\t\t\t<key>RemoteIdentifier</key>\n\t\t\t\t<string>vpn.example.com</string>\n\t\t\t\t<key>LocalIdentifier</"
         "key>\n"
         "\t\t\t\t<string>device</string>\n\t\t\t\t<key>AuthenticationMethod</key>\n\t\t\t\t<string>None</string>\n"
         "\t\t\t\t<key>ExtendedAuthEnabled</key>\n\t\t\t\t<integer>1</integer>\n\t\t\t\t<key>OnDemandEnabled</key>\n"
         "\t\t\t\t<integer>1</integer>\n" +
         own + "\t\t\t</dict>\n\t\t</dict>\n";
}

}  // namespace

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary).write(text.data(), static_cast<std::streamsize>(text.size()));
}

std::string excluded_domains(std::size_t count) {
  std::string list = "\t\t\t<key>ExcludedDomains</key>\n\t\t\t<array>\n";
  for (const std::string& name : domains(count)) list += "\t\t\t\t<string>" + name + "</string>\n";
  return profile(per_app(list + "\t\t\t</array>\n"));
}

std::string domains_and_apps(std::size_t names, std::size_t without, std::size_t apps) {
  std::vector<std::string> all = domains(names);
  all.resize(all.size() - std::min(all.size(), without));
  std::string list = "\t\t\t<key>ExcludedDomains</key>\n\t\t\t<array>\n";
  for (const std::string& name : all) list += "\t\t\t\t<string>" + name + "</string>\n";
  return profile(per_app(list + "\t\t\t</array>\n") + mapping(apps, mapped_to(vpn_uuid)));
}

std::string mapped_apps(std::size_t count) { return profile(per_app("") + mapping(count, mapped_to(vpn_uuid))); }

std::string apps_and_routes(std::size_t count) {
  const std::string tool =
      "<key>MatchTools</key><array><dict><key>SigningIdentifier</key><string>com.example.tool</string>"
      "<key>DesignatedRequirement</key><string>identifier com.example.tool</string></dict></array>";
  return profile(per_app("") + mapping(count, mapped_to(vpn_uuid) + tool) +
                 ikev2(3, "\t\t\t\t<key>EnforceRoutes</key>\n\t\t\t\t<integer>1</integer>\n"));
}

std::string matched_networks(std::size_t count) {
  std::string list =
      "\t\t\t\t<key>OnDemandRules</key>\n\t\t\t\t<array>\n\t\t\t\t\t<dict>\n\t\t\t\t\t\t<key>Action</key>\n"
      "\t\t\t\t\t\t<string>Connect</string>\n\t\t\t\t\t\t<key>SSIDMatch</key>\n\t\t\t\t\t\t<array>\n";
  for (std::size_t i = 0; i < count; ++i) list += "\t\t\t\t\t\t\t<string>Branch " + std::to_string(i) + "</string>\n";
  return profile(ikev2(1, list + "\t\t\t\t\t\t</array>\n\t\t\t\t\t</dict>\n\t\t\t\t</array>\n"));
}

std::string on_demand_rules(std::size_t count) {
  std::string list = "\t\t\t\t<key>OnDemandRules</key>\n\t\t\t\t<array>\n";
  for (std::size_t i = 0; i < count; ++i) {
    list += "<dict><key>Action</key><string>Connect</string><key>URLStringProbe</key><string>https://site" +
            std::to_string(i) + ".example.com</string></dict>\n";
  }
  return profile(ikev2(1, list + "\t\t\t\t</array>\n"));
}

std::string device_profile(const std::string& typical, std::size_t device) {
  std::string out = typical;
  const std::string from = "device@example.com";
  if (const auto at = out.find(from); at != std::string::npos)
    out.replace(at, from.size(), "device" + std::to_string(device) + "@example.com");
  return out;
}

}  // namespace vpn::bench
