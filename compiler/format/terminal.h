// Text as a terminal shows it: how wide, and with nothing in it that the terminal would obey. And as XML holds it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::format {

/// One code point of a text, ready to print.
struct Cell {
  std::string shown;         ///< the character, or what stands for it
  unsigned width = 1;        ///< columns; 0 for combining characters
  std::uint32_t offset = 0;  ///< of its first byte, in the text it came from
};

/// Splits `text` into cells. Tabs become spaces up to the next multiple of four; control and bidirectional formatting
/// characters become visible signs, invalid bytes U+FFFD.
std::vector<Cell> cells(std::string_view text);

/// `text` as one line that is safe to print, tabs kept as a space.
std::string printable(std::string_view text);

/// `text` as XML 1.0 can hold it: valid UTF-8, U+FFFD for what it has no way to write.
std::string xml_text(std::string_view text);

/// Columns that `text` takes on a terminal.
unsigned display_width(std::string_view text);

}  // namespace vpn::format
