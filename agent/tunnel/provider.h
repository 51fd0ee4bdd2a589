// What brings a tunnel up and keeps it up: strongSwan, WireGuard, or any client outside of the agent. A provider
// reports what it sees; what that means for verdicts is decided in agent/state/tunnel_life.h, never here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/loop/loop.h"
#include "agent/tunnel/enrolment.h"
#include "agent/tunnel/interview.h"
#include "policy/address.h"
#include "policy/flow.h"
#include "policy/policy.h"
#include "policy/result.h"
#include "policy/types.h"

namespace vpn::agent {

class Secrets;   // agent/tunnel/secrets.h
class TlsTrust;  // agent/tunnel/tls.h

/// Names and resolvers that a tunnel brings.
struct DnsSettings {
  std::vector<policy::Address> servers;
  std::vector<std::string> search_domains;
  std::vector<std::string> match_domains;  ///< names that only these resolvers answer; empty: all, "" likewise
  friend bool operator==(const DnsSettings&, const DnsSettings&) = default;
};

/// TLS to a proxy: who it must be, and by whose word.
struct ProxyTls {
  std::shared_ptr<TlsTrust> trust;
  std::string name;  ///< or an address, that its certificate must have
};

/// Where the flows of a tunnel that is an app proxy are handed over.
struct ProxyPlace {
  enum class Protocol : std::uint8_t { socks5, http } protocol = Protocol::socks5;
  policy::Address address;  ///< among the endpoints, or on loopback
  std::uint16_t port = 0;
  std::string socket;                             ///< a Unix socket in place of both; empty: none
  std::uint32_t owner = 0;                        ///< whose that socket must be: a user's number
  bool datagrams = false;                         ///< it carries UDP (SOCKS5, with an address)
  std::shared_ptr<const ProxyTls> tls = nullptr;  ///< null: spoken to in the clear; HTTP only
  friend bool operator==(const ProxyPlace&, const ProxyPlace&) = default;
};

/// What a tunnel that is up looks like; the shape of NEPacketTunnelNetworkSettings.
struct NetworkSettings {
  std::string interface;                                            ///< the tunnel's interface; empty: not there yet
  std::vector<std::pair<policy::Address, std::uint8_t>> addresses;  ///< own addresses and their prefix lengths
  std::vector<policy::Prefix> included_routes;
  std::vector<policy::Prefix> excluded_routes;
  DnsSettings dns;
  std::uint32_t mtu = 0;  ///< bytes; 0: the interface's own
  /// The far ends of the outer packets (S1.c): address, protocol, port. Set from `connecting` on, and complete: what is
  /// not listed here, the provider cannot reach.
  std::vector<policy::Endpoint> endpoints;
  std::optional<ProxyPlace> proxy;  ///< of an app proxy, in place of an interface
};
bool operator==(const NetworkSettings& a, const NetworkSettings& b);

/// Whose sockets may talk to the endpoints (S1.c). Empty: nobody's.
struct ProviderProcess {
  std::vector<std::string> executables;  ///< absolute paths
  std::vector<std::string> cgroups;      ///< paths below the mount of cgroup v2, each with all that is below it
  std::optional<std::uint32_t>
      mark;  ///< of outer packets that the kernel makes (WireGuard's fwmark, xfrm's output mark)
  friend bool operator==(const ProviderProcess&, const ProviderProcess&) = default;
};

/// All that a provider knows at one moment. Each report replaces the one before as a whole.
struct ProviderReport {
  /// invalid: the configuration cannot be used. disconnected: nothing is up, and nothing is being tried (whether that
  /// was wanted is for the agent to judge). connected: packets flow through settings.interface.
  policy::TunnelStatus status = policy::TunnelStatus::disconnected;
  bool deliberate = false;  ///< `disconnected` because a user asked the provider's own client for it, not by a fault
  std::string reason;       ///< why, for people and the log; empty: nothing to say. Never a secret
  NetworkSettings settings;
  ProviderProcess process;
  std::optional<Question> question;  ///< what somebody has to tell it; mostly while `connecting`
};

/// A tunnel of the policy, as its provider gets it. What it points to outlives the provider.
struct TunnelConfiguration {
  const policy::Policy* policy = nullptr;
  std::uint32_t tunnel = 0;          ///< index into the policy's tunnels
  const Secrets* secrets = nullptr;  ///< null: there are none
  std::string state_dir;             ///< the provider's own folder, mode 0700, made by the agent
  EnrolmentOptions enrolment = {};   ///< for identities of SCEP and ACME
};

/// How to connect now. The agent looks the server's name up itself (S1.d), for a provider cannot while all is blocked.
struct ConnectRequest {
  std::string underlay;                  ///< physical interface to go out by; empty: the primary one
  std::vector<policy::Address> servers;  ///< addresses of Tunnel.server, best first
  std::map<std::string, std::vector<policy::Address>> names{};  ///< those of Provider::server_names(), by name
};

/// One tunnel. All calls and reports happen on the loop's thread; nothing here may block.
class Provider {
 public:
  using Listener = std::function<void(const ProviderReport&)>;
  virtual ~Provider() = default;  ///< forgets the tunnel, but leaves it up: the next agent adopts it
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  /// Takes the configuration and finds out what is up already (an agent that was started anew adopts that): a report
  /// follows in any case. Called once, before everything else. Errors: what keeps it from ever working.
  virtual Result<void> configure(const TunnelConfiguration& configuration) = 0;
  /// Starts to connect, or to connect anew by another underlay where possible without disconnecting (MOBIKE). Reports
  /// follow; `disconnected` with a reason where it came to nothing. The agent tries again, with back-off.
  virtual void connect(const ConnectRequest& request) = 0;
  /// Takes the tunnel down; `disconnected` is reported in the end.
  virtual void disconnect() = 0;
  /// Somebody could not use it, although it was reported `connected`: it looks whether it still is.
  virtual void check() {}
  /// Names that connect() wants to have the addresses of; none: that of Tunnel.server. After configure().
  virtual std::vector<std::string> server_names() const { return {}; }
  /// The answer to the question of the last report. False: there is no such question (any more).
  // NOLINTNEXTLINE(performance-unnecessary-value-param): those that ask take it over
  virtual bool answer([[maybe_unused]] std::uint64_t question, [[maybe_unused]] WipedBytes answer) { return false; }
  /// Of the kind "ikev2" or "external", for people.
  virtual std::string_view kind() const = 0;

 protected:
  Provider() = default;
};

/// Makes a provider; null where this kind is not for that factory. The loop and the listener outlive it.
using ProviderFactory = std::function<std::unique_ptr<Provider>(Loop& loop, const TunnelConfiguration& configuration,
                                                                Provider::Listener listener)>;

}  // namespace vpn::agent
