// The states of a device that a page shows: kinds of networks, times the statuses of a VPN. Internal to
// compiler/report.
#pragma once

#include <vector>

#include "compiler/report/model.h"

namespace vpn::report {

/// Addresses that states and flows of the page share; those for documentation (RFC 5737, RFC 3849), or private ones.
namespace example {
inline constexpr const char* wifi = "wlan0";
inline constexpr const char* cellular = "wwan0";
inline constexpr const char *network = "192.168.1.0/24", *network6 = "fd00:1:2:3::/64";
inline constexpr const char *address = "192.168.1.20", *address6 = "fd00:1:2:3::20";
inline constexpr const char *router = "192.168.1.1", *router6 = "fd00:1:2:3::1";
inline constexpr const char *neighbour = "192.168.1.50", *neighbour6 = "fd00:1:2:3::50";
inline constexpr const char *host = "203.0.113.80", *host6 = "2001:db8:80::80";
inline constexpr const char *server = "192.0.2.10", *server6 = "2001:db8:10::10";
// What a provider brings is not in the policy: these stand for it, and page and notes say so.
inline constexpr const char *included = "198.51.100.0/24", *included6 = "2001:db8:100::/48";
inline constexpr const char *excluded = "198.51.100.128/25", *excluded6 = "2001:db8:100:8000::/49";
inline constexpr const char *in_included = "198.51.100.10", *in_included6 = "2001:db8:100::10";
inline constexpr const char *in_excluded = "198.51.100.200", *in_excluded6 = "2001:db8:100:8000::10";
}  // namespace example
/// The address that one of our own texts is.
policy::Address address_of(std::string_view text);

// Networks that are none of the rules'.
inline constexpr const char* captive_portal = "Captive portal";
inline constexpr const char* no_network = "no network yet";

struct Network {
  std::string title;
  policy::DeviceState device;  ///< its interface, nothing else
};

/// Networks that the rules tell apart: one for each rule that decides on some network, and ordinary ones.
struct Networks {
  std::vector<Network> all;
  std::string note;  ///< what was left out; may be empty
};
Networks networks(const fb::OnDemand* on_demand);

/// The states of the VPNs `tunnels`, which share a status, on each network, everything else disconnected.
/// `guess_routes`: connected is there twice, with some routes of the provider and with default routes.
std::vector<State> states(const policy::Policy& policy, const std::vector<std::uint32_t>& tunnels,
                          const std::vector<Network>& networks, bool guess_routes);

/// For a state that is not the page's: what the flow says of a neighbour, the resolver, the VPN's server or the
/// interface becomes what the state has of it. Views in it point into `device` then.
void ask_at_home(const policy::DeviceState& device, policy::Flow& flow);

}  // namespace vpn::report
