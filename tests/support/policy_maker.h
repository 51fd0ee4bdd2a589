// Policies made by hand, so that tests of the verdicts depend on no part of the compiler.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "policy/types.h"
#include "policy_objects_generated.h"

namespace vpn::test {

/// An app of the policy, by what the rules know of it. Sources are numbers that PolicyMaker::source() gave.
struct MadeApp {
  std::uint32_t roles = 0;
  std::set<std::uint32_t> governed;                         ///< numbers of per-app VPNs
  std::map<std::uint32_t, std::vector<std::string>> tools;  ///< MatchTools by per-app VPN: identifiers
  std::uint32_t exception_any = policy::none, exception_udp = policy::none, exception_tcp = policy::none;
  std::uint32_t captive_plugin = policy::none;
};

/// Collects what the test wants in a policy; make() writes the file's bytes and opens them with the reader.
class PolicyMaker {
 public:
  /// Everything that is not offered below can be changed here before make().
  made::PolicyT body;

  PolicyMaker();
  /// A place in "made.mobileconfig", each on a line of its own, with this key path.
  std::uint32_t source(std::string path);

  made::AlwaysOnT& always_on();  ///< S3, without tunnels; made when first asked for
  /// A tunnel of it, for `interfaces` (bit 0 Wi-Fi, bit 1 cellular, 0: all); its number among the tunnels.
  std::uint32_t always_on_tunnel(const std::string& id, std::uint8_t interfaces = 0);
  void service_exception(policy::Service service, bool drop);

  /// S4. Its number among the per-app VPNs; its source is "PerApp.<id>".
  std::uint32_t per_app(const std::string& id, bool app_proxy = false);
  /// S5 to S7; all flags are off. Its sources are "<id>", "<id>.IncludeAllNetworks" and so on.
  made::DeviceT& device(const std::string& id, bool app_proxy = false);

  MadeApp& app(const std::string& identifier) { return apps_[identifier]; }
  MadeApp& app(const std::string& identifier, std::initializer_list<policy::Role> roles);

  /// A list of names (ListKind of schemas/policy.fbs) of a VPN; `*.` as in profiles. Names must be normalised.
  void domains(made::ListKind kind, std::uint32_t owner, std::initializer_list<std::string_view> names);
  void servers(std::initializer_list<std::string> names) { body.servers = names; }
  void probe(std::string host, std::uint16_t port);
  void services();  ///< the selectors of S2

  /// Throws std::runtime_error with the reader's words when the policy is refused.
  policy::Policy make();
  std::vector<std::byte> bytes();

 private:
  struct Name {
    std::string text;
    std::uint32_t list;
    bool below_only;
  };
  std::uint32_t tunnel(const std::string& id, made::VpnKind kind, bool app_proxy);
  void write_apps();
  void write_domains();

  std::map<std::string, MadeApp> apps_;
  std::vector<Name> names_;
};

/// On-demand of one rule without criteria.
std::unique_ptr<made::OnDemandT> on_demand(made::OnDemandAction action, std::uint32_t source, bool enabled = true);

}  // namespace vpn::test
