// The parts of a policy's tree. Internal to policy_tree*.cpp.
#pragma once

#include "compiler/cli/policy_tree.h"
#include "policy_generated.h"

namespace vpn::cli {

namespace fb = policy::fb;

class PolicyTree {
 public:
  explicit PolicyTree(const policy::Policy& policy) : policy_(policy), body_(policy.body()) {}
  Tree build();

 private:
  template <class T>
  using Tables = flatbuffers::Vector<flatbuffers::Offset<T>>;
  using Strings = Tables<flatbuffers::String>;

  // policy_tree.cpp
  Tree header() const;
  Tree source(std::uint32_t index) const;
  Tree tunnel_id(std::uint32_t index) const;
  Tree services() const;
  Tree domain_lists() const;
  Tree identities() const;
  Tree probes() const;

  // policy_tree_tunnels.cpp
  Tree tunnel(const fb::Tunnel& t) const;
  Tree ike(const fb::Ike& ike) const;
  Tree login(const fb::Login& login) const;
  Tree dns(const fb::Dns& dns) const;
  Tree identity_name(std::uint32_t index) const;

  // policy_tree_vpns.cpp
  Tree always_on() const;
  Tree per_app(std::uint32_t index) const;
  Tree device(const fb::Device& d) const;
  Tree on_demand(const fb::OnDemand* on_demand) const;
  Tree app(std::uint32_t index) const;
  Tree exceptions(const fb::App& app) const;

  const policy::Policy& policy_;
  const fb::Policy& body_;
};

// What every part needs.
Tree text(const flatbuffers::String* s);                                                ///< null when absent
Tree texts(const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>* list);  ///< null when absent
Tree secret(std::uint32_t number);  ///< {"secret": N}; null for none
Tree settings(const flatbuffers::Vector<flatbuffers::Offset<fb::Setting>>* list);
Tree role_names(std::uint32_t roles);
std::string base64(std::span<const std::uint8_t> bytes);
/// Sets `tree[key]`, unless the value is null or an empty list or mapping.
void put(Tree& tree, const char* key, Tree value);

}  // namespace vpn::cli
