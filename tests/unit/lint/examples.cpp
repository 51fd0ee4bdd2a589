// Puts an example of the catalogue into a profile that has no findings of its own. Each dictionary has default members;
// an example's member of the same key stands in for the default one, and "<!-- no KEY -->" takes it away.
#include <algorithm>

#include "tests/unit/lint/support.h"

namespace vpn::lint::test {
namespace {

struct Default {
  std::string_view key, value;
};

/// Whether the example has the key at its own level, or says that there is none.
bool mentions(std::string_view example, std::string_view key) {
  const std::string none = "<!-- no " + std::string(key) + " -->";
  if (example.find(none) != std::string_view::npos) return true;
  const std::string wanted = "<key>" + std::string(key) + "</key>";
  int depth = 0;
  for (std::size_t at = example.find('<'); at != std::string_view::npos; at = example.find('<', at + 1)) {
    const std::string_view rest = example.substr(at);
    if (depth == 0 && rest.starts_with(wanted)) return true;
    if (rest.starts_with("<dict>") || rest.starts_with("<array>")) ++depth;
    if (rest.starts_with("</dict>") || rest.starts_with("</array>")) --depth;
  }
  return false;
}

std::string members(std::initializer_list<Default> defaults, std::string_view example) {
  std::string out;
  for (const Default& d : defaults)
    if (!mentions(example, d.key)) out += "<key>" + std::string(d.key) + "</key>" + std::string(d.value) + "\n";
  return out + std::string(example);
}

std::string dictionary(std::initializer_list<Default> defaults, std::string_view example) {
  return "<dict>\n" + members(defaults, example) + "</dict>";
}

std::string member(std::string_view key, std::string_view value) {
  return "<key>" + std::string(key) + "</key>" + std::string(value) + "\n";
}

std::string profile(std::string_view example) {
  return R"(<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
)" +
         dictionary({{"PayloadType", "<string>Configuration</string>"},
                     {"PayloadVersion", "<integer>1</integer>"},
                     {"PayloadIdentifier", "<string>com.example.profile</string>"},
                     {"PayloadUUID", "<string>C0FFEE00-1234-4567-89AB-CDEF01234567</string>"},
                     {"PayloadContent", R"(<array><dict>
<key>PayloadType</key><string>com.apple.wifi.managed</string>
</dict></array>)"}},
                    example) +
         "\n</plist>\n";
}

std::string payload_members(std::string_view type, std::string_view uuid, std::string_view example) {
  return members({{"PayloadType", type},
                  {"PayloadVersion", "<integer>1</integer>"},
                  {"PayloadIdentifier", "<string>com.example.payload</string>"},
                  {"PayloadUUID", uuid}},
                 example);
}

std::string content(std::string_view payloads) {
  return member("PayloadContent", "<array>" + std::string(payloads) + "</array>");
}

constexpr std::string_view vpn_type = "<string>com.apple.vpn.managed</string>";
constexpr std::string_view vpn_uuid = "<string>9F8E7D6C-5B4A-4392-8170-6F5E4D3C2B1A</string>";

std::string vpn(std::string_view selector, std::string_view example) {
  const std::string type = "<string>" + std::string(selector) + "</string>";
  return "<dict>\n" +
         payload_members(vpn_type, vpn_uuid,
                         members({{"UserDefinedName", "<string>Example</string>"}, {"VPNType", type}}, example)) +
         "</dict>";
}

std::string ike(std::string_view example) {
  return dictionary({{"RemoteAddress", "<string>vpn.example.com</string>"},
                     {"LocalIdentifier", "<string>device.example.com</string>"},
                     {"RemoteIdentifier", "<string>vpn.example.com</string>"},
                     {"AuthenticationMethod", "<string>None</string>"},
                     {"ExtendedAuthEnabled", "<integer>1</integer>"}},
                    example);
}

/// An IKEv2 block for examples about authentication: they bring their own method, and a secret unless they say no.
std::string ike_block(std::string_view example) {
  if (!mentions(example, "AuthenticationMethod")) return ike(example);
  const bool eap = mentions(example, "ExtendedAuthEnabled");
  return ike(std::string(example) + (eap ? "" : "<!-- no ExtendedAuthEnabled -->"));
}

std::string tunnel(std::string_view example) {
  return ike(members({{"ProtocolType", "<string>IKEv2</string>"}}, example));
}

std::string always_on(std::string_view example) {
  return vpn("AlwaysOn",
             member("AlwaysOn", dictionary({{"TunnelConfigurations", "<array>" + tunnel("") + "</array>"}}, example)));
}

std::string plugin(std::string_view example) {
  return vpn("VPN", members({{"VPNSubType", "<string>com.wireguard.ios</string>"},
                             {"VPN", "<dict><key>RemoteAddress</key><string>vpn.example.com</string></dict>"}},
                            example));
}

std::string per_app(std::string_view example) {
  return plugin(members({{"PayloadType", "<string>com.apple.vpn.managed.applayer</string>"},
                         {"VPNUUID", "<string>3D2C1B0A-4F5E-4A6B-8C7D-9E8F7A6B5C4D</string>"}},
                        example));
}

std::string mapping(std::string_view example) {
  const std::string entry = dictionary({{"Identifier", "<string>com.example.chat</string>"},
                                        {"VPNUUID", "<string>3D2C1B0A-4F5E-4A6B-8C7D-9E8F7A6B5C4D</string>"},
                                        {"DesignatedRequirement", "<string>anchor apple</string>"},
                                        {"SigningIdentifier", "<string>com.example.chat</string>"}},
                                       example);
  return per_app("") + "<dict>\n" +
         payload_members("<string>com.apple.vpn.managed.appmapping</string>",
                         "<string>1A2B3C4D-0001-4002-8003-000400050006</string>",
                         "<key>PayloadIdentifier</key><string>com.example.mapping</string>\n" +
                             member("AppLayerVPNMapping", "<array>" + entry + "</array>")) +
         "</dict>";
}

std::string ipsec(std::string_view selector, std::string_view example, std::string_view ppp) {
  std::string blocks = member("IPSec", dictionary({{"RemoteAddress", "<string>vpn.example.com</string>"},
                                                   {"AuthenticationMethod", "<string>SharedSecret</string>"},
                                                   {"SharedSecret", "<data>c2VjcmV0</data>"}},
                                                  example));
  if (selector == "L2TP")
    blocks += member("PPP", dictionary({{"CommRemoteAddress", "<string>vpn.example.com</string>"}}, ppp));
  return vpn(selector, blocks);
}

std::string ike_payload(std::string_view example) { return vpn("IKEv2", members({{"IKEv2", ike("")}}, example)); }

std::string payload_in_place(std::string_view place, const std::string& example) {
  if (place == "payload") return ike_payload(example);
  if (place == "IKEv2") return vpn("IKEv2", member("IKEv2", ike_block(example)));
  if (place == "rules")
    return vpn("IKEv2",
               member("IKEv2", ike("<key>OnDemandEnabled</key><integer>1</integer>\n<key>OnDemandRules</key><array>\n" +
                                   example + "</array>\n")));
  if (place == "plugin") return plugin(example);
  if (place == "VPN")
    return plugin(member("VPN", dictionary({{"RemoteAddress", "<string>vpn.example.com</string>"}}, example)));
  if (place == "AlwaysOn") return always_on(example);
  if (place == "tunnel") return always_on(member("TunnelConfigurations", "<array>" + tunnel(example) + "</array>"));
  if (place == "IPSec") return ipsec("IPSec", example, "");
  if (place == "PPP") return ipsec("L2TP", "<!-- no RemoteAddress -->", example);
  if (place == "DNS")
    return ike_payload(member("DNS", dictionary({{"DNSProtocol", "<string>Cleartext</string>"},
                                                 {"ServerAddresses", "<array><string>192.0.2.53</string></array>"}},
                                                example)));
  if (place == "Proxies") return ike_payload(member("Proxies", dictionary({}, example)));
  if (place == "applayer") return per_app(example);
  if (place == "mapping") return mapping(example);
  if (place == "certificate")
    return "<dict>\n" + payload_members("<string>com.apple.security.root</string>", vpn_uuid, example) + "</dict>";
  if (place == "identity")
    return "<dict>\n" + payload_members("<string>com.apple.security.pkcs12</string>", vpn_uuid, example) + "</dict>";
  return {};
}

}  // namespace

std::vector<File> place_example(std::string_view place, std::string_view example) {
  if (place == "file") return {{"example.mobileconfig", std::string(example)}};
  if (place == "profile") return {{"example.mobileconfig", profile(example)}};
  if (place == "files") {
    std::vector<File> files;
    constexpr std::string_view separator = "\n---\n";
    for (std::size_t at = 0; at <= example.size();) {
      const std::size_t end = std::min(example.find(separator, at), example.size());
      files.push_back({"example" + std::to_string(files.size()) + ".json", std::string(example.substr(at, end - at))});
      at = end + separator.size();
    }
    return files;
  }
  const std::string payload = payload_in_place(place, std::string(example));
  if (payload.empty()) return {};
  return {{"example.mobileconfig", profile(content(payload))}};
}

}  // namespace vpn::lint::test
