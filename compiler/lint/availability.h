// What keeps something from being there on one platform.
#pragma once

#include <cstdint>
#include <optional>

#include "compiler/lint/lint.h"

namespace vpn::lint {

enum class Lack : std::uint8_t { never, later, removed, unsupervised, deprecated };
inline constexpr std::size_t lack_count = 5;

/// The first reason why something is not there, or not for long; without a version, the newest one counts.
std::optional<Lack> lack_of(const schema::Availability& availability, const Options& options);

}  // namespace vpn::lint
