// From the model to the bytes of a policy file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/model/model.h"
#include "policy/bytes.h"
#include "policy/result.h"

namespace vpn::lower {

struct Options {
  std::uint64_t serial = 0;
  std::optional<std::string> sign_key;    ///< path of an Ed25519 private key (PEM)
  std::optional<std::string> encrypt_to;  ///< path of the device's certificate (PEM or DER): secrets are sealed for it
  /// The app map serves many devices: its entries for VPNs that this one does not have are passed over. Otherwise such
  /// an entry is refused, for its app would be believed to be governed.
  bool shared_app_map = false;
};

struct Output {
  policy::Bytes policy;   ///< the whole file; Policy::from_bytes() takes it as it is
  model::Secret secrets;  ///< JSON for the separate 0600 file; empty when there are none or they are sealed
};

/// Same model and options: same bytes (a sealed part excepted, which is random by nature).
Result<Output> lower(const model::Model& model, const Options& options);

/// Whether the key and the certificate that the options name can be read and used. Errors: unreadable; invalid_input.
Result<void> check_key_material(const Options& options);

/// Writes `bytes` to `path`: temporary file beside it, fsync, rename; `mode` are its permissions.
Result<void> write_file(const std::string& path, std::span<const std::byte> bytes, unsigned mode);

}  // namespace vpn::lower
