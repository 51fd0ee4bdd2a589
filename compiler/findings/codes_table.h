// The generated table, for codes.cpp only.
#pragma once

#include <span>

#include "compiler/findings/codes.h"

namespace vpn::findings {

std::span<const CodeInfo> code_table();

}  // namespace vpn::findings
