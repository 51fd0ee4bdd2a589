// A policy file, opened and verified; used in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "policy/app_table.h"
#include "policy/bytes.h"
#include "policy/domain_table.h"
#include "policy/result.h"

namespace vpn::policy {

namespace fb {
struct Policy;  // generated from schemas/policy.fbs
}

/// What the fixed header of a policy file says (docs/policy-format.md).
struct Header {
  std::uint16_t format_version = 0;
  std::uint16_t minimum_reader = 0;
  std::uint64_t serial = 0;
  std::array<std::uint8_t, 32> sha256{};
  bool is_signed = false;
  std::array<std::uint8_t, 32> key_id{};  ///< SHA-256 of the signer's raw Ed25519 public key; zero when unsigned
};

/// What one device can have: the reader refuses more, so that what a decision costs and takes is bounded.
inline constexpr std::uint32_t most_per_app = 1024, most_devices = 1024, most_service_selectors = 256;

struct OpenOptions {
  std::optional<std::array<std::uint8_t, 32>> public_key;  ///< raw Ed25519; when set, the signature must verify
  std::uint64_t minimum_serial = 0;                        ///< a lower serial is refused
};

/// Owns the mapping or the bytes. Opening checks the digest, the FlatBuffer, our own invariants, and the signature
/// where a key is given; whatever fails gives an Error and no policy.
class Policy {
 public:
  /// Maps a regular file; errors name path and place. Policies are replaced by renaming, never written in place: a file
  /// that somebody truncates while it is mapped takes the process with it, as with any mapping.
  static Result<Policy> open(const std::string& path, const OpenOptions& options = {});
  static Result<Policy> from_bytes(Bytes bytes, const OpenOptions& options = {});
  static Result<Policy> from_bytes(std::span<const std::byte> bytes, const OpenOptions& options = {});  ///< copies
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;
  ~Policy();

  const Header& header() const;
  const fb::Policy& body() const;  ///< include "policy_generated.h" (target vpn_policy_schema) to use it
  const DomainTable& domains() const;
  const AppTable& apps() const;
  std::span<const std::byte> bytes() const;

 private:
  Policy();
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace vpn::policy
