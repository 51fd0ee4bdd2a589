// Reads back what the formats print: what a pipeline would learn from it.
#pragma once

#include <string>
#include <vector>

#include "compiler/format/format.h"

namespace vpn::lint::test {

/// One finding as a format tells it. What a format does not tell is 0 or empty.
struct Told {
  std::string code, severity, file;
  std::uint32_t line = 0, column = 0;
  std::string text;  ///< holds the message

  bool operator==(const Told&) const = default;
};

std::vector<Told> read_back(format::Style style, const std::string& report);

/// A finding as `style` should tell it.
Told expected_of(format::Style style, const findings::Finding& finding);

}  // namespace vpn::lint::test
