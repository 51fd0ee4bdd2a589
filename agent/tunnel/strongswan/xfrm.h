// The kernel's IPsec: whether it has ESP, and the interface that stands for one tunnel's associations. Each call is a
// few exchanges with the kernel over netlink.
#pragma once

#include <cstdint>
#include <string>

#include "policy/result.h"

namespace vpn::agent::strongswan {

/// Whether the kernel of this network namespace can do ESP with AES-GCM and has interfaces for it. Tries it, and takes
/// away what it has tried with.
bool kernel_has_esp();

/// Makes the interface anew, up. Errors: environment.
Result<void> make_xfrm_interface(const std::string& name, std::uint32_t if_id);
void remove_xfrm_interface(const std::string& name);

/// Removes the associations and policies of that interface: those of a charon that was killed stay in the kernel.
/// Nobody else's are touched. Errors: environment.
Result<void> forget_associations(std::uint32_t if_id);

}  // namespace vpn::agent::strongswan
