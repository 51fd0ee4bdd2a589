// Builds a Space. For space*.cpp only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/analyse/space.h"
#include "policy/situation.h"

namespace vpn::analyse {

class SpaceBuilder {
 public:
  SpaceBuilder(std::span<const policy::Policy* const> policies, Refinement refinement);
  Result<Space> build();

 private:
  const policy::Plan& plan(std::size_t k) const { return *situations_[k].data().plan; }
  std::size_t count() const { return space_.policies_.size(); }

  // space_states.cpp
  void pair_tunnels();
  void name_tunnels();
  void find_statuses();
  Result<void> find_networks();
  Result<void> make_route_blocks();
  Result<void> make_states();
  std::vector<std::vector<policy::TunnelStatus>> status_combinations();
  bool asks_captive() const;

  // space_whos.cpp
  void classify_apps();
  void classify_hosts();
  Result<void> make_whos();
  void add_owner(std::string_view identifier);
  void add_spawner(std::string_view identifier);
  void visit_hosts(std::size_t k);
  std::uint32_t host_class(const std::string& name);
  void append_governing(std::size_t k, std::uint32_t owner, std::uint32_t spawner, std::uint32_t host,
                        ClassKey& key) const;
  std::span<const std::uint8_t> domain_bytes(std::size_t k) const;

  // space_traffic.cpp
  void classify_ports();
  void classify_places();

  Space space_;
  std::vector<policy::Situation> situations_;  // of a booting device
  std::vector<policy::KernelClasses> classes_;
  std::map<ClassKey, std::uint32_t> owner_numbers_, spawner_numbers_, host_numbers_;
  ClassKey host_key_;
  std::vector<std::vector<std::uint32_t>> default_sets_;  // of tunnels
};

}  // namespace vpn::analyse
