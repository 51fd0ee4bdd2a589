// The apps that a policy names, with their classes. Internal to compiler/lower/.
#pragma once

#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/lower/sources.h"
#include "policy/result.h"

namespace vpn::lower {

class Apps {
 public:
  Apps(flatbuffers::FlatBufferBuilder& builder, Sources& sources, const model::Model& model);

  /// Errors: a mapping to a per-app VPN that does not exist, unless it is the app map's and that is shared.
  Result<void> collect(bool shared_app_map);

  Result<flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>>> names();
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::App>>> apps();
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::AppClass>>> classes();

 private:
  /// Per-app VPN and a tool of it; `none` as tool: the VPN governs the app and all that it spawns (S4.d).
  using Membership = std::pair<std::uint32_t, std::uint32_t>;
  struct Entry {
    std::uint32_t roles = 0;
    std::uint32_t exception_any = policy::none, exception_udp = policy::none, exception_tcp = policy::none;
    std::uint32_t captive_plugin = policy::none;
    const model::App* known = nullptr;
    std::string_view path;  ///< executable that a profile names, where the app map does not say more
    std::uint32_t app_class = 0;
  };
  struct PathUser {
    std::string_view path;
    std::string_view identifier;
    friend auto operator<=>(const PathUser&, const PathUser&) = default;  // NOLINT(modernize-use-nullptr)
  };

  void collect_identifiers();
  void collect_paths();
  void collect_exceptions();
  void collect_vpns();
  Result<void> collect_mappings(bool shared_app_map);
  Result<std::uint32_t> vpn(std::string_view uuid, std::string_view app) const;
  void add_tools(std::uint32_t app, std::uint32_t vpn, const std::vector<model::Tool>& tools);
  void classify();
  std::uint32_t intern(std::uint32_t roles, std::span<const std::pair<std::uint32_t, Membership>> memberships);
  std::uint32_t index(std::string_view identifier) const;
  flatbuffers::Offset<fb::AppIdentity> identity(const Entry& entry);

  flatbuffers::FlatBufferBuilder& builder_;
  Sources& sources_;
  const model::Model& model_;
  std::vector<std::string_view> identifiers_;                    ///< sorted, distinct
  std::unordered_map<std::string_view, std::uint32_t> vpns_;     ///< by VPNUUID; the first where two have the same
  std::vector<Entry> entries_;                                   ///< beside identifiers_
  std::unordered_map<std::string_view, std::uint32_t> numbers_;  ///< in identifiers_
  std::vector<PathUser> paths_;  ///< sorted; only filled when a tool is named by its path
  std::vector<std::pair<std::uint32_t, Membership>> memberships_;  ///< app, VPN, tool; sorted by classify()
  std::map<std::vector<std::uint64_t>, std::uint32_t> class_numbers_;
  std::vector<flatbuffers::Offset<fb::AppClass>> classes_;
};

}  // namespace vpn::lower
