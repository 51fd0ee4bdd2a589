// Keys and certificates of a policy, taken apart for charon.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/tunnel/wiped.h"
#include "policy/result.h"

namespace vpn::policy::fb {
struct Policy;
struct Identity;
}  // namespace vpn::policy::fb

namespace vpn::agent {

/// A secret by its number in the policy.
using FindSecret = std::function<std::optional<std::span<const std::byte>>(std::uint32_t)>;
using Der = std::vector<std::byte>;

enum class KeyKind : std::uint8_t { rsa, ecdsa256, ecdsa384, ecdsa521, other };

/// What the device shows of itself.
struct DeviceIdentity {
  WipedBytes key;  ///< PKCS#8, DER
  KeyKind kind = KeyKind::other;
  Der certificate;          ///< X.509, DER
  std::vector<Der> others;  ///< of its chain; not trusted for anything by being here
};

/// Opens the PKCS#12 container. Errors: invalid_input: not of that kind (an identity that must be enrolled first has no
/// key yet), the password is wrong, or no key with its certificate is inside.
Result<DeviceIdentity> open_identity(const policy::fb::Identity& identity, const FindSecret& secrets);

/// What an enrolment program writes: PEM with one private key, its certificate and others of the chain, or PKCS#12
/// without a password. Hostile input. Errors: invalid_input.
Result<DeviceIdentity> read_enrolled(std::span<const std::byte> output);
/// Whether a certificate is not valid any more. Nor is what is none.
bool has_expired(std::span<const std::byte> certificate);

/// As PEM. Errors: invalid_input: it is no key.
Result<WipedBytes> pem_of_key(std::span<const std::byte> pkcs8);
std::string pem_of_certificate(std::span<const std::byte> der);

struct Authority {
  Der certificate;
  std::string common_name;
};
/// The certificate authorities that the profile brings (payloads root, pkcs1, pem); others than authorities are left
/// out.
std::vector<Authority> authorities(const policy::fb::Policy& policy);
/// Those of a file of PEM certificates. Errors: unreadable.
Result<std::vector<Authority>> authorities(const std::string& path);

}  // namespace vpn::agent
