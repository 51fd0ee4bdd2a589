// Inside of Datapath, shared by its sources.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/bpf/maps.h"
#include "agent/datapath/datapath.h"
#include "agent/datapath/kernel_map.h"
#include "agent/datapath/programs.h"

struct ring_buffer;

namespace vpn::agent {

/// One store that the programs see as a whole.
void store(__u64& word, std::uint64_t value);

struct RingCloser {
  void operator()(ring_buffer* ring) const;
};

struct Datapath::Data {
  explicit Data(Programs loaded) : programs(std::move(loaded)) {}
  Result<void> take_maps();

  vpn_control& control() const { return *static_cast<vpn_control*>(control_page.get()); }
  vpn_status& status(std::uint32_t slot) const { return static_cast<vpn_status*>(status_page.get())[slot]; }
  /// Makes sockets forget: something that verdicts rest on has changed.
  void change();
  void flag(std::uint32_t bit, bool on);
  /// Waits for the readers of the slots that an earlier agent has left, beside all else that a start has to do.
  void wait_early();
  Result<void> put_owners(const std::map<std::string, vpn_owner>& groups,
                          const std::map<std::string, vpn_owner>& files);
  /// `certain`: they hold from now on, and not together with others.
  Result<void> put_patterns(const std::map<std::string, vpn_pattern_owner>& wanted,
                            std::span<const vpn_shape> wanted_shapes, bool certain);
  Number last_number() const;  ///< of those given so far

  Programs programs;
  Mapping control_page, status_page;
  MirroredMap<std::uint32_t, std::uint32_t> interfaces;
  MirroredMap<vpn_ip, std::uint32_t> tunnel_addresses;
  MirroredMap<vpn_source_key, vpn_ip> sources;
  MirroredMap<std::uint64_t, vpn_owner> cgroups;
  MirroredMap<vpn_executable, vpn_owner> executables;
  MirroredMap<vpn_pattern, vpn_pattern_owner> patterns;
  MirroredMap<vpn_exemption_key, vpn_exemption> exemptions;
  MirroredMap<vpn_name_key, vpn_name> names;
  std::unique_ptr<ring_buffer, RingCloser> drops;
  std::function<void(const DropEvent&)> on_drop;
  /// What this process has put into the slots; nothing is said about those that were adopted.
  struct Classes {
    std::vector<AppClass> apps;
    std::vector<std::uint64_t> pairs;
    friend bool operator==(const Classes&, const Classes&) = default;
  };
  std::array<Classes, VPN_SLOTS> classes;
  std::future<Result<void>> readers;
  std::optional<std::map<std::string, vpn_pattern_owner>> patterns_in_place;  ///< by set_owners(), whole
  bool adopted = false;
  bool published = false;  ///< by this process: the idle slot may still be read
};

vpn_ip to_kernel(const policy::Address& address);
policy::Address from_kernel(const vpn_ip& address);

}  // namespace vpn::agent
