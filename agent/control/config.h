// The agent's configuration: DIR/agent.yaml and the app maps DIR/apps.d/* (docs/operations.md).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/network/captive_portal.h"
#include "agent/network/facts.h"
#include "agent/network/interface_types.h"
#include "agent/tunnel/external.h"
#include "agent/tunnel/secrets.h"
#include "policy/app_map/app_map.h"
#include "policy/result.h"

namespace vpn::agent {

/// Resolvers of interfaces whose names match, in place of what is found out.
struct ResolverOverride {
  std::string name;  ///< pattern
  ResolverFacts facts;
};

/// How an external tunnel is brought up.
struct ExternalTunnel {
  ExternalOptions options;
  bool watched = false;  ///< settings.interface is watched; otherwise a client speaks
};

struct Config {
  std::string public_key;  ///< file (PEM) of the key that policies must be signed with; empty: none
  SecretSources secrets;
  EnrolmentOptions enrolment;
  /// Whether the user of the active session on seat0 may answer the tunnels' questions, besides root and that group.
  bool session_answers = false;
  std::string control_group;  ///< name of the group whose members may do what root may, but for `stop`; empty: none
  std::vector<InterfaceTypeOverride> interfaces;
  /// Patterns of bridges to containers and machines on this device: what leaves by them is a delivery, not a departure.
  std::vector<std::string> inner_bridges{"docker0", "br-????????????", "virbr*", "lxcbr*", "lxdbr*", "podman*", "cni*"};
  std::map<std::string, ExternalTunnel, std::less<>> external;  ///< by tunnel identifier, upper case
  std::vector<ResolverOverride> resolvers;
  PortalProbe captive_probe;            ///< what is asked where the network announces no API
  std::uint32_t captive_seconds = 600;  ///< how long the window of S3.a and S5.a stays open at most
  std::string resolved_socket;  ///< hidden while lookups are steered; empty: systemd-resolved's, on a whole machine
  std::uint32_t mark_mask = 0xff000000;
  std::uint32_t first_table = 0x76700000;
  std::uint32_t first_priority = 900;
  std::vector<policy::MappedApp> apps;  ///< of apps.d, by identifier; files by name, the last one that has it wins
};

/// The text of agent.yaml. Pure. Unknown keys are errors (`invalid_input`).
Result<Config> parse_config(const std::string& where, std::string_view text);

/// What is not there has its default, a folder that does not exist, too. `folder` empty: all defaults.
Result<Config> read_config(const std::string& folder);

}  // namespace vpn::agent
