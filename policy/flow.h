// A flow and a device state, as programs and people describe them (docs/cli.md, "Flow" and "Device state").
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/domain_table.h"
#include "policy/types.h"

namespace vpn::policy {

/// Who owns the socket, where the identifier alone does not say it.
enum class Owner : std::uint8_t { app, other, unattributed, forwarded };

/// One flow. Views point into memory of the caller and must outlive the call to decide().
struct Flow {
  Owner owner = Owner::other;
  bool incoming = false;
  bool agent = false;          ///< role "agent"
  std::uint8_t protocol = 0;   ///< IP protocol number
  std::uint8_t icmp_type = 0;  ///< ICMP in IPv4, ICMPv6 in IPv6: type
  bool has_icmp_type = false;
  std::int16_t hop_limit = -1;  ///< 0 to 255; -1: as the rule wants it
  std::uint16_t remote_port = 0;
  std::uint16_t local_port = 0;
  std::uint32_t uid = 0;
  std::optional<Service> service;  ///< overrides what S2 would find
  Address remote;                  ///< destination, or sender of an incoming packet
  std::string_view app;            ///< bundle identifier where owner is `app`
  std::string_view spawned_by;     ///< bundle identifier of the app that spawned it; empty: none
  std::string_view hostname;       ///< empty: unknown
  std::optional<DomainClass>
      domain;                    ///< class of `hostname` in this policy's domain table, where the caller has it already
  std::string_view scope;        ///< interface that the app bound to; empty: none
  std::string_view arrives_on;   ///< incoming: interface
  std::string_view provider_of;  ///< tunnel whose provider sends it; empty: none
  const Flow* quoted = nullptr;  ///< the flow that an incoming ICMP error quotes, seen from this device (outgoing)
};

/// Storage behind a parsed Flow.
struct FlowText {
  Flow flow;
  std::vector<std::unique_ptr<std::string>> strings;
  std::unique_ptr<FlowText> quoted;
};

struct InterfaceState {
  std::string name;
  InterfaceType type = InterfaceType::other;
  std::string ssid;
  std::vector<std::pair<Address, std::uint8_t>> addresses;  ///< address and on-link prefix length
  std::vector<Address> dns_servers;
  std::vector<std::string> dns_server_texts;  ///< as written, for DNSServerAddressMatch
  std::vector<std::string> search_domains;
  std::optional<Address> dhcp_server;  ///< the lease's server (S1.a)
};

struct SystemRoute {
  Prefix destination;
  std::string interface;
};

struct Endpoint {
  Address address;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;  ///< 0 for protocols without ports
};

struct TunnelState {
  std::string id;  ///< as written; compared without case
  TunnelStatus status = TunnelStatus::disconnected;
  std::string interface;
  std::vector<Endpoint> endpoints;
  std::vector<Prefix> included_routes;
  std::vector<Prefix> excluded_routes;
};

/// What the device is in at the moment. Default-constructed: a booting device.
struct DeviceState {
  std::string primary_interface;
  std::vector<InterfaceState> interfaces;
  std::vector<SystemRoute> system_routes;
  bool captive = false;
  bool probing = false;
  std::vector<TunnelState> tunnels;
  std::map<std::string, int, std::less<>> url_probes;
  std::optional<Prefix> nat64;  ///< the network's NAT64 prefix (RFC 7050) beside 64:ff9b::/96
};

}  // namespace vpn::policy
