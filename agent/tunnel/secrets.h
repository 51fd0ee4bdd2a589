// The secrets of a policy, from the file beside it or from its sealed part (docs/policy-format.md, "Secrets").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/tunnel/wiped.h"
#include "policy/policy.h"
#include "policy/result.h"

namespace vpn::agent {

/// Where secrets may come from.
struct SecretSources {
  std::string file;         ///< JSON, readable by its owner only; empty: none
  std::string certificate;  ///< PEM: the device's certificate, for what is sealed; empty: none
  std::string key;          ///< PEM: its private key
};

/// Owns the secrets, in memory that is locked and wiped (wiped.h).
class Secrets {
 public:
  /// Nothing where the policy has none. Errors: `unreadable` (also: a file that others can read), `invalid_input` (not
  /// of this policy, or another number of them than the policy says).
  static Result<Secrets> read(const policy::Policy& policy, const SecretSources& sources);
  /// By number, as in the policy; nothing where there is no such secret.
  std::optional<std::span<const std::byte>> find(std::uint32_t number) const;
  std::size_t size() const { return secrets_.size(); }

 private:
  std::vector<WipedBytes> secrets_;
};

}  // namespace vpn::agent
