// Moments of a capture: nanoseconds since 1970-01-01 UTC, and how files and people write them.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/scenario/tree.h"

namespace vpn::simulate {

using Moment = std::int64_t;

inline constexpr Moment second = 1'000'000'000;
inline constexpr std::int64_t last_second = 9'000'000'000;  ///< of what a Moment is given: in the year 2255
inline constexpr Moment never = std::numeric_limits<Moment>::max();
inline constexpr Moment always = std::numeric_limits<Moment>::min();

/// As a file gives it: seconds from the beginning of the capture, or a date and time of RFC 3339.
struct FileMoment {
  Moment value = 0;
  bool absolute = false;
  Moment in(Moment beginning) const;  ///< of a capture that begins then
};

/// Nothing: it is neither.
std::optional<FileMoment> read_moment(const scenario::Node& node);
/// "2026-11-23T17:00:00Z", "…00.25+01:00", RFC 3339.
std::optional<Moment> parse_rfc3339(std::string_view text);

/// "2026-11-23T17:00:00.123456789Z", without zeros at the end of the fraction.
std::string to_rfc3339(Moment moment);
/// Seconds with nine digits: "12.500000000".
std::string to_seconds(Moment duration);

}  // namespace vpn::simulate
