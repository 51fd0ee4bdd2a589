// What compiler/schema/generate writes: constant data, nothing to initialise at run time.
#pragma once

#include <span>
#include <string_view>

#include "compiler/schema/schema.h"

namespace vpn::schema::tables {

extern const Payload top_level;
extern const std::span<const Payload> payloads;          // sorted by type
extern const std::span<const std::string_view> foreign;  // sorted
extern const std::span<const ServiceSelector> services;  // in the order of Service
extern const std::span<const KnownApp> apps;             // sorted by identifier
extern const std::span<const ProbeTarget> probes;

}  // namespace vpn::schema::tables
