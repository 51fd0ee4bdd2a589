// The hosts that a policy's tunnels and probes lead to (S1.d, S1.f). Internal to compiler/lower/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/model/model.h"

namespace vpn::lower {

/// Host and port of a URL, or of "host", "host:port", "[address]:port"; port 0 where none is given and the scheme
/// implies none.
struct HostPort {
  std::string_view host;
  std::uint16_t port = 0;
};
HostPort split_host(std::string_view text);

/// A-label form of a name, or the canonical text of an address; empty: neither. `is_address` says which.
std::string normal_host(std::string_view host, bool& is_address);

/// Names of all VPN servers, sorted; addresses need no look-up and are left out.
std::vector<std::string> server_names(const model::Model& model);

/// What the agent probes: captive detection, URLStringProbe, RequiredURLStringProbe, RequiredDNSServers; sorted.
std::vector<std::pair<std::string, std::uint16_t>> probe_targets(const model::Model& model);

}  // namespace vpn::lower
