#include "agent/network/http.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "policy/ascii.h"
#include "policy/domain_table.h"

namespace vpn::agent {
namespace {

constexpr std::size_t longest_url = 4096;
constexpr std::size_t longest_chunk_line = 256;

// Nothing that could end a line or a word of the request.
bool may_be_sent(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool read_port(std::string_view text, std::uint16_t& out) {
  if (text.empty()) return true;  // "host:" has the scheme's own
  return ascii::read_number(text, out) && out != 0;
}

}  // namespace

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  HttpUrl out;
  if (text.size() > longest_url || !may_be_sent(text)) return std::nullopt;
  const std::string_view scheme = text.substr(0, text.find("://"));
  if (ascii::equal_without_case(scheme, "https")) {
    out.tls = true;
    out.port = 443;
  } else if (ascii::equal_without_case(scheme, "http")) {
    out.port = 80;
  } else {
    return std::nullopt;
  }
  text.remove_prefix(std::min(scheme.size() + 3, text.size()));
  const std::string_view place = text.substr(0, text.find_first_of("/?#"));
  text.remove_prefix(place.size());
  text = text.substr(0, text.find('#'));
  out.target = text.starts_with('/') ? std::string(text) : "/" + std::string(text);
  std::string_view host = place;
  std::string_view port;
  if (place.starts_with('[')) {
    const auto end = place.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = place.substr(1, end - 1);
    port = place.substr(end + 1);
    out.address = policy::Address::parse(host);
    if (!out.address || !out.address->v6) return std::nullopt;
  } else if (const auto colon = place.find(':'); colon != std::string_view::npos) {
    host = place.substr(0, colon);
    port = place.substr(colon);
  }
  if (!port.empty() && (!port.starts_with(':') || !read_port(port.substr(1), out.port))) return std::nullopt;
  if (!out.address) out.address = policy::Address::parse(host);
  if (out.address) {
    out.host = out.address->to_string();
    return out;
  }
  std::string storage;
  std::string_view name;
  if (host.find('@') != std::string_view::npos ||
      policy::normalise_name(host, storage, name) != policy::NameFault::none)
    return std::nullopt;
  out.host = name;
  return out;
}

std::string http_request(const HttpUrl& url, std::string_view accept) {
  std::string host = url.address && url.address->v6 ? "[" + url.host + "]" : url.host;
  if (url.port != (url.tls ? 443 : 80)) host += ":" + std::to_string(url.port);
  std::string out = "GET " + url.target + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: ";
  out += accept;
  out += "\r\nUser-Agent: vpnagentd\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n";
  return out;
}

std::string media_type(std::string_view content_type) {
  return ascii::lower_case(ascii::trimmed(content_type.substr(0, content_type.find(';'))));
}

HttpReader::State HttpReader::state() const {
  return part_ == Part::done ? State::done : part_ == Part::failed ? State::failed : State::reading;
}

HttpReader::State HttpReader::read(std::string_view bytes) {
  while (!bytes.empty() && state() == State::reading) {
    if (part_ == Part::body) {
      take_body(bytes, left_, Part::done);
      continue;
    }
    if (part_ == Part::chunk) {
      take_body(bytes, left_, Part::chunk_end);
      continue;
    }
    // Lines: of the head, or around chunks.
    const std::size_t most = part_ == Part::head ? largest_http_head - head_size_ : longest_chunk_line;
    const auto end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end == std::string_view::npos ? bytes.size() : end + 1);
    if (line_.size() + piece.size() > most) {
      part_ = Part::failed;
      break;
    }
    line_ += piece;
    bytes.remove_prefix(piece.size());
    if (!line_.ends_with('\n')) break;
    const std::string whole = std::move(line_);
    line_.clear();
    std::string_view line(whole.data(), whole.size() - 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (part_ == Part::head) {
      head_size_ += whole.size();
      head_line(line);
    } else {
      chunk_line(line);
    }
  }
  return state();
}

HttpReader::State HttpReader::end() {
  // Without a length the end of the connection is the body's.
  if (part_ == Part::body && !length_) part_ = Part::done;
  if (part_ != Part::done) part_ = Part::failed;
  return state();
}

void HttpReader::head_line(std::string_view line) {
  if (line.empty()) return after_head();
  if (status_ == 0) {
    const bool known = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ';
    if (!known || !ascii::read_number(line.substr(9, 3), status_) || status_ < 100) {
      status_ = 0;
      part_ = Part::failed;
    }
    return;
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos) field(line.substr(0, colon), ascii::trimmed(line.substr(colon + 1)));
}

void HttpReader::field(std::string_view name, std::string_view value) {
  if (ascii::equal_without_case(name, "content-type")) {
    content_type_ = media_type(value);
  } else if (ascii::equal_without_case(name, "content-length")) {
    std::uint64_t length = 0;
    // Two that differ are an attack, not an answer (RFC 9112, 6.3).
    if (!ascii::read_number(value, length) || (length_ && *length_ != length)) part_ = Part::failed;
    length_ = length;
  } else if (ascii::equal_without_case(name, "transfer-encoding")) {
    chunked_ = ascii::equal_without_case(value, "chunked");
    if (!chunked_) part_ = Part::failed;
  }
}

void HttpReader::after_head() {
  if (status_ == 0) {
    part_ = Part::failed;
    return;
  }
  if (status_ < 200) {  // to be followed by another; all of them share the bound of one
    status_ = 0;
    chunked_ = false;
    length_.reset();
    return;
  }
  const bool empty = most_body_ == 0 || status_ == 204 || status_ == 304 || (!chunked_ && length_ && *length_ == 0);
  part_ = empty ? Part::done : chunked_ ? Part::chunk_size : Part::body;
  left_ = chunked_ ? 0 : length_.value_or(std::numeric_limits<std::uint64_t>::max());
}

void HttpReader::take_body(std::string_view& bytes, std::uint64_t& left, Part then) {
  const std::size_t here = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left));
  body_ += bytes.substr(0, std::min(here, most_body_ - body_.size()));
  bytes.remove_prefix(here);
  left -= here;
  if (body_.size() >= most_body_)
    part_ = Part::done;
  else if (left == 0)
    part_ = then;
}

void HttpReader::chunk_line(std::string_view line) {
  if (part_ == Part::chunk_end) {
    part_ = line.empty() ? Part::chunk_size : Part::failed;
    return;
  }
  const std::string_view digits = ascii::trimmed(line.substr(0, line.find(';')));
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    part_ = Part::failed;
    return;
  }
  part_ = left_ == 0 ? Part::done : Part::chunk;
}

}  // namespace vpn::agent
