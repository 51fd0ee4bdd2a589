#include "compiler/format/excerpt.h"

#include <algorithm>

#include "compiler/format/terminal.h"

namespace vpn::format {
namespace {

constexpr std::string_view line_ends = "\r\n";
constexpr std::string_view ellipsis = "\xE2\x80\xA6";  // …

/// A part of one line: bytes [begin, end) of the text, of which [from, to) is underlined.
struct Segment {
  std::uint32_t begin = 0, end = 0;
  std::uint32_t from = 0, to = 0;
  std::uint32_t line = 0;
  bool cut_left = false, cut_right = false;
};

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Bytes looked at on either side: more than is shown of any script, and little enough that ten thousand findings on
/// one line take no time.
std::uint32_t window_bytes(unsigned columns) { return std::min(columns, 1000U) * 4 + 64; }

/// The line around `at`, no further than `window` bytes, cut between code points.
Segment line_around(std::string_view text, std::uint32_t at, std::uint32_t line, std::uint32_t window) {
  Segment s;
  s.line = line;
  const auto size = static_cast<std::uint32_t>(text.size());
  const std::uint32_t lowest = at > window ? at - window : 0;
  s.begin = at;
  while (s.begin > lowest && line_ends.find(text[s.begin - 1]) == std::string_view::npos) --s.begin;
  s.cut_left = s.begin == lowest && lowest > 0 && line_ends.find(text[s.begin - 1]) == std::string_view::npos;
  while (s.cut_left && s.begin < at && is_continuation(text[s.begin])) ++s.begin;
  if (s.begin == 0 && at >= 3 && text.substr(0, 3) == "\xEF\xBB\xBF") s.begin = 3;  // a byte order mark is no text
  const std::uint32_t highest = size - at > window ? at + window : size;
  s.end = at;
  while (s.end < highest && line_ends.find(text[s.end]) == std::string_view::npos) ++s.end;
  s.cut_right = s.end == highest && highest < size && line_ends.find(text[s.end]) == std::string_view::npos;
  while (s.cut_right && s.end > at && is_continuation(text[s.end])) --s.end;
  return s;
}

/// The lines to show for a span: one, or the first and the last (and the one between, when there is just one).
std::vector<Segment> segments(std::string_view text, document::Span span, const Place& place, std::uint32_t window) {
  std::vector<Segment> result;
  Segment first = line_around(text, span.begin, place.begin.line, window);
  first.from = span.begin;
  first.to = std::min(span.end, first.end);
  result.push_back(first);
  if (place.end.line <= place.begin.line) return result;
  // A span that ends right behind a line end is over with the line before.
  if (span.end > 0 && line_ends.find(text[span.end - 1]) != std::string_view::npos) return result;
  Segment last = line_around(text, span.end, place.end.line, window);
  last.to = span.end;
  last.from = last.begin;
  while (last.from < last.to && (text[last.from] == ' ' || text[last.from] == '\t')) ++last.from;
  result.push_back(last);
  return result;
}

void mask(std::vector<Cell>& line, std::uint32_t begin, std::span<const document::Span> secrets) {
  for (Cell& c : line) {
    const std::uint32_t at = begin + c.offset;
    const auto it = std::lower_bound(secrets.begin(), secrets.end(), at,
                                     [](document::Span s, std::uint32_t o) { return s.end <= o; });
    if (it == secrets.end() || it->begin > at) continue;
    c.shown = "*";
    c.width = 1;
  }
}

/// Underlined columns of the cells from `first` on, as an offset and a length in columns; at least one column long.
struct Mark {
  unsigned column = 0, length = 0;
};

Mark underline(const std::vector<Cell>& line, std::size_t first, std::size_t last, const Segment& s) {
  Mark m;
  for (std::size_t i = first; i < last; ++i) {
    const std::uint32_t at = s.begin + line[i].offset;
    if (at < s.from) m.column += line[i].width;
    if (at >= s.from && at < s.to) m.length += line[i].width;
  }
  m.length = std::max(m.length, 1U);
  return m;
}

/// First and last cell to show, so that the span begins in view: all of a line that fits, else a window around the
/// span.
std::pair<std::size_t, std::size_t> visible(const std::vector<Cell>& line, const Segment& s, unsigned width) {
  unsigned total = 0;
  for (const Cell& c : line) total += c.width;
  if (total <= width && !s.cut_left) return {0, line.size()};
  std::size_t at = 0;
  while (at < line.size() && s.begin + line[at].offset < s.from) ++at;
  std::size_t first = at;
  for (unsigned before = 0; first > 0 && before + line[first - 1].width <= width / 3; --first)
    before += line[first - 1].width;
  std::size_t last = first;
  for (unsigned used = 0; last < line.size() && used + line[last].width <= width; ++last) used += line[last].width;
  return {first, last};
}

std::string paint(std::string_view color, std::string_view text, std::string_view reset) {
  return color.empty() ? std::string(text) : std::string(color).append(text).append(reset);
}

std::string render(std::string_view text, const Segment& s, std::size_t gutter, std::span<const document::Span> secrets,
                   const ExcerptStyle& style) {
  std::vector<Cell> line = cells(text.substr(s.begin, s.end - s.begin));
  mask(line, s.begin, secrets);
  const auto [first, last] = visible(line, s, style.width);
  const bool left = s.cut_left || first > 0;
  std::string shown = left ? std::string(ellipsis) : std::string();
  for (std::size_t i = first; i < last; ++i) shown += line[i].shown;
  if (s.cut_right || last < line.size()) shown += ellipsis;
  const auto end = shown.find_last_not_of(' ');
  shown.resize(end == std::string::npos ? 0 : end + 1);
  const Mark m = underline(line, first, last, s);
  const std::string number = std::to_string(s.line);
  const std::string head = std::string(gutter - number.size(), ' ') + number + " | ";
  const std::string bar = std::string(gutter, ' ') + " | ";
  return paint(style.frame, head, style.reset) + shown + "\n" + paint(style.frame, bar, style.reset) +
         std::string(m.column + (left ? 1 : 0), ' ') +
         paint(style.mark, std::string(m.length, style.sign), style.reset) + "\n";
}

}  // namespace

std::string excerpt(const document::Source& source, document::Span span, const Place& place,
                    std::span<const document::Span> secrets, const ExcerptStyle& style) {
  if (place.begin.line == 0) return {};
  const std::string_view text = source.text();
  span.begin = std::min<std::uint32_t>(span.begin, static_cast<std::uint32_t>(text.size()));
  span.end = std::clamp<std::uint32_t>(span.end, span.begin, static_cast<std::uint32_t>(text.size()));
  const std::vector<Segment> parts = segments(text, span, place, window_bytes(style.width));
  const std::size_t gutter = std::max<std::size_t>(std::to_string(parts.back().line).size(), 3);
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && parts[i].line > parts[i - 1].line + 1)
      result += paint(style.frame, std::string(gutter, '.'), style.reset) + "\n";
    result += render(text, parts[i], gutter, secrets, style);
  }
  return result;
}

}  // namespace vpn::format
