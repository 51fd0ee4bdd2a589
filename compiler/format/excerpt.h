// The lines of a file that a finding is about, with the place underlined.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/document/source.h"
#include "compiler/format/locator.h"

namespace vpn::format {

struct ExcerptStyle {
  std::string_view frame;  ///< escape sequence of line numbers and bars; empty without colour
  std::string_view mark;   ///< of the underline
  std::string_view reset;
  unsigned width = 120;  ///< columns of text to show
  char sign = '^';       ///< what underlines
};

/// Up to three lines with their numbers, each ending in a line end. Spans over more lines show the first and the last;
/// long lines are cut around the span. What lies in `secrets` (sorted) shows as asterisks.
std::string excerpt(const document::Source& source, document::Span span, const Place& place,
                    std::span<const document::Span> secrets, const ExcerptStyle& style);

}  // namespace vpn::format
