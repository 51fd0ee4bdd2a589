// Reading the key that policies are checked with.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "policy/result.h"

namespace vpn::cli {

/// The raw Ed25519 public key of a PEM file that holds a public or a private key, or a certificate.
Result<std::array<std::uint8_t, 32>> read_public_key(const std::string& path);

}  // namespace vpn::cli
