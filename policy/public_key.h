// Reading the key that policies are checked with.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/result.h"

namespace vpn::policy {

/// The raw Ed25519 public key of a PEM that holds a public or a private key, or a certificate. `where` is for errors.
Result<std::array<std::uint8_t, 32>> parse_public_key(std::string_view pem, const std::string& where);

}  // namespace vpn::policy
