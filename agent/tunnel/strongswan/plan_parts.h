// The checked parts of a tunnel that settings, credentials and connection are made of. Internal to this folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/tunnel/strongswan/plan.h"
#include "policy/flat_text.h"
#include "policy_generated.h"

namespace vpn::agent::strongswan {

enum class Method : std::uint8_t {
  shared_secret,
  certificate,
  eap_password,
  eap_certificate,
  hybrid,  ///< IKEv1: the server by a certificate, the user by XAuth alone
};

struct Parts {
  const policy::fb::Tunnel* tunnel = nullptr;
  const policy::fb::Ike* ike = nullptr;
  Method method = Method::certificate;
  bool ikev1 = false;             ///< a payload of type IPSec
  bool aggressive = false;        ///< IKEv1: a shared secret and a group's name leave no other mode
  bool xauth = false;             ///< IKEv1: the user proves himself, too
  bool server_by_secret = false;  ///< the server proves itself by the shared secret, else by a certificate
  std::string local, remote;      ///< as of identity_text(); no local: charon's choice
  std::optional<DeviceIdentity> identity;
  std::vector<Authority> trusted;  ///< to judge the server's certificate
  bool trust_is_system = false;
  bool asks_user = false, asks_password = false;  ///< the profile does not have it
  std::string user;                               ///< of the profile, or as somebody has said
  WipedBytes secret, password, ppk;
};

Result<Parts> read_parts(const policy::Policy& policy, std::uint32_t tunnel, const FindSecret& secrets,
                         const PlanSettings& settings);
/// strongswan.conf but for the paths.
Result<std::string> settings_body(const Parts& parts, const PlanSettings& settings);
/// A name as it is: charon would take "a=b" for a distinguished name, and "a@b" for an address.
std::string plain_identity(std::string_view text);
/// What the shell that charon calls runs when the child comes and goes.
std::string updown_command(const std::string& path);

using policy::view;
inline tl::unexpected<Error> refuse(std::string_view where, std::string what, std::string help = {}) {
  return fail(ErrorKind::invalid_input, std::move(what), std::string(where), std::move(help));
}

}  // namespace vpn::agent::strongswan
