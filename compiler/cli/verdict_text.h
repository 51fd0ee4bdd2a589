// Verdicts for people, as all commands print them.
#pragma once

#include "compiler/verdict/text.h"

namespace vpn::cli {

using verdict::explain_text;
using verdict::flow_text;
using verdict::rule_text;
using verdict::source_text;
using verdict::verdict_word;

}  // namespace vpn::cli
