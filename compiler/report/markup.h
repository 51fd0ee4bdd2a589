// HTML and SVG as text. Everything that is not ours goes through escaped(). Internal to compiler/report.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::report {

/// Text for HTML, also inside of quoted attributes: markup means nothing, control characters and marks that turn the
/// direction of writing are shown instead of obeyed.
std::string escaped(std::string_view text);

/// `<tag attributes>escaped text</tag>`; attributes are ours.
std::string element(std::string_view tag, std::string_view attributes, std::string_view text);

/// Width of a text in pixels at a font size, by a rough table of a sans-serif font: on the safe side.
double text_width(std::string_view text, double size);
/// Lines that fit; the last one of at most `most` ends in an ellipsis where something is left.
std::vector<std::string> wrapped(std::string_view text, double width, double size, std::size_t most);

/// A number for an attribute: at most two decimals.
std::string number(double value);

/// The value for a Content-Security-Policy: 'sha256-…'.
std::string content_hash(std::string_view text);
/// zlib's deflate and base64: what the browser's DecompressionStream("deflate") reads.
std::string packed(std::string_view bytes);

}  // namespace vpn::report
