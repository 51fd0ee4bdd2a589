// Profiles of any size, for the large rows and the growth curves.
#pragma once

#include <cstddef>
#include <string>

namespace vpn::bench {

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);

/// A per-app VPN with `count` excluded domains; about 52 MB with a million.
std::string excluded_domains(std::size_t count);
/// A per-app VPN and `count` apps that are mapped to it.
std::string mapped_apps(std::size_t count);
/// Both: `names` excluded domains but the last `without`, and `apps` apps.
std::string domains_and_apps(std::size_t names, std::size_t without, std::size_t apps);
/// `count` apps known to the policy, none governed by itself (MatchTools), and a device-wide VPN with enforced routes.
std::string apps_and_routes(std::size_t count);
/// An IKEv2 VPN with one on-demand rule that names `count` networks.
std::string matched_networks(std::size_t count);
/// An IKEv2 VPN with `count` on-demand rules.
std::string on_demand_rules(std::size_t count);
/// The typical profile with its identifiers changed, for fleets.
std::string device_profile(const std::string& typical, std::size_t device);

}  // namespace vpn::bench
