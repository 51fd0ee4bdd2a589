// A tunnel of the policy in charon's words: its settings file, its credentials, its connection. Pure: no file is
// written and nobody is asked. docs/tunnels.md says what becomes of each key of the payload, and why.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/tunnel/identity.h"
#include "agent/tunnel/strongswan/proposals.h"
#include "agent/tunnel/strongswan/vici_message.h"
#include "agent/tunnel/wiped.h"
#include "policy/address.h"
#include "policy/policy.h"
#include "policy/result.h"

namespace vpn::agent::strongswan {

/// Who handles ESP.
enum class EspBackend : std::uint8_t {
  kernel,    ///< the kernel, on an XFRM interface
  libipsec,  ///< charon itself, on a TUN of its own; ESP goes within UDP always
};

struct PlanSettings {
  EspBackend backend = EspBackend::libipsec;
  std::uint32_t outer_mark = 0;  ///< of the kernel's ESP packets; 0: none
  std::uint32_t if_id = 0;       ///< of the XFRM interface; kernel backend only
  std::string interface;         ///< its name; likewise
  /// Instead of the rate of the payload, whose quickest is a minute; 0: the payload's.
  std::chrono::seconds dead_peer_delay{0};
  bool ml_kem = true;                              ///< as of ProposalSettings
  const std::vector<Authority>* system = nullptr;  ///< trusted where the profile brings no authority; null: none
  const DeviceIdentity* enrolled = nullptr;        ///< the tunnel's identity, where it is of SCEP or ACME
  /// What somebody has said where the profile does not; null: nobody has yet.
  const WipedBytes* user = nullptr;
  const WipedBytes* password = nullptr;
};

/// Where charon's things are; absolute paths.
struct CharonPaths {
  std::string socket;  ///< of VICI
  std::string updown;  ///< where the resolvers that the server names are written to
};

/// A request for charon, in the order in which they are to be sent.
struct Request {
  std::string command;
  Section message;
};

struct Plan {
  std::string connection;  ///< its name for charon: the same for the same settings, whatever their secrets are
  std::string server;      ///< as the payload names it
  Proposals proposals;
  std::string settings;  ///< strongswan.conf, but for the paths
  bool mobike = true;
  std::uint32_t mtu = 0;       ///< bytes
  bool asks_user = false;      ///< somebody has to say it: PlanSettings::user
  bool asks_password = false;  ///< likewise
  std::string user;            ///< as the profile has it
  bool asks_pin = false;       ///< what it asks for is called a PIN
  bool asks_always = false;    ///< with every connection, whatever was said before
};

/// What a tunnel wants to be, checked. Errors: invalid_input: what charon cannot do, or must not; the key is named.
Result<Plan> make_plan(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                       const PlanSettings& settings);

/// strongswan.conf for that plan.
std::string settings_file(const Plan& plan, const CharonPaths& paths);

/// load-cert, load-key, load-shared. To be sent and forgotten at once: they hold the secrets.
Result<std::vector<Request>> credentials(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                                         const PlanSettings& settings);

/// The addresses to connect from and to; no `local`: by the routes.
struct Path {
  std::vector<policy::Address> local;
  policy::Address remote;
};
/// load-conn. Errors as of make_plan().
Result<Request> connection(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                           const PlanSettings& settings, const Plan& plan, const CharonPaths& paths, const Path& path);

/// The name of the only child of that connection.
inline constexpr const char* child_name = "net";

/// An identity in a form that charon cannot take for another kind. Errors: invalid_input: wildcards.
Result<std::string> identity_text(std::string_view text);

}  // namespace vpn::agent::strongswan
