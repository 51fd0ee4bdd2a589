// What a policy says whatever the device's state, read out of the FlatBuffer once into plain arrays and shared by all
// situations. For policy/ itself and for what analyses policies (compiler/analyse).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "policy/range_table.h"
#include "policy_generated.h"

namespace vpn::policy {

/// Dimensions of a situation's range table. Those of service selectors follow, then those of routes.
enum Dimension : std::uint16_t {
  dim_self,   // loopback and the device's own addresses (S0)
  dim_dhcp,   // where a DHCP client may send (S1.a)
  dim_local,  // local networks
  dim_first_free
};

/// A set of services: bit `Service`.
using Services = std::uint16_t;
constexpr Services service_bit(Service s) { return static_cast<Services>(1u << static_cast<unsigned>(s)); }

/// An identifier of a tunnel compared without the case of ASCII letters.
int compare_ids(std::string_view a, std::string_view b);

/// Part of a vector of the plan.
struct Slice {
  std::uint32_t begin = 0, size = 0;
};
template <class T>
std::span<const T> cut(const std::vector<T>& all, Slice s) {
  return std::span<const T>(all).subspan(s.begin, s.size);
}

struct Plan {
  explicit Plan(const Policy& policy);

  struct AppExceptions {
    std::uint32_t any, udp, tcp;   // S3.c
    std::uint32_t captive_plugin;  // S3.a
  };
  struct AppClass {
    std::uint32_t roles = 0;
    Slice governed;  // in governed_words: bit v of the whole is per_app[v]
    Slice tools;     // in `tools`
  };
  struct Tool {
    std::uint32_t per_app, app;
  };
  struct Tunnel {
    std::string_view id;
    bool app_proxy = false;
  };
  struct ServiceException {
    Services service;
    bool drop;
    std::uint32_t source;
  };
  struct AlwaysOnTunnel {
    std::uint32_t tunnel;
    std::uint8_t interfaces;  // mask: bit 0 Wi-Fi, bit 1 cellular; 0: all
    std::uint32_t source;
  };
  struct AlwaysOn {
    bool captive_websheet, captive_all;
    std::uint32_t captive_websheet_source, captive_all_source, source, tunnels_source;
    std::vector<AlwaysOnTunnel> tunnels;
    std::vector<ServiceException> services;
  };
  struct PerApp {
    std::uint32_t tunnel, source;
    const fb::OnDemand* on_demand;
  };
  struct Device {
    std::uint32_t tunnel, source, include_all_source, enforce_source, exclude_local_source, exclude_cellular_source,
        exclude_apns_source, exclude_device_source;
    bool include_all, enforce_routes, exclude_local, exclude_cellular, exclude_apns, exclude_device, override_primary;
    const fb::OnDemand* on_demand;
  };
  struct DomainList {
    fb::ListKind kind;
    std::uint32_t owner;
  };
  struct Selector {
    Services service;
    std::uint8_t protocol;  // 0: any
    bool local_only;
    std::uint32_t roles;      // 0: any app
    std::uint16_t dimension;  // 0: any destination (dimension 0 is never a selector's)
    Slice ports;              // in `ports`; none: any
  };
  struct Probe {
    std::string_view host;
    std::optional<Address> address;
    std::uint16_t port;
  };

  std::vector<std::uint32_t> app_classes;     // of each app, in the order of the app table
  std::vector<AppExceptions> app_exceptions;  // likewise; empty without an always-on VPN
  std::vector<AppClass> classes;
  std::vector<std::uint64_t> governed_words;
  std::vector<Tool> tools;
  std::vector<Tunnel> tunnels;
  std::optional<AlwaysOn> always_on;
  std::vector<PerApp> per_app;
  std::size_t words = 0;  // of a bit set over per_app
  std::vector<Device> devices;
  std::vector<DomainList> lists;
  // Of the services that some rule of this policy asks for; first those that any app meets.
  std::vector<Selector> selectors;
  std::size_t open_selectors = 0;
  std::uint32_t selector_roles = 0;  // all roles that the others ask for
  std::vector<std::uint16_t> ports;
  std::vector<RangeEntry> selector_ranges;
  std::uint16_t dimensions = dim_first_free;  // of the above; those of routes follow
  std::vector<std::string_view> servers;      // S1.d, sorted
  std::vector<Probe> probes;                  // S1.f

  std::uint32_t tunnel(std::string_view id) const;  // its index, `none`: not of this policy

  // The class of an app; class 0, without role and membership, for one that the policy does not name.
  const AppClass& class_of(std::uint32_t app) const { return classes[app == none ? 0 : app_classes[app]]; }

  // Whether on some network on-demand passes the VPN over (S4.a).
  static bool may_be_bypassed(const PerApp& vpn);

  // The per-app VPNs that govern a flow of an app and its spawner to a name on these lists (S4.c, S4.d), in order, and
  // whether the name is excluded from each (S4.b); until `visit(vpn, is_excluded)` is true.
  template <class Visit>
  void each_governing(std::uint32_t app, std::uint32_t spawner, std::span<const std::uint32_t> names,
                      const Visit& visit) const;

  // Whether a selector may fit a flow of this protocol and remote port.
  bool fits(const Selector& s, std::uint32_t protocol, std::uint32_t port) const;

  // Parts of S4, as bit sets of per-app VPNs, one word at a time: those that govern an app for all hosts, because it,
  // its spawner or the tool that it is are mapped to them (S4.d); those one of whose lists holds a host name: for a
  // role that the app or its spawner has (S4.c), and excluded (S4.b).
  std::uint64_t mapped(std::uint32_t app, const AppClass& own, const AppClass& spawner, std::size_t word) const;
  struct NamedVpns {
    std::uint64_t triggered = 0, excluded = 0;
  };
  NamedVpns named(std::span<const std::uint32_t> numbers, std::uint32_t roles, std::size_t word) const;

 private:
  void read_apps(const fb::Policy& body);
  void read_tunnels(const fb::Policy& body);
  void read_always_on(const fb::Policy& body);
  void read_vpns(const fb::Policy& body);
  void read_services(const fb::Policy& body);
  void read_hosts(const fb::Policy& body);
  std::vector<std::uint32_t> tunnels_by_id_;
};

inline bool Plan::fits(const Selector& s, std::uint32_t protocol, std::uint32_t port) const {
  if (s.protocol != 0 && s.protocol != protocol) return false;
  const auto wanted = cut(ports, s.ports);
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), port) != wanted.end();
}

inline std::uint64_t Plan::mapped(std::uint32_t app, const AppClass& own, const AppClass& spawner,
                                  std::size_t word) const {
  const auto governed = [&](const AppClass& c) {
    return word < c.governed.size ? governed_words[c.governed.begin + word] : 0;
  };
  std::uint64_t set = governed(own) | governed(spawner);
  if (app == none) return set;
  for (const Tool& t : cut(tools, spawner.tools))
    if (t.app == app && t.per_app / 64 == word) set |= std::uint64_t{1} << (t.per_app % 64);
  return set;
}

inline Plan::NamedVpns Plan::named(std::span<const std::uint32_t> numbers, std::uint32_t roles,
                                   std::size_t word) const {
  NamedVpns out;
  for (const std::uint32_t number : numbers) {
    const DomainList& list = lists[number];
    if (list.kind > fb::ListKind::smb || list.owner / 64 != word) continue;
    const std::uint64_t vpn = std::uint64_t{1} << (list.owner % 64);
    if (list.kind == fb::ListKind::excluded) out.excluded |= vpn;
    // Triggering kinds and roles are numbered alike, kinds from 1 on.
    else if (((roles >> (static_cast<unsigned>(list.kind) - 1)) & 1u) != 0)
      out.triggered |= vpn;
  }
  return out;
}
static_assert(bit(Role::browser) == 1u << (static_cast<unsigned>(fb::ListKind::safari) - 1));
static_assert(bit(Role::mail) == 1u << (static_cast<unsigned>(fb::ListKind::mail) - 1));
static_assert(bit(Role::calendar) == 1u << (static_cast<unsigned>(fb::ListKind::calendar) - 1));
static_assert(bit(Role::contacts) == 1u << (static_cast<unsigned>(fb::ListKind::contacts) - 1));
static_assert(bit(Role::smb) == 1u << (static_cast<unsigned>(fb::ListKind::smb) - 1));
template <class Visit>
void Plan::each_governing(std::uint32_t app, std::uint32_t spawner, std::span<const std::uint32_t> names,
                          const Visit& visit) const {
  const AppClass &own = class_of(app), &by = class_of(spawner);
  for (std::size_t w = 0; w < words; ++w) {
    const NamedVpns by_name = named(names, own.roles | by.roles, w);
    for (std::uint64_t all = mapped(app, own, by, w) | by_name.triggered; all != 0; all &= all - 1) {
      const auto bit = static_cast<unsigned>(std::countr_zero(all));
      if (visit(static_cast<std::uint32_t>(w * 64 + bit), (by_name.excluded >> bit & 1u) != 0)) return;
    }
  }
}

/// Roles that a list of S4.c may trigger for.
inline constexpr std::uint32_t trigger_roles =
    bit(Role::browser) | bit(Role::mail) | bit(Role::calendar) | bit(Role::contacts) | bit(Role::smb);

}  // namespace vpn::policy
