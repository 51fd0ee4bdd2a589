#include "compiler/format/secrets.h"

#include <algorithm>

namespace vpn::format {
namespace {

constexpr std::string_view white = " \t\r\n";

std::size_t skip_white(std::string_view text, std::size_t at) {
  const auto next = text.find_first_not_of(white, at);
  return next == std::string_view::npos ? text.size() : next;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

/// Behind the white space and comments at `at`.
std::size_t skip_comments(std::string_view text, std::size_t at) {
  for (;;) {
    at = skip_white(text, at);
    if (text.substr(at, 4) != "<!--") return at;
    const auto end = text.find("-->", at + 4);
    if (end == std::string_view::npos) return text.size();
    at = end + 3;
  }
}

document::Span span(std::size_t begin, std::size_t end) {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

class Scanner {
 public:
  Scanner(std::string_view text, std::span<const std::string_view> keys) : text_(text), keys_(keys) {}

  std::vector<document::Span> xml() {
    constexpr std::string_view open = "<key>", close = "</key>";
    for (std::size_t at = text_.find(open); at != std::string_view::npos; at = text_.find(open, at)) {
      at += open.size();
      const auto end = text_.find('<', at);
      if (end == std::string_view::npos) break;
      if (!wanted(trimmed(text_.substr(at, end - at)))) continue;
      auto closed = text_.substr(end, close.size()) == close ? end + close.size() : end;
      if (text_.substr(end, open.size()) == open) closed = end + open.size();  // the slash forgotten
      at = element_content(skip_comments(text_, closed));
    }
    return std::move(found_);
  }

  std::vector<document::Span> json() {
    for (std::size_t at = text_.find('"'); at < text_.size(); at = text_.find('"', at)) {
      const std::size_t end = string_end(at);
      const std::size_t colon = skip_white(text_, std::min(end + 1, text_.size()));
      const bool is_secret = colon < text_.size() && text_[colon] == ':' && wanted(text_.substr(at + 1, end - at - 1));
      at = std::min(end + 1, text_.size());
      if (!is_secret) continue;
      const std::size_t value = skip_white(text_, colon + 1);
      if (value >= text_.size() || text_[value] != '"') continue;
      const std::size_t value_end = string_end(value);
      found_.push_back(span(value + 1, value_end));
      at = std::min(value_end + 1, text_.size());
    }
    return std::move(found_);
  }

 private:
  bool wanted(std::string_view key) const { return std::find(keys_.begin(), keys_.end(), key) != keys_.end(); }

  /// Notes what stands in the element at `at`, up to its end tag; gives where to go on.
  std::size_t element_content(std::size_t at) {
    if (at >= text_.size() || text_[at] != '<' || text_.substr(at, 5) == "<key>") return at;
    const auto opened = text_.find('>', at);
    if (opened == std::string_view::npos || text_[opened - 1] == '/') return at + 1;
    const auto name = text_.substr(at + 1, opened - at - 1);
    if (name != "string" && name != "data") return opened;  // a container or a number: nothing to hide as a whole
    auto closed = text_.find(std::string("</").append(name), opened);
    if (closed == std::string_view::npos) closed = text_.size();
    found_.push_back(span(opened + 1, closed));
    return closed;
  }

  /// Offset of the quote that closes the string at `at`, or the end of the text.
  std::size_t string_end(std::size_t at) const {
    for (std::size_t i = at + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '"') {
        return i;
      }
    }
    return text_.size();
  }

  std::string_view text_;
  std::span<const std::string_view> keys_;
  std::vector<document::Span> found_;
};

}  // namespace

std::vector<document::Span> secret_spans(std::string_view text, std::span<const std::string_view> keys) {
  if (keys.empty()) return {};
  const std::size_t start = skip_white(text, text.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0);
  Scanner scanner(text, keys);
  const bool is_json = start < text.size() && (text[start] == '{' || text[start] == '[');
  return is_json ? scanner.json() : scanner.xml();
}

const std::vector<document::Span>& Secrets::of(const document::Source& source) {
  const auto found = spans_.find(&source);
  if (found != spans_.end()) return found->second;
  return spans_.emplace(&source, secret_spans(source.text(), keys_)).first->second;
}

bool Secrets::overlap(const document::Source& source, document::Span span) {
  const auto& spans = of(source);
  const auto before = [](document::Span s, std::uint32_t at) { return s.end <= at; };
  const auto it = std::lower_bound(spans.begin(), spans.end(), span.begin, before);
  return it != spans.end() && it->begin < span.end;
}

}  // namespace vpn::format
