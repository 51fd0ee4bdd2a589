// The certificates within payloads: whether they can be read, and when they are valid.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::lint {

enum class CertificateFault : std::uint8_t {
  none,
  unreadable,      ///< no certificate, or a damaged one
  wrong_password,  ///< of a PKCS#12 container
  not_judged,      ///< its password is not known, or it asks for more work than is reasonable
};

struct Validity {
  std::int64_t not_before = 0, not_after = 0;  ///< seconds since 1970-01-01 UTC
};

struct CertificateReading {
  CertificateFault fault = CertificateFault::none;
  std::vector<Validity> certificates;
};

/// One certificate in DER, or any number in PEM. The fast path for DER reads nothing but the two dates.
CertificateReading read_certificates(std::span<const std::uint8_t> bytes);

/// The certificates of a PKCS#12 container; `password` null: not known. Never opens a private key, and refuses
/// containers whose key derivation would take more than a second.
CertificateReading read_container(std::span<const std::uint8_t> bytes, const std::string* password);

}  // namespace vpn::lint
