// What counts as a local network in every place ("Local networks" of docs/semantics.md).
#pragma once

#include <vector>

#include "policy/address.h"

namespace vpn::policy {

/// Link-local addresses and multicast that stays near. The networks that a device is in come in addition.
std::vector<Prefix> always_local();

}  // namespace vpn::policy
