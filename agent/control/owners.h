// Which cgroups and executables are whose: apps of the policy by the app map, the tunnels' providers, the agent itself.
// What an app is on this device may change at any time (packages are upgraded, scopes come and go): it is followed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "agent/loop/loop.h"
#include "agent/tunnel/provider.h"
#include "policy/app_map/app_map.h"
#include "policy/policy.h"

namespace vpn::agent {

/// What an app of the policy is on this device.
struct AppIdentity {
  std::uint32_t app = 0;  ///< index into Policy::apps()
  std::vector<std::string> paths;
  std::vector<std::string> cgroups;  ///< patterns of names of cgroups' folders, or of paths where they hold a '/'
  std::vector<std::uint8_t> digest;  ///< SHA-256 that the executable must have; empty: any
};

/// Identities of the policy's apps; entries of the device's own app map replace the policy's as a whole. Pure.
std::vector<AppIdentity> identities(const policy::Policy& policy, const std::vector<policy::MappedApp>& local);

/// Whether the cgroup at `path` (below the mount, with a leading '/') is meant. Pure.
bool is_cgroup_of(const AppIdentity& identity, std::string_view path);

/// What the kernel can tell of a new cgroup by its name alone; what only its path or several wildcards would tell is
/// not certain. `numbers`: of apps, by their index. Pure.
std::vector<CgroupPattern> cgroup_patterns(const std::vector<AppIdentity>& identities,
                                           const std::map<std::uint32_t, Number>& numbers);

/// Executables and cgroups by what they are, for the kernel's maps.
struct FoundOwners {
  struct Executable {
    std::uint64_t device = 0, inode = 0;
    friend auto operator<=>(const Executable&, const Executable&) = default;  // NOLINT(modernize-use-nullptr)
  };
  std::map<Executable, std::uint32_t> app_executables;  ///< index of the app
  std::map<std::uint64_t, std::uint32_t> app_cgroups;   ///< cgroup id to index of the app
  std::map<std::uint64_t, std::uint64_t> parents;       ///< of all cgroups that were looked at, to the one above or 0
  friend bool operator==(const FoundOwners&, const FoundOwners&) = default;
};

/// The owner of each cgroup in either of them: its own, or that of the nearest one above that has one. Pure.
std::vector<CgroupOwner> with_descendants(const std::map<std::uint64_t, Owner>& owners,
                                          const std::map<std::uint64_t, std::uint64_t>& parents);

class OwnerWatch {
 public:
  /// `cgroup_root`: folder of the guarded part of cgroup v2. `changed` comes soon after something changed.
  OwnerWatch(Loop& loop, std::string cgroup_root, std::function<void()> changed);
  ~OwnerWatch();
  OwnerWatch(const OwnerWatch&) = delete;
  OwnerWatch& operator=(const OwnerWatch&) = delete;

  void set(std::vector<AppIdentity> identities);
  const FoundOwners& found() const { return found_; }
  std::vector<std::string> faults() const { return faults_; }  ///< for people: what cannot be told apart, wrong digests

 private:
  void readable();
  void scan();
  void scan_cgroups();
  void scan_cgroups(const std::string& folder, const std::string& path, std::uint64_t parent, unsigned depth);
  void scan_executables();
  void watch(const std::string& folder, bool cgroup);
  void keep_running(FoundOwners& now);

  Loop& loop_;
  std::string cgroup_root_;
  std::function<void()> changed_;
  std::vector<AppIdentity> identities_;
  FoundOwners found_;
  std::vector<std::string> faults_;
  bool any_cgroups_ = false, too_many_ = false;
  int inotify_ = -1;
  std::map<std::string, int> watched_;
  std::unique_ptr<Waiting> waiting_, soon_;
  std::map<FoundOwners::Executable, std::uint32_t> replaced_;  ///< still run by some process
};

/// Device and inode of a file, links followed; nothing where there is no regular file.
std::optional<FoundOwners::Executable> executable_of(const std::string& path);
/// Identifier of a cgroup by its folder; 0: there is none.
std::uint64_t cgroup_id(const std::string& folder);
/// Where cgroup v2 is mounted ("/sys/fs/cgroup"); empty: nowhere. From /proc/self/mounts.
std::string cgroup_mount();

}  // namespace vpn::agent
