// The text of an open document, in the client's positions: lines from 0, and code units of the agreed encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vpn::lsp {

enum class Encoding : std::uint8_t { utf8, utf16, utf32 };
std::string_view to_string(Encoding encoding);  ///< "utf-16"

struct Position {
  std::uint32_t line = 0, character = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct Range {
  Position start, end;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Valid UTF-8. Lines end with "\n", "\r\n" or "\r" (LSP 3.17, "Text Documents").
class Text {
 public:
  Text(std::string content, Encoding encoding);

  const std::string& content() const { return content_; }
  /// What is beyond the end of its line, or of the text, means that end; within a character: its beginning.
  std::size_t offset(Position position) const;
  Position position(std::size_t offset) const;
  Range range(std::size_t begin, std::size_t end) const { return {position(begin), position(end)}; }
  void replace(Range range, std::string_view text);
  std::size_t line_end(std::size_t offset) const;  ///< of the line that the offset is in, before its line end

 private:
  void index(std::size_t begin, std::size_t end, std::vector<std::size_t>& lines) const;
  std::size_t line_of(std::size_t offset) const;

  std::string content_;
  Encoding encoding_;
  std::vector<std::size_t> lines_;  ///< where they begin
  /// The place asked for last: findings come in order, and a file may be one long line.
  mutable std::size_t known_offset_ = 0, known_line_ = 0;
  mutable std::uint32_t known_units_ = 0;
};

}  // namespace vpn::lsp
