#include "agent/dns/http.h"

#include <charconv>

#include "policy/ascii.h"

namespace vpn::agent::dns {
namespace {

constexpr std::size_t most_of_head = 16384, most_of_chunks = 262144;
constexpr std::string_view line_end = "\r\n", media_type = "application/dns-message";

}  // namespace

std::string http_request(std::string_view host, std::uint16_t port, std::string_view path, View query) {
  std::string out = "POST " + std::string(path) + " HTTP/1.1\r\nHost: ";
  const bool literal6 = host.find(':') != std::string_view::npos;
  out += literal6 ? "[" + std::string(host) + "]" : std::string(host);
  if (port != 443) out += ":" + std::to_string(port);
  out += "\r\nAccept: " + std::string(media_type) + "\r\nContent-Type: " + std::string(media_type) +
         "\r\nContent-Length: " + std::to_string(query.size()) + "\r\nConnection: close\r\n\r\n";
  out.append(query.begin(), query.end());
  return out;
}

HttpAnswer::State HttpAnswer::take(std::string_view piece, bool ended) {
  text_ += piece;
  if (!head_read_) {
    const State head = read_head();
    if (head != State::whole) return head == State::more && ended ? State::bad : head;
  }
  return read_body(ended);
}

// 200 and nothing else: a redirection would lead to a place that no verdict was asked for.
HttpAnswer::State HttpAnswer::read_head() {
  const auto end = text_.find("\r\n\r\n");
  if (end == std::string::npos) return text_.size() > most_of_head ? State::bad : State::more;
  std::string_view head = std::string_view(text_).substr(0, end);
  if (!head.starts_with("HTTP/1.") || head.size() < 12 || head.substr(8, 4) != " 200") return State::bad;
  for (auto at = head.find(line_end); at != std::string_view::npos; at = head.find(line_end)) {
    head.remove_prefix(at + line_end.size());
    const std::string_view line = head.substr(0, head.find(line_end));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return State::bad;
    const std::string_view key = line.substr(0, colon), value = ascii::trimmed(line.substr(colon + 1));
    if (ascii::equal_without_case(key, "content-length")) {
      std::size_t length = 0;
      if (!ascii::read_number(value, length) || length > largest_message || length_) return State::bad;
      length_ = length;
    } else if (ascii::equal_without_case(key, "transfer-encoding")) {
      if (!ascii::equal_without_case(value, "chunked")) return State::bad;
      chunked_ = true;
    }
  }
  text_.erase(0, end + 4);
  head_read_ = true;
  return State::whole;
}

HttpAnswer::State HttpAnswer::read_body(bool ended) {
  if (chunked_) {
    const State state = read_chunks();
    return state == State::more && (ended || text_.size() > most_of_chunks) ? State::bad : state;
  }
  if (text_.size() > largest_message) return State::bad;
  if (length_ ? text_.size() < *length_ : !ended) return ended ? State::bad : State::more;
  body_ = text_.substr(0, length_.value_or(text_.size()));
  return State::whole;
}

HttpAnswer::State HttpAnswer::read_chunks() {
  for (;;) {
    const auto end = text_.find(line_end);
    if (end == std::string::npos) return text_.size() > most_of_head ? State::bad : State::more;
    std::size_t size = 0;
    const char* const last = text_.data() + end;
    const auto [number_end, error] = std::from_chars(text_.data(), last, size, 16);
    if (error != std::errc{} || (number_end != last && *number_end != ';') || size > largest_message) return State::bad;
    if (size == 0) return State::whole;
    const std::size_t start = end + line_end.size();
    if (text_.size() < start + size + line_end.size()) return State::more;
    if (text_.compare(start + size, line_end.size(), line_end) != 0) return State::bad;
    body_.append(text_, start, size);
    text_.erase(0, start + size + line_end.size());
    if (body_.size() > largest_message) return State::bad;
  }
}

}  // namespace vpn::agent::dns
