// The words of docs/semantics.md as types. Values are stored in policy files: never renumber.
#pragma once

#include <cstdint>
#include <string_view>

namespace vpn::policy {

enum class Verdict : std::uint8_t { tunnel, direct, proxy, system, drop, accept };

/// The rule that decided; S4 without a letter is the drop of unattributed flows,
/// S3 and S5 without one are the drop of foreign encapsulations on the way in.
enum class Rule : std::uint8_t {
  S0,
  S1a,
  S1b,
  S1c,
  S1d,
  S1e,
  S1f,
  S3,
  S3a,
  S3b,
  S3c,
  S3d,
  S3e,
  S4,
  S4e,
  S5,
  S5a,
  S5b,
  S5c,
  S5d,
  S5e,
  S5f,
  S6b,
  S7,
  S8,
};

enum class TunnelStatus : std::uint8_t { invalid, disconnected, connecting, connected, reasserting, disconnecting };
enum class InterfaceType : std::uint8_t { wifi, cellular, ethernet, other };
enum class Platform : std::uint8_t { ios, macos, visionos, tvos, watchos, linux };

/// Services of S2. `none` is not a service.
enum class Service : std::uint8_t {
  none,
  voicemail,
  airprint,
  cellular_services,
  device_communication,
  companion,
  apns,
  cellular_only
};
inline constexpr unsigned service_count = 8;

/// Roles of an app: bits, as in AppClass.roles.
enum class Role : std::uint32_t {
  browser = 1u << 0,
  mail = 1u << 1,
  calendar = 1u << 2,
  contacts = 1u << 3,
  smb = 1u << 4,
  captive_websheet = 1u << 5,
  captive_plugin = 1u << 6,
  voicemail = 1u << 7,
  airprint = 1u << 8,
  cellular_services = 1u << 9,
  device_communication = 1u << 10,
  companion = 1u << 11,
  apns = 1u << 12,
  cellular_only = 1u << 13,
};
constexpr std::uint32_t bit(Role r) { return static_cast<std::uint32_t>(r); }

/// An index that names nothing (NONE of schemas/policy.fbs).
inline constexpr std::uint32_t none = 0xffffffffu;

// Names as users write and read them. `parse_*` give false for an unknown word and leave `out` alone.
std::string_view to_string(Verdict v);
std::string_view to_string(Rule r);  ///< "S5.c"
std::string_view to_string(TunnelStatus s);
std::string_view to_string(InterfaceType t);
std::string_view to_string(Platform p);
std::string_view to_string(Service s);
std::string_view to_string(Role r);
bool parse(std::string_view text, Verdict& out);
bool parse(std::string_view text, Rule& out);
bool parse(std::string_view text, TunnelStatus& out);
bool parse(std::string_view text, InterfaceType& out);
bool parse(std::string_view text, Platform& out);
bool parse(std::string_view text, Service& out);
bool parse(std::string_view text, Role& out);

}  // namespace vpn::policy
