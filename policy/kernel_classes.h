// What of a policy its kernel tables tell apart, whatever the state of the device: classes of owners, ports and names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/decide.h"
#include "policy/result.h"

namespace vpn::policy {

/// Numbers of all classes stay the same until another policy comes: sockets keep theirs. Immutable.
/// 100,000 apps take some milliseconds and about a megabyte.
class KernelClasses {
 public:
  /// Any situation of the policy will do; the policy must outlive this.
  /// Errors (`invalid_input`): more tunnels, marks or classes than the kernel's table can hold.
  static Result<KernelClasses> of(const Situation& situation);

  /// What a reader of the classes other than the kernel can hold.
  struct Limits {
    std::size_t tunnels, groups;
  };
  static Result<KernelClasses> of(const Situation& situation, const Limits& limits);

  /// Class of a local socket's owner for vpn_packet.owner: number of the app in Policy::apps() and of the app that
  /// spawned it, each `none` where it is not of the policy. Both `none`: VPN_OTHER.
  std::uint32_t owner(std::uint32_t app, std::uint32_t spawner) const;

  /// owner() as three small arrays, for the kernel: pairs()[as_owner()[app] * spawners() + as_spawner()[spawner]],
  /// where an app that is `none` counts as 0. The first two have an element for each app of the policy.
  std::span<const std::uint32_t> as_owner() const { return as_owner_; }
  std::span<const std::uint32_t> as_spawner() const { return as_spawner_; }
  std::uint32_t spawners() const { return spawners_; }
  std::span<const std::uint32_t> pairs() const { return pairs_; }

  /// Class of a name for vpn_packet.domain: only lists of S4.b and S4.c count.
  std::uint32_t domain(DomainClass c) const { return c < domains_.size() ? domains_[c] : 0; }

  std::uint32_t owner_count() const { return owners_; }
  std::uint32_t domain_count() const { return domain_count_; }
  std::uint32_t port_count() const { return static_cast<std::uint32_t>(ports_.size()); }
  std::uint32_t mark_count() const { return static_cast<std::uint32_t>(groups_.size()); }

  /// One flow that stands for all owners and names that the rules judge alike, whatever the state.
  struct Group {
    Owner owner = Owner::other;
    std::uint32_t app = none, spawner = none;
    DomainClass domain = 0;
  };
  /// In the order of their marks, the first one has mark 1.
  std::span<const Group> groups() const { return groups_; }
  /// Its place in groups().
  std::uint32_t group(std::uint32_t owner, std::uint32_t domain) const {
    return group_of_[owner * domain_count_ + domain];
  }

  /// One protocol and remote port for each port class.
  struct Port {
    std::uint8_t protocol = 0;
    std::uint16_t port = 0;
  };
  std::span<const Port> ports() const { return ports_; }
  /// Starts of ranges of `protocol << 16 | remote port`: `key << 32 | class`, ascending, the first one at 0.
  std::span<const std::uint64_t> port_ranges() const { return port_ranges_; }

 private:
  friend class KernelClassesBuilder;
  KernelClasses() = default;
  std::vector<std::uint32_t> as_owner_, as_spawner_, pairs_, domains_, group_of_;
  std::vector<Group> groups_;
  std::vector<Port> ports_;
  std::vector<std::uint64_t> port_ranges_;
  std::uint32_t spawners_ = 1, owners_ = 0, domain_count_ = 1;
};

}  // namespace vpn::policy
