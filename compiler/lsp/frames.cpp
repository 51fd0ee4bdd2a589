#include "compiler/lsp/frames.h"

#include <algorithm>
#include <optional>

#include "policy/ascii.h"

namespace vpn::lsp {
namespace {

constexpr std::string_view header_end = "\r\n\r\n";

}  // namespace

void FrameReader::feed(std::string_view bytes, std::vector<Frame>& frames) {
  while (!bytes.empty() && !lost_) {
    if (in_body_) {
      body(bytes, frames);
    } else {
      header(bytes);
    }
    if (in_body_ && missing_ == 0) body(bytes, frames);
  }
}

void FrameReader::header(std::string_view& bytes) {
  const std::size_t before = header_.size();
  const std::size_t taken = std::min(bytes.size(), largest_header - before);
  header_.append(bytes.substr(0, taken));
  const std::size_t from = before < header_end.size() ? 0 : before - header_end.size();
  const std::size_t end = header_.find(header_end, from);
  if (end == std::string::npos) {
    bytes.remove_prefix(taken);
    lost_ = header_.size() >= largest_header;
    return;
  }
  bytes.remove_prefix(end + header_end.size() - before);
  header_.resize(end);
  lost_ = !read_length();
  header_.clear();
  in_body_ = !lost_;
}

bool FrameReader::read_length() {
  std::optional<std::uint64_t> length;
  std::string_view rest = header_;
  while (!rest.empty()) {
    const std::size_t size = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, size);
    rest.remove_prefix(std::min(size + 2, rest.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    if (!ascii::equal_without_case(line.substr(0, colon), "Content-Length")) continue;
    std::uint64_t value = 0;
    if (length || !ascii::read_number(ascii::trimmed(line.substr(colon + 1)), value)) return false;
    length = value;
  }
  if (!length) return false;
  too_large_ = *length > largest_message;
  missing_ = static_cast<std::size_t>(*length);
  return true;
}

void FrameReader::body(std::string_view& bytes, std::vector<Frame>& frames) {
  const std::size_t taken = std::min(bytes.size(), missing_);
  if (!too_large_) body_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  missing_ -= taken;
  if (missing_ != 0) return;
  frames.push_back({too_large_ ? Frame::Kind::too_large : Frame::Kind::message, std::move(body_)});
  body_.clear();
  in_body_ = too_large_ = false;
}

std::string framed(std::string_view content) {
  return "Content-Length: " + std::to_string(content.size()) + "\r\n\r\n" + std::string(content);
}

}  // namespace vpn::lsp
