// The checks that look at more than one key, by family. Each adds findings to the context.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/lint/context.h"
#include "compiler/lint/profile.h"
#include "compiler/lint/walk.h"

namespace vpn::lint {

// VP11xx: what the document consists of (checks_structure.cpp, checks_identity.cpp).
void check_structure(Context& context, const Profile& profile);
void check_identity(Context& context, const Profile& profile);
void report_repeated_key(Context& context, const Section& section, const Member& again, const Member& first);
/// Keys that a dictionary has twice, whatever they are.
void check_repeated_keys(Context& context, const Section& section);
/// How many entries an array has.
void check_item_count(Context& context, const Section& section, const Member& member, const schema::Key& key);

// VP13xx (checks_references.cpp, checks_authentication.cpp).
void check_reference(Context& context, const Device& device, const Profile& profile, const Section& section,
                     const Member& member, const schema::Key& key);
void check_ike_authentication(Context& context, const Section& settings);
void check_ipsec_authentication(Context& context, const Section& settings);
void check_plugin_authentication(Context& context, const Section& settings);
void check_declared_authentication(Context& context, const Section& authentication);
/// `required`: an empty address is an error.
void check_server(Context& context, const Section& settings, std::string_view key, bool required);

// VP14xx (checks_dependencies.cpp, checks_routing.cpp, checks_on_demand.cpp, checks_always_on.cpp, checks_per_app.cpp).
enum class Part : std::uint8_t {
  ike,
  ipsec,
  ppp,
  idle,
  dns,
  proxies,
  parameter,
  declared_idle,
  declared_dns,
  declared_proxies,
  declared_proxy,
  declared_quantum
};
/// Keys of one dictionary that are read only beside another, and keys that need another.
void check_dependencies(Context& context, const Section& section, Part part);
void check_routing(Context& context, const Section& settings, bool per_app);
struct OnDemandKeys {
  std::string_view enabled, rules;
};
/// `match_app`: OnDemandMatchAppEnabled of a per-app VPN.
void check_on_demand(Context& context, const Section& settings, OnDemandKeys keys, bool per_app,
                     std::optional<bool> match_app);
void check_always_on(Context& context, const Section& settings);
void check_per_app_lists(Context& context, const Section& payload, const std::vector<KeptList>& lists);

// VP15xx (checks_algorithms.cpp, checks_certificates.cpp, checks_secrets.cpp).
struct AlgorithmRules {
  bool always_on = false, strict = false;
};
void check_algorithms(Context& context, const Section& settings, AlgorithmRules rules);
void check_tls_versions(Context& context, const Section& settings);
void check_certificate(Context& context, const Item& item, const Section& payload);
void check_secrets(Context& context, const Secrets& secrets);
/// Keys within VendorConfig that hold a private key.
void note_vendor_secrets(Context& context, const Section& payload, Secrets& secrets);

// VP17xx (checks_linux.cpp): what a Linux device cannot do, and what an external provider has to.
void check_linux(Context& context, const Item& item, const Section& payload);
/// A resolver of this DNS part, over HTTPS or TLS, whose host would have to be looked up on Linux. No rule lets anybody
/// do that: S1.d is for VPN servers, and the resolver that an app's verdict names is the one that is looked for.
bool cannot_be_looked_up(const Context& context, const Section& dns);

/// A VPN payload or declaration as a whole: takes it apart for the families above (checks_vpn.cpp).
void check_vpn(Context& context, const Item& item, const Section& payload, const std::vector<KeptList>& lists,
               Secrets& secrets);

// VP14xx, VP19xx: the payloads of all documents together (checks_device.cpp, checks_device_apps.cpp).
using Contexts = std::vector<Context>;
void check_device(Contexts& contexts, const Device& device);
void check_device_apps(Contexts& contexts, const Device& device);

}  // namespace vpn::lint
