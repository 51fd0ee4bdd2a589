// What a command takes from where it runs: the time, the terminal, the folder.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/format/format.h"

namespace vpn::cli {

/// Seconds since 1970-01-01 UTC: the present, or what SOURCE_DATE_EPOCH says it is.
std::int64_t present();

/// How to print findings on standard output (1) or standard error (2).
format::Options report_options(int descriptor, std::vector<std::string_view> secret_keys);

}  // namespace vpn::cli
