// The text of an input file, and where in it things stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace vpn::document {

/// Byte offsets into Source::text(); `begin == npos` where the format has no text (binary property lists).
struct Span {
  static constexpr std::uint32_t npos = 0xffffffffu;
  std::uint32_t begin = npos;
  std::uint32_t end = npos;
  bool known() const { return begin != npos; }
};

/// Line and column, both from 1; columns count Unicode code points. 0, 0 for an unknown span.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

/// One input file as UTF-8 text (or raw bytes for binary formats). Positions are worked out when first asked for, so a
/// Source belongs to one thread at a time.
class Source {
 public:
  Source(std::string name, std::string text);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// Reads a file, or standard input for "-" (named "<stdin>"). Errors: `unreadable` (no such file, a directory, no
  /// permission); `invalid_input` when it is larger than `limit` bytes (at most 4 GiB - 2).
  static Result<std::unique_ptr<Source>> read(const std::string& path, std::size_t limit);

  /// As read(), but a file that is too large is no error: the source then has no text and is_too_large().
  static Result<std::unique_ptr<Source>> read_up_to(const std::string& path, std::size_t limit);

  const std::string& name() const { return name_; }  ///< as the user gave it
  std::string_view text() const { return text_; }    ///< what spans refer to
  Position position(
      std::uint32_t offset) const;  ///< O(log lines), however long they are; builds tables at the first call
  std::string_view line(std::uint32_t line) const;  ///< without its end; lines from 1, empty beyond the last
  std::uint32_t line_count() const;                 ///< at least 1

  /// Replaces the text by the one that spans refer to (after UTF-16 conversion or unwrapping a CMS envelope). Views
  /// into the old text become invalid.
  void replace_text(std::string text, bool is_original);
  /// From now on texts put here are decrypted secrets: they are overwritten before they are freed.
  void wipe_at_end() { wipe_ = true; }
  /// False when text() is not byte for byte the file (converted, unwrapped): then no fix can be written back.
  bool is_original() const { return is_original_; }
  bool is_too_large() const { return is_too_large_; }  ///< the file went beyond the limit of read_up_to()

 private:
  const std::vector<std::uint32_t>& lines() const;
  std::uint32_t points_before(std::uint32_t offset) const;
  std::string name_;
  std::string owned_;               ///< behind text_, unless buffer_ is
  std::unique_ptr<char[]> buffer_;  ///< behind text_ after read(): never zeroed first, never copied
  std::string_view text_;
  bool is_original_ = true;
  bool is_too_large_ = false;
  bool wipe_ = false;
  mutable std::vector<std::uint32_t> lines_;
  mutable std::vector<std::uint32_t> points_;  ///< before each multiple of some bytes; empty: not asked for
};

}  // namespace vpn::document
