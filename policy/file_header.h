// The fixed header in front of a policy file's body: encoding, decoding, digests (docs/policy-format.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "policy/policy.h"
#include "policy/result.h"

namespace vpn::policy {

inline constexpr std::size_t header_bytes =
    256;  ///< a multiple of file_alignment, so that the body is aligned in the file
inline constexpr std::size_t signed_bytes = 128;  ///< of the header: what the signature covers, the body by its digest
inline constexpr std::uint16_t format_version = 1;
inline constexpr std::uint16_t reader_version = 1;  ///< the newest minimum_reader that this code satisfies
/// Far beyond any sensible policy; bounds the memory that a reader takes.
inline constexpr std::uint64_t largest_body = std::uint64_t{1} << 29;

using Digest = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// Everything that the header holds.
struct FileHeader {
  Header
      shown;  ///< what Policy::header() gives; its sha256 covers the rest of the header and, by body_sha256, the body
  std::uint64_t body_size = 0;
  Digest body_sha256{};
  Signature signature{};  ///< Ed25519 (RFC 8032) over the first signed_bytes; zero when unsigned
};

/// SHA-256. False when the cryptographic library refuses.
bool sha256(std::span<const std::byte> bytes, Digest& digest);

/// The part that is signed; `shown.is_signed` and `shown.key_id` are part of it.
std::array<std::byte, signed_bytes> signed_part(const FileHeader& header);
/// The whole header; its digest goes into `header.shown.sha256` as well.
Result<std::array<std::byte, header_bytes>> encode(FileHeader& header);

/// Whether a file that begins like this is a policy, of whatever version.
bool is_policy_file(std::span<const std::byte> beginning);
/// Reads the header of a whole file and checks all that can be told without the body: magic, versions, flags, sizes,
/// reserved bytes, the header's digest. Errors name the offset.
Result<FileHeader> decode(std::span<const std::byte> file);
/// The body's digest.
Result<void> check_body_digest(const FileHeader& header, std::span<const std::byte> body);
/// The signature by the raw Ed25519 public key.
Result<void> check_signature(const FileHeader& header, const Digest& public_key);

}  // namespace vpn::policy
