// Which resolver a lookup goes to: the one that the verdict for it names ("Lookups" of docs/semantics.md). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tunnel/provider.h"
#include "policy/address.h"
#include "policy/decide.h"

namespace vpn::agent::dns {

/// How resolvers are asked: the payload's DNSProtocol.
enum class Transport : std::uint8_t { cleartext, tls, https };

/// Resolvers that answer alike, best first.
struct Resolver {
  std::vector<policy::Address> servers;
  Transport transport = Transport::cleartext;
  bool stream = false;  ///< never by datagrams
  std::uint16_t port = 53;
  std::string name;                       ///< that the server's certificate must have; empty: its address
  std::string path;                       ///< of the URL, for HTTPS
  std::uint32_t identity = policy::none;  ///< that the device shows it, for TLS and HTTPS; index into Policy.identities
  friend bool operator==(const Resolver&, const Resolver&) = default;
};

/// What a tunnel resolves.
struct TunnelNames {
  Resolver resolver;                  ///< without servers: it has none
  std::vector<std::string> domains;   ///< such names, and those below; normalised
  std::uint32_t list = policy::none;  ///< those of this list of the policy's domain table, too
  bool all = false;                   ///< and all others
  bool connected = false;
};

/// Everything that is known of resolvers at one moment.
struct NamePlan {
  std::vector<TunnelNames> tunnels;        ///< in the order of the policy
  std::vector<policy::Address> network;    ///< of the primary interface
  std::vector<std::uint32_t> device_wide;  ///< tunnels of device-wide VPNs, in order
};

/// What a payload's DNS part and the provider's settings say of one tunnel; the payload's go before.
TunnelNames tunnel_names(const policy::Policy& policy, std::uint32_t tunnel, const NetworkSettings& settings,
                         bool connected);
/// For every tunnel; `settings` and `connected` have an element for each.
NamePlan plan_names(const policy::Policy& policy, std::span<const NetworkSettings* const> settings,
                    const std::vector<bool>& connected, std::vector<policy::Address> network);

/// Who asks, as the rules see it.
struct Questioner {
  std::string_view app;         ///< identifier; empty: no app of the policy
  std::string_view spawned_by;  ///< likewise
};

struct Choice {
  policy::Decision decision;         ///< for the question to that resolver
  std::optional<Resolver> resolver;  ///< nothing: the lookup is refused
  std::string_view why;              ///< it is refused; static text
  bool by_proxy = false;  ///< nobody is asked: the proxy that carries what follows knows the name (inventions.h)
};

/// `asked`: the resolver that the app thinks it asks; nothing where it asked the forwarder itself.
Choice choose(const policy::Situation& situation, const NamePlan& plan, const Questioner& who, std::string_view name,
              const std::optional<policy::Address>& asked);

/// A flow of this app to an address that it knows by a name of this class; `who` outlives it.
policy::Flow flow_of(const Questioner& who, policy::DomainClass domain, const policy::Address& remote,
                     std::uint8_t protocol, std::uint16_t port);
/// The verdict for a flow of this app to an address that it knows by a name of this class.
policy::Decision verdict_for(const policy::Situation& situation, const Questioner& who, policy::DomainClass domain,
                             const policy::Address& remote, std::uint8_t protocol, std::uint16_t port);

/// Whether lookups of such an owner have to pass the forwarder: names decide for it, a VPN governs what it sends to
/// resolvers, or some tunnel answers names of its own.
bool is_steered(const policy::Situation& situation, const NamePlan& plan, const Questioner& who, bool names_decide);

}  // namespace vpn::agent::dns
