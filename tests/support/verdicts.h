// Flows and device states in few words, and the verdict as one line of text.
#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "policy/decide.h"
#include "policy/flow.h"

namespace vpn::test {

policy::Address address(std::string_view text);  ///< throws on nonsense, like the others
policy::Prefix prefix(std::string_view text);

/// A flow that is written as a chain: `F("tcp", "203.0.113.80", 443).by("com.example.mail").to("example.com")`.
/// Texts must outlive it: literals.
struct F : policy::Flow {
  F(std::string_view protocol, std::string_view remote, int port = 0);
  F& by(std::string_view identifier);  ///< an app, "other", "unattributed" or "forwarded"
  F& spawned(std::string_view identifier) { return spawned_by = identifier, *this; }
  F& to(std::string_view name) { return hostname = name, *this; }
  F& bound(std::string_view interface) { return scope = interface, *this; }
  F& from_port(std::uint16_t port) { return local_port = port, *this; }
  F& user(std::uint32_t id) { return uid = id, *this; }
  F& of(policy::Service s) { return service = s, *this; }
  F& provider(std::string_view tunnel) { return provider_of = tunnel, *this; }
  F& by_agent() { return agent = true, *this; }
  F& type(int t, int limit = -1);
  F& hops(int limit) { return hop_limit = static_cast<std::int16_t>(limit), *this; }
  F& in(std::string_view interface) { return incoming = true, arrives_on = interface, *this; }
  F& quotes(const policy::Flow& flow) { return quoted = &flow, *this; }
};

/// A device state, as a chain. on_wifi() is what most tests start from.
struct S : policy::DeviceState {
  S& interface(std::string name, policy::InterfaceType type, std::initializer_list<std::string_view> addresses = {});
  S& primary(std::string name) { return primary_interface = std::move(name), *this; }
  S& resolver(std::string_view server);  ///< of the interface that was added last
  S& search(std::string domain) { return interfaces.back().search_domains.push_back(std::move(domain)), *this; }
  S& ssid(std::string name) { return interfaces.back().ssid = std::move(name), *this; }
  S& lease_of(std::string_view server) { return interfaces.back().dhcp_server = address(server), *this; }
  S& system_route(std::string_view destination);
  S& behind_portal() { return captive = true, *this; }
  S& while_probing() { return probing = true, *this; }
  S& nat64_prefix(std::string_view p) { return nat64 = prefix(p), *this; }
  S& tunnel(std::string id, policy::TunnelStatus status, std::string interface = {});
  S& up(std::string id, std::string interface) {
    return tunnel(std::move(id), policy::TunnelStatus::connected, std::move(interface));
  }
  S& includes(std::initializer_list<std::string_view> routes);  ///< of the tunnel that was added last
  S& excludes(std::initializer_list<std::string_view> routes);
  S& endpoint(std::string_view address, std::string_view protocol, std::uint16_t port = 0);
};

/// wlan0, 192.168.1.20/24 and fd00:1::20/64, its resolver 192.168.1.1; primary.
S on_wifi();

/// "tunnel S3.e A#0 @ TunnelConfigurations[0]": verdict, rule, tunnel and the source's key path where there are some.
std::string says(const policy::Policy& policy, const policy::Decision& decision);
std::string says(const policy::Policy& policy, const policy::DeviceState& state, const policy::Flow& flow);

}  // namespace vpn::test
