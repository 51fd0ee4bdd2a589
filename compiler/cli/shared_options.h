// Options that several commands take: each is told once, so that help, completions and man pages of all say the same.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "console/options.h"

namespace vpn::cli {

inline constexpr std::string_view platform_words = "ios,macos,visionos,tvos,watchos,linux";

/// The built-in properties, for completion.
inline constexpr std::string_view property_words = "no-leak,no-leak-governed,excluded-only,captive-bounded,no-shadow";

/// Of commands that take profiles alone.
inline constexpr Option platform_option{"platform", 0, "PLATFORM",
                                        "whose defaults apply, and whose keys are checked; without it linux, unchecked",
                                        platform_words};
inline constexpr Option trust_option{"trust", 0, "FILE", "certificate that signed profiles must lead up to", {}, true};
inline constexpr Option decrypt_key_option{"decrypt-key", 0, "FILE", "private key that opens encrypted payloads", {}};
inline constexpr Option config_option{
    "config", 0, "FILE", "configuration to use in place of the .vpnprofile.yaml that is found", {}};

/// Of commands that take a compiled policy as well: what request_of() of policy_input.h reads.
inline constexpr Option for_profiles[] = {
    {"app-map", 0, "FILE", "for profiles: what bundle identifiers are on this platform", {}},
    {"platform", 0, "PLATFORM", "for profiles: whose defaults apply; without it linux", platform_words},
    {"trust", 0, "FILE", "for profiles: certificate that signed ones must lead up to", {}, true},
    {"decrypt-key", 0, "FILE", "for profiles: private key that opens encrypted payloads", {}},
};

/// Of commands that go through all states unless some are given: what read_states() of state_input.h reads.
inline constexpr Option only_states_option{"state", 's', "FILE", "only in this device state, JSON; repeat for several",
                                           {},      true};

/// A command's table of options, in the order of its help.
template <std::size_t... N>
constexpr std::array<Option, (N + ...)> joined(const Option (&... lists)[N]) {
  std::array<Option, (N + ...)> out{};
  std::size_t at = 0;
  const auto add = [&](const auto& list) {
    for (const Option& option : list) out[at++] = option;
  };
  (add(lists), ...);
  return out;
}

}  // namespace vpn::cli
