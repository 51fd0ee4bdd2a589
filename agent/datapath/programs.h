// Loading, pinning, attaching and adopting the programs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/datapath/datapath.h"
#include "agent/datapath/kernel_map.h"
#include "policy/result.h"

struct guard;     // the skeleton, generated
struct bpf_link;  // libbpf
struct bpf_map;
struct bpf_program;

namespace vpn::agent {

class Programs {
 public:
  /// `maps_kept` tells afterwards whether the maps are those of an earlier agent.
  static Result<Programs> load(const Options& options);
  Programs(Programs&&) noexcept;
  Programs& operator=(Programs&&) noexcept;
  ~Programs();

  bool maps_kept() const { return maps_kept_; }
  guard& skeleton() const { return *skeleton_; }
  static int fd(const bpf_map* map);

  /// Attaches what guards sockets to the cgroup, or puts our programs into the links that are pinned already.
  Result<void> attach();
  /// The programs for datagrams to a destination of their own: wanted only while names decide (S4.b, S4.c).
  Result<void> watch_datagrams(bool wanted);
  Result<void> watch_interface(std::uint32_t index, bool wanted);
  Result<void> attribute();
  void check(Health& health) const;
  Result<void> remove();

 private:
  struct LinkCloser {
    void operator()(bpf_link* link) const;
  };
  struct SkeletonCloser {
    void operator()(guard* skeleton) const;
  };
  using Link = std::unique_ptr<bpf_link, LinkCloser>;
  Programs() = default;
  using Skeleton = std::unique_ptr<guard, SkeletonCloser>;
  /// An object with these programs only, on the maps of the folder.
  static Result<Skeleton> load_part(const Options& options, bool datagrams);
  Result<void> attach_one(bpf_program* program, const std::string& name);
  std::string pin_of(const std::string& name) const;

  Skeleton skeleton_;
  Skeleton datagrams_;  ///< loaded when it is first wanted: the verifier takes milliseconds for each program
  std::map<std::string, Link> links_;
  std::vector<std::uint32_t> watched_;
  Descriptor cgroup_;
  std::uint64_t cgroup_id_ = 0;
  Options options_;
  bool maps_kept_ = false;
};

}  // namespace vpn::agent
