// The algorithms of a payload in charon's words.
#pragma once

#include <string>
#include <vector>

#include "policy/result.h"

namespace vpn::policy::fb {
struct Ike;
}

namespace vpn::agent::strongswan {

/// Proposals for both associations, best first.
struct Proposals {
  std::vector<std::string> ike, esp;
  bool post_quantum = false;  ///< they ask for ML-KEM (RFC 9370), which charon has from 6.0 on
};

struct ProposalSettings {
  bool always_on = false;  ///< refuses groups below 14
  /// Whether charon has ML-KEM. Without it, and without AllowPostQuantumKeyExchangeFallback, what asks for it is
  /// refused.
  bool ml_kem = true;
};

/// Errors: invalid_input, names the key and what to put there: broken or unknown algorithms, and what
/// EnforceStrictAlgorithmSelection or an always-on tunnel forbids.
Result<Proposals> proposals(const policy::fb::Ike& ike, const ProposalSettings& settings);

/// For payloads of type IPSec, which name none: what concentrators of the last ten years have, and nothing that is
/// broken. One group: in aggressive mode the first message has its half of the exchange.
Result<Proposals> ikev1_proposals();

}  // namespace vpn::agent::strongswan
