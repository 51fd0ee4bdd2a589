// Loading, pinning, attaching and adopting the programs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "agent/datapath/kernel_map.h"
#include "policy/result.h"

struct guard;    // the skeleton, generated
struct bpf_map;  // libbpf
union bpf_iter_link_info;
struct vpn_owner;

namespace vpn::agent {

class Programs {
 public:
  /// What an earlier agent has pinned is taken over when it is the same object: the verifier takes tens of milliseconds
  /// for it. `maps_kept` tells afterwards whether the maps are those of an earlier agent.
  static Result<Programs> load(const Options& options);
  static bool are_pinned(const Options& options);
  Programs(Programs&&) noexcept;
  Programs& operator=(Programs&&) noexcept;
  ~Programs();

  bool maps_kept() const { return maps_kept_; }
  std::string links() const;  ///< the folder of their pins
  /// For its maps; the programs in it are not loaded.
  guard& skeleton() const { return *skeleton_; }
  static int fd(const bpf_map* map);

  /// Attaches what guards sockets to the cgroup, or puts our programs into the links that are pinned already.
  Result<void> attach();
  /// The programs for datagrams to a destination of their own: wanted only while names decide (S4.b, S4.c).
  Result<void> watch_datagrams(bool wanted);
  /// The programs that show steered sockets the resolver that they asked.
  Result<void> hide_forwarder();
  Result<void> watch_interface(std::uint32_t index, bool wanted);
  Result<void> watch_departures(std::uint32_t index, bool wanted);  ///< of a tunnel's interface that is watched
  Result<void> attribute();
  Result<vpn_owner> owner_of(std::uint32_t pid);
  void check(Health& health) const;
  Result<void> remove();

 private:
  struct SkeletonCloser {
    void operator()(guard* skeleton) const;
  };
  using Skeleton = std::unique_ptr<guard, SkeletonCloser>;
  using Names = std::span<const char* const>;
  Programs() = default;
  /// Takes these programs from where they are pinned, or loads and pins them.
  Result<void> obtain(Names names);
  bool adopt(Names names);
  Result<void> load(Names names);
  Result<void> take_maps();
  Result<Skeleton> open() const;
  Result<void> attach_one(const char* name);
  /// Runs an iterator to its end and gives what it wrote. `only`: null, or what it is limited to.
  Result<std::string> walk(const char* iterator, bpf_iter_link_info* only, const char* what) const;
  std::string pin_of(const std::string& link) const;
  std::string program_folder() const;

  Skeleton skeleton_;
  std::map<std::string, Descriptor, std::less<>> programs_, links_;
  std::vector<std::uint32_t> watched_;
  std::vector<std::uint32_t> departures_;  ///< indexes of tunnels' interfaces
  Descriptor cgroup_;
  std::uint64_t cgroup_id_ = 0;
  Options options_;
  bool maps_kept_ = false;
};

}  // namespace vpn::agent
