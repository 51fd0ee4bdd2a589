// Lines and columns of findings in file order, in one pass even where a file is one long line.
#pragma once

#include "compiler/document/source.h"

namespace vpn::format {

struct Place {
  document::Position begin, end;  ///< `end` is behind the last character; 0, 0 for an unknown span
};

/// Remembers the place it was asked for last and counts on from there: Source::position alone would cost the length of
/// the line for each finding.
class Locator {
 public:
  Place locate(const document::Source& source, document::Span span);

 private:
  document::Position forward(std::uint32_t from, document::Position position, std::uint32_t to) const;
  const document::Source* source_ = nullptr;
  std::uint32_t offset_ = 0;
  document::Position position_;
};

}  // namespace vpn::format
