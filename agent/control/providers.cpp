#include "agent/control/providers.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/control/agent.h"
#include "agent/control/owners.h"
#include "agent/tunnel/openvpn/openvpn.h"
#include "agent/tunnel/strongswan/strongswan.h"
#include "agent/tunnel/wireguard/wireguard.h"

namespace vpn::agent {
namespace {

// Where daemons of tunnels get their own cgroups, below the mount: in the guarded part, or in our own service's, which
// systemd has delegated to us.
std::string provider_cgroup(const AgentOptions& options, const std::string& mount) {
  if (!options.cgroup.empty() && options.cgroup != mount)
    return options.cgroup.starts_with(mount + "/") ? options.cgroup.substr(mount.size() + 1) : std::string();
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("0::/") && line.size() > 4) return line.substr(4);
  std::error_code error;  // started by hand
  std::filesystem::create_directory(mount + "/vpnagentd", error);
  return error ? std::string() : std::string("vpnagentd");
}

}  // namespace

std::string enrolment_cgroup(const AgentOptions& options) {
  const std::string mount = cgroup_mount(), beside = provider_cgroup(options, mount);
  return mount.empty() || beside.empty() ? std::string() : mount + "/" + beside + "/enrol";
}

std::vector<ProviderFactory> provider_factories(const AgentOptions& options) {
  StrongswanOptions ike;
  ike.cgroup_mount = cgroup_mount();
  ike.cgroup = provider_cgroup(options, ike.cgroup_mount);
  WireguardOptions wireguard;
  wireguard.cgroup_mount = ike.cgroup_mount;
  wireguard.cgroup = ike.cgroup;
  OpenvpnOptions openvpn;
  openvpn.cgroup_mount = ike.cgroup_mount;
  openvpn.cgroup = ike.cgroup;
  std::vector<ProviderFactory> out;
  out.push_back(strongswan_factory(std::move(ike)));
  out.push_back(openvpn_factory(std::move(openvpn)));
  out.push_back(wireguard_factory(std::move(wireguard)));
  return out;
}

}  // namespace vpn::agent
