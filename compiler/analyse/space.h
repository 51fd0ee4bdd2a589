// All flows and all states of a device, as far as one policy, or two side by side, can tell them apart: finitely many
// classes of each, with an example. Nothing here knows a verdict; those come from policy::decide() alone.
// docs/analysis.md says which classes there are, and why there are no others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/analyse/networks.h"
#include "policy/decide.h"
#include "policy/kernel_classes.h"
#include "policy/result.h"

namespace vpn::analyse {

/// What a class is told apart by: equal keys, one class.
using ClassKey = std::vector<std::uint64_t>;

/// A range of remote ports of one protocol (0: of any).
struct PortRange {
  std::uint8_t protocol = 0;
  std::uint16_t first = 0, last = 0xffff;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

/// What is to be told apart beyond what the policies themselves do: the selectors of a property.
struct Refinement {
  std::vector<std::string> apps;
  std::vector<std::string> hosts;  ///< normalised, "*." in front for names below only
  std::vector<policy::Prefix> prefixes;
  std::vector<PortRange> ports;
  bool captive = false;
  NetworkDetail networks;
  std::vector<std::pair<std::string, policy::TunnelStatus>> statuses;  ///< of tunnels, by identifier or name
  std::vector<policy::DeviceState> states;                             ///< where not empty: these states instead of all
};

/// A tunnel of the policies; of two policies, one that both have.
struct Tunnel {
  std::string id;    ///< of the newest policy that has it
  std::string name;  ///< as people call it; its identifier where it has no name
  std::array<std::uint32_t, 2> index{policy::none, policy::none};  ///< in each policy
  bool is_asked_by_all = false;  ///< device-wide, or of an always-on VPN: not only apps that are mapped to it ask
  bool is_device_wide = false;   ///< in some policy
  std::vector<policy::TunnelStatus> statuses;  ///< that make a difference; empty: none does
};

/// Whether `id` is the tunnel's identifier or its name, compared without case.
bool is_called(const Tunnel& tunnel, std::string_view id);

/// Who sends, and to which name. Views point into the policies and the space.
struct Who {
  struct Member {
    std::uint32_t owner, spawner, host;  ///< indexes into Space::owners(), spawners() and hosts()
  };
  policy::Owner owner = policy::Owner::other;
  bool scoped = false;          ///< bound to the physical interface
  std::vector<Member> members;  ///< the first one is the example; none for forwarded and unattributed flows
};

struct AppPart {
  std::string_view example;           ///< identifier; empty: an app that no policy names
  std::vector<std::string_view> all;  ///< identifiers of the class, sorted; at most most_listed
  std::size_t count = 0;
  std::array<std::uint32_t, 2> classes{};  ///< in each policy
};

struct HostPart {
  std::vector<std::string> names;  ///< entries of lists that are of this class; at most most_listed
  std::size_t count = 0;           ///< of them; of two policies at least so many
  std::string example;             ///< empty: no name, or one that no list holds
  std::array<policy::DomainClass, 2> classes{};
  std::vector<bool> selected;  ///< by Refinement::hosts
};

/// Protocol and remote port, or a message of S1.a or S1.b, or an encapsulation that arrives.
struct Port {
  std::uint8_t protocol = 6;
  std::uint16_t remote = 0, local = 0;
  std::optional<std::uint8_t> icmp_type;
  std::vector<PortRange> ranges;  ///< all of the class, ascending; empty for messages of S1 and what arrives
  bool arrives = false;           ///< a foreign encapsulation (S3 and S5); of two policies alone
};

/// Destinations that are alike in every state.
struct Place {
  enum class Kind : std::uint8_t { loopback, self, local, routed, system_route, named, elsewhere };
  policy::Address example;
  std::vector<std::pair<policy::Address, policy::Address>> ranges;  ///< first and last address, ascending
  Kind kind = Kind::elsewhere;
  std::string label;  ///< "local networks"; places that differ may have one
};

/// One state of the device.
struct State {
  std::uint32_t network = 0;  ///< index into Space::networks()
  bool captive = false;
  std::vector<policy::TunnelStatus> statuses;  ///< of Space::tunnels()
  std::vector<std::uint32_t> default_routes;   ///< tunnels with EnforceRoutes that have a default route, ascending
  std::uint32_t given = policy::none;          ///< index into Refinement::states
  friend bool operator==(const State&, const State&) = default;
};

inline constexpr std::size_t most_listed = 64;  ///< identifiers that a class of apps lists

class Space {
 public:
  /// One policy, or two: the older one first. They must outlive it. Errors (`invalid_input`): more classes than can be
  /// gone through.
  static Result<Space> of(std::span<const policy::Policy* const> policies, Refinement refinement);
  Space(Space&&) noexcept = default;
  Space& operator=(Space&&) noexcept = default;

  std::span<const policy::Policy* const> policies() const { return policies_; }
  const Refinement& refinement() const { return refinement_; }
  std::span<const Tunnel> tunnels() const { return tunnels_; }
  std::span<const Network> networks() const { return networks_; }
  std::span<const State> states() const { return states_; }  ///< what takes the fewest words first
  std::span<const Who> whos() const { return whos_; }
  std::span<const AppPart> owners() const { return owners_; }
  std::span<const AppPart> spawners() const { return spawners_; }
  std::span<const HostPart> hosts() const { return hosts_; }
  std::span<const Port> ports() const { return ports_; }
  std::span<const Place> places() const { return places_; }

  /// The state as policy `k` sees it: its own identifiers of tunnels.
  policy::DeviceState device_state(const State& state, std::size_t k) const;
  /// Whether `id` is the tunnel's in one of the policies; compared without case.
  bool is_identifier(const Tunnel& tunnel, std::string_view id) const;
  /// An example. Views point into the space.
  policy::Flow flow(const Who& who, const Place& place, const Port& port, const State& state) const;
  /// Whether every combination of statuses is among the states; else those that rules can tell apart.
  bool has_all_statuses() const { return all_statuses_; }
  /// The class of each app of policy `k`, as an index into owners().
  std::span<const std::uint32_t> owner_of(std::size_t k) const { return owner_of_[k]; }

 private:
  friend class SpaceBuilder;
  Space() = default;
  std::vector<const policy::Policy*> policies_;
  Refinement refinement_;
  std::vector<Tunnel> tunnels_;
  /// What the providers of tunnels do with a block of addresses: nobody else has routes to it.
  struct RouteBlock {
    struct Of {
      std::uint32_t tunnel;
      bool is_included;  // else excluded
    };
    std::vector<Of> by;
  };
  std::vector<RouteBlock> route_blocks_;
  std::vector<Network> networks_;
  std::vector<State> states_;
  std::vector<AppPart> owners_, spawners_;
  std::vector<HostPart> hosts_;
  std::vector<Who> whos_;
  std::vector<Port> ports_;
  std::vector<Place> places_;
  std::array<std::vector<std::uint32_t>, 2> owner_of_;
  bool all_statuses_ = true;
};

/// A state with the policies specialised to it, and the traffic that they then judge alike whoever sends it.
class View {
 public:
  /// `before` is the view of a state looked at earlier: what does not depend on the state is shared with it.
  View(const Space& space, const State& state, const View* before);

  struct Traffic {
    std::uint32_t place, port;  ///< example
  };
  std::span<const Traffic> traffic() const { return traffic_; }
  /// Index into traffic() for a place and a port of the space.
  std::uint32_t traffic_of(std::size_t place, std::size_t port) const;
  policy::Decision decide(std::size_t k, const Who& who, const Traffic& traffic,
                          std::vector<policy::Passed>* passed = nullptr) const;
  const State& state() const { return *state_; }
  /// All of the state that verdicts depend on whoever sends: what is left depends on the sender's per-app VPNs
  /// (compiler/analyse/governed.h).
  ClassKey shared_key() const;
  const policy::Situation& situation(std::size_t k) const { return situations_[k]; }

 private:
  void classify();
  const Space* space_;
  const State* state_;
  std::vector<policy::Situation> situations_;
  std::vector<Traffic> traffic_;
  std::vector<std::uint32_t> traffic_of_;
};

}  // namespace vpn::analyse
