#include "compiler/format/locator.h"

#include <algorithm>

namespace vpn::format {

document::Position Locator::forward(std::uint32_t from, document::Position position, std::uint32_t to) const {
  const std::string_view between = source_->text().substr(from, to - from);
  const bool counts_as_is =
      from >= 3 && between.find_first_of("\r\n") == std::string_view::npos;  // from 3: no byte order mark
  if (!counts_as_is) return source_->position(to);
  const auto is_lead = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  position.column += static_cast<std::uint32_t>(std::count_if(between.begin(), between.end(), is_lead));
  return position;
}

Place Locator::locate(const document::Source& source, document::Span span) {
  if (!span.known()) return {};
  const auto size = static_cast<std::uint32_t>(source.text().size());
  const std::uint32_t begin = std::min(span.begin, size);
  const std::uint32_t end = std::clamp(span.end, begin, size);
  if (source_ == &source && begin >= offset_) {
    position_ = forward(offset_, position_, begin);
  } else {
    source_ = &source;
    position_ = source.position(begin);
  }
  offset_ = begin;
  return {position_, forward(begin, position_, end)};
}

}  // namespace vpn::format
