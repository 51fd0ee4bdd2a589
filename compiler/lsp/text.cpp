#include "compiler/lsp/text.h"

#include <algorithm>

namespace vpn::lsp {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

/// Units that the character which begins with this byte takes.
std::uint32_t units(char c, Encoding encoding) {
  const auto byte = static_cast<unsigned char>(c);
  switch (encoding) {
    case Encoding::utf8:
      return byte < 0x80u ? 1 : byte < 0xE0u ? 2 : byte < 0xF0u ? 3 : 4;
    case Encoding::utf16:
      return byte < 0xF0u ? 1 : 2;
    case Encoding::utf32:
      break;
  }
  return 1;
}

std::size_t next_character(std::string_view text, std::size_t at) {
  ++at;
  while (at < text.size() && continues(text[at])) ++at;
  return at;
}

}  // namespace

std::string_view to_string(Encoding encoding) {
  return encoding == Encoding::utf8 ? "utf-8" : encoding == Encoding::utf16 ? "utf-16" : "utf-32";
}

Text::Text(std::string content, Encoding encoding) : content_(std::move(content)), encoding_(encoding), lines_{0} {
  index(0, content_.size(), lines_);
}

/// Adds the beginnings of the lines that follow a line end in [begin, end).
void Text::index(std::size_t begin, std::size_t end, std::vector<std::size_t>& lines) const {
  for (std::size_t at = content_.find_first_of("\r\n", begin); at < end; at = content_.find_first_of("\r\n", at)) {
    at += content_.compare(at, 2, "\r\n") == 0 ? 2U : 1U;
    lines.push_back(at);
  }
}

std::size_t Text::line_of(std::size_t offset) const {
  return static_cast<std::size_t>(std::upper_bound(lines_.begin(), lines_.end(), offset) - lines_.begin()) - 1;
}

std::size_t Text::line_end(std::size_t offset) const {
  return std::min(content_.find_first_of("\r\n", offset), content_.size());
}

std::size_t Text::offset(Position position) const {
  if (position.line >= lines_.size()) return content_.size();
  std::size_t at = lines_[position.line];
  const std::size_t end = line_end(at);
  std::uint32_t left = position.character;
  while (at < end && left > 0) {
    const std::uint32_t size = units(content_[at], encoding_);
    if (size > left) break;
    left -= size;
    at = next_character(content_, at);
  }
  return std::min(at, end);
}

Position Text::position(std::size_t offset) const {
  offset = std::min(offset, content_.size());
  while (offset > 0 && offset < content_.size() && continues(content_[offset])) --offset;
  const std::size_t line = line_of(offset);
  if (known_line_ != line || known_offset_ > offset || known_offset_ < lines_[line]) {
    known_line_ = line;
    known_offset_ = lines_[line];
    known_units_ = 0;
  }
  while (known_offset_ < offset) {
    known_units_ += units(content_[known_offset_], encoding_);
    known_offset_ = next_character(content_, known_offset_);
  }
  return {static_cast<std::uint32_t>(line), known_units_};
}

void Text::replace(Range range, std::string_view text) {
  const std::size_t begin = offset(range.start);
  const std::size_t end = std::max(begin, offset(range.end));
  content_.replace(begin, end - begin, text);
  known_offset_ = known_line_ = known_units_ = 0;
  // From the line before: what is put in may make "\r\n" of its end, or part one.
  std::size_t first = line_of(begin);
  if (first > 0) --first;
  std::vector<std::size_t> lines(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(first) + 1);
  const std::size_t stop = std::min(begin + text.size() + 1, content_.size());
  index(lines.back(), stop, lines);
  const auto rest = std::upper_bound(lines_.begin(), lines_.end(), end + 1);
  for (auto at = rest; at != lines_.end(); ++at) {
    const std::size_t moved = *at - (end - begin) + text.size();
    if (moved > lines.back()) lines.push_back(moved);
  }
  lines_ = std::move(lines);
}

}  // namespace vpn::lsp
