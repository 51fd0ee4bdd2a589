// strongswan.conf for a charon of our own: it has no other connection, and nobody else's settings.
#include <array>

#include "agent/tunnel/strongswan/plan_parts.h"

namespace vpn::agent::strongswan {
namespace {

// In the order in which they load. Not there: whatever reads files or listens (attr, stroke, pkcs11, dhcp …), and
// bypass-lan, which would take networks out of the tunnel. `updown` comes before `vici`, so that the resolvers are
// written when the event arrives.
constexpr std::string_view plugins =
    "random nonce openssl aes sha1 sha2 hmac mgf1 kdf gmp curve25519 drbg gcm chapoly ml pem pkcs1 pkcs8 x509 pubkey "
    "constraints";
constexpr std::string_view network_plugins = "socket-default updown eap-identity eap-mschapv2 eap-tls vici";

// Repeats after 1, 2, 4, 8 and 8 more seconds: a dead gateway is known half a minute after the first question, while
// one that loses packets for some seconds is kept.
constexpr std::string_view retransmission =
    "  retransmit_timeout = 1.0\n  retransmit_base = 2.0\n  retransmit_limit = 8\n  retransmit_tries = 5\n";

bool tls_version(std::string_view text) { return text == "1.0" || text == "1.1" || text == "1.2" || text == "1.3"; }

std::string yes_no(bool value) { return value ? "yes" : "no"; }

}  // namespace

Result<std::string> settings_body(const Parts& parts, const PlanSettings& settings) {
  const policy::fb::Ike& ike = *parts.ike;
  const bool kernel = settings.backend == EspBackend::kernel;
  std::string out = "  load_modular = no\n  load = ";
  out += plugins;
  // Without these it cannot even ask whether a certificate has been revoked.
  if (ike.revocation_check()) out += " revocation curl";
  if (parts.xauth) out += " xauth-generic";
  out += kernel ? " kernel-netlink " : " kernel-libipsec kernel-netlink ";
  out += network_plugins;
  out += "\n";
  // Ports of its own choice: each tunnel has its own charon, and there may be one of somebody else's.
  out += "  port = 0\n  port_nat_t = 0\n";
  // Routes and rules are the agent's. kernel-libipsec makes its own whatever is said here, and fails without: they go
  // into a table that no packet is looked up in, for the rule comes last and wants a mark that nobody sets.
  out +=
      "  install_routes = no\n  routing_table = 1986985984\n  routing_table_prio = 2147483647\n  install_virtual_ip = "
      "yes\n";
  if (kernel) out += "  install_virtual_ip_on = " + settings.interface + "\n";
  out += retransmission;
  out += "  follow_redirects = " + yes_no(!ike.disable_redirect()) + "\n";
  out +=
      "  keep_alive = " + std::to_string(ike.nat_keepalive_seconds() == 0 ? 20 : ike.nat_keepalive_seconds()) + "s\n";
  out += "  rsa_pss = " + yes_no(view(ike.certificate_type()) == "RSA-PSS") + "\n";
  const std::string_view lowest = view(ike.tls_minimum()), highest = view(ike.tls_maximum());
  if (parts.method == Method::eap_certificate) {
    if (!tls_version(lowest) || !tls_version(highest)) return refuse("TLSMinimumVersion", "this is no version of TLS");
    if (lowest > highest) return refuse("TLSMinimumVersion", "it is above TLSMaximumVersion");
    out +=
        "  tls {\n    version_min = " + std::string(lowest) + "\n    version_max = " + std::string(highest) + "\n  }\n";
  }
  return out;
}

std::string settings_file(const Plan& plan, const CharonPaths& paths) {
  std::string out = "charon {\n" + plan.settings;
  // To standard error, which is the journal's or whatever the agent has; nothing at the levels that show keys.
  out += "  journal {\n    default = -1\n  }\n";
  out += "  filelog {\n    stderr {\n      default = 1\n      flush_line = yes\n    }\n  }\n";
  out += "  plugins {\n";
  out += "    vici {\n      socket = \"unix://" + paths.socket + "\"\n    }\n";
  out += "    kernel-netlink {\n      fwmark = 0x766f0001\n    }\n";
  // The server's own address lies within 0.0.0.0/0: the agent's routes keep the outer packets out of the tunnel.
  out += "    kernel-libipsec {\n      allow_peer_ts = yes\n    }\n";
  out += "    updown {\n      dns_handler = yes\n    }\n";
  return out + "  }\n}\n";
}

}  // namespace vpn::agent::strongswan
