// Writes the body of a policy file from a model. Internal to compiler/lower/.
#pragma once

#include <string_view>
#include <vector>

#include "compiler/lower/apps.h"
#include "compiler/lower/domains.h"
#include "compiler/lower/sources.h"
#include "policy/result.h"

namespace vpn::lower {

class Writer {
 public:
  Writer(flatbuffers::FlatBufferBuilder& builder, const model::Model& model);

  /// Writes and finishes the body; `sealed` holds the secrets' envelope, empty where they are kept in a file of their
  /// own.
  Result<void> write(std::span<const std::byte> sealed, bool shared_app_map);

 private:
  template <class T>
  using Offset = flatbuffers::Offset<T>;
  template <class T>
  using Tables = Offset<flatbuffers::Vector<Offset<T>>>;
  using String = Offset<flatbuffers::String>;
  using Strings = Tables<flatbuffers::String>;

  Result<void> check_limits() const;

  // writer_tunnels.cpp
  String text(std::string_view text);  ///< absent when empty
  Strings texts(const std::vector<std::string_view>& list);
  Strings texts(const std::optional<std::vector<std::string_view>>& list);  ///< absent when not set
  Tables<fb::Setting> settings(const std::vector<model::Setting>& settings);
  Offset<fb::SecurityAssociation> association(const model::SecurityAssociation& sa);
  Offset<fb::Ike> ike(const model::Ike& ike);
  Offset<fb::Login> login(const model::Login& login);
  Offset<fb::Dns> dns(std::uint32_t owner, const model::Dns& dns);
  Offset<fb::Tunnel> tunnel(std::uint32_t number, const model::Tunnel& tunnel);
  Tables<fb::Tunnel> tunnels();
  Tables<fb::Identity> identities();

  // writer_vpns.cpp
  Strings search_domains(const std::optional<std::vector<std::string_view>>& list);
  Offset<fb::OnDemandRule> rule(std::uint32_t tunnel, const model::OnDemandRule& rule);
  Offset<fb::OnDemand> on_demand(std::uint32_t tunnel, const model::OnDemand& on_demand);
  Offset<fb::AlwaysOn> always_on();
  Tables<fb::PerApp> per_app();
  Tables<fb::Device> devices();

  Tables<fb::ServiceSelector> services();
  Strings servers();
  Tables<fb::ProbeTarget> probes();
  Result<Offset<flatbuffers::Vector<std::uint8_t>>> domain_table();

  flatbuffers::FlatBufferBuilder& builder_;
  const model::Model& model_;
  Sources sources_;
  DomainLists lists_;
  Apps apps_;
};

}  // namespace vpn::lower
