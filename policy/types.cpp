// The words of policy/types.h as users write and read them: one table for each type, read both ways.
#include "policy/types.h"

#include <array>
#include <bit>
#include <cstddef>

namespace vpn::policy {
namespace {

template <std::size_t N>
using Words = std::array<std::string_view, N>;

constexpr Words<6> verdicts{"tunnel", "direct", "proxy", "system", "drop", "accept"};
constexpr Words<25> rules{"S0",   "S1.a", "S1.b", "S1.c", "S1.d", "S1.e", "S1.f", "S3",   "S3.a",
                          "S3.b", "S3.c", "S3.d", "S3.e", "S4",   "S4.e", "S5",   "S5.a", "S5.b",
                          "S5.c", "S5.d", "S5.e", "S5.f", "S6.b", "S7",   "S8"};
constexpr Words<6> statuses{"invalid", "disconnected", "connecting", "connected", "reasserting", "disconnecting"};
constexpr Words<4> interface_types{"wifi", "cellular", "ethernet", "other"};
constexpr Words<6> platforms{"ios", "macos", "visionos", "tvos", "watchos", "linux"};
constexpr Words<service_count> services{
    "none", "voicemail", "airprint", "cellular-services", "device-communication", "companion", "apns", "cellular-only"};
constexpr Words<14> roles{"browser",
                          "mail",
                          "calendar",
                          "contacts",
                          "smb",
                          "captive-websheet",
                          "captive-plugin",
                          "voicemail",
                          "airprint",
                          "cellular-services",
                          "device-communication",
                          "companion",
                          "apns",
                          "cellular-only"};

static_assert(static_cast<std::size_t>(Verdict::accept) + 1 == verdicts.size());
static_assert(static_cast<std::size_t>(Rule::S8) + 1 == rules.size());
static_assert(static_cast<std::size_t>(TunnelStatus::disconnecting) + 1 == statuses.size());
static_assert(static_cast<std::size_t>(InterfaceType::other) + 1 == interface_types.size());
static_assert(static_cast<std::size_t>(Platform::linux) + 1 == platforms.size());
static_assert(static_cast<std::size_t>(Service::cellular_only) + 1 == services.size());
static_assert(bit(Role::cellular_only) == 1u << (roles.size() - 1));

/// A value from outside the enumeration (a damaged file) has the name "invalid value".
template <std::size_t N>
std::string_view word(const Words<N>& words, std::size_t index) {
  return index < N ? words[index] : std::string_view("invalid value");
}

template <std::size_t N>
std::size_t find(const Words<N>& words, std::string_view text) {
  std::size_t i = 0;
  while (i < N && words[i] != text) ++i;
  return i;
}

template <class Enum, std::size_t N>
bool parse_word(const Words<N>& words, std::string_view text, Enum& out) {
  const std::size_t i = find(words, text);
  if (i == N) return false;
  out = static_cast<Enum>(i);
  return true;
}

}  // namespace

std::string_view to_string(Verdict v) { return word(verdicts, static_cast<std::size_t>(v)); }
std::string_view to_string(Rule r) { return word(rules, static_cast<std::size_t>(r)); }
std::string_view to_string(TunnelStatus s) { return word(statuses, static_cast<std::size_t>(s)); }
std::string_view to_string(InterfaceType t) { return word(interface_types, static_cast<std::size_t>(t)); }
std::string_view to_string(Platform p) { return word(platforms, static_cast<std::size_t>(p)); }
std::string_view to_string(Service s) { return word(services, static_cast<std::size_t>(s)); }

std::string_view to_string(Role r) {
  const std::uint32_t b = bit(r);
  return word(roles, std::has_single_bit(b) ? static_cast<std::size_t>(std::countr_zero(b)) : roles.size());
}

bool parse(std::string_view text, Verdict& out) { return parse_word(verdicts, text, out); }
bool parse(std::string_view text, Rule& out) { return parse_word(rules, text, out); }
bool parse(std::string_view text, TunnelStatus& out) { return parse_word(statuses, text, out); }
bool parse(std::string_view text, InterfaceType& out) { return parse_word(interface_types, text, out); }
bool parse(std::string_view text, Platform& out) { return parse_word(platforms, text, out); }

bool parse(std::string_view text, Service& out) {
  return text != services[0] && parse_word(services, text, out);  // `none` is not a service
}

bool parse(std::string_view text, Role& out) {
  const std::size_t i = find(roles, text);
  if (i == roles.size()) return false;
  out = static_cast<Role>(1u << i);
  return true;
}

}  // namespace vpn::policy
