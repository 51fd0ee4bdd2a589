// As much of HTTP/1.1 (RFC 9112) as a probe needs: one GET, one answer. Pure; whatever a server sends, memory and work
// stay within fixed bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/address.h"

namespace vpn::agent {

struct HttpUrl {
  bool tls = false;
  std::string host;                        ///< an A-label in lower case, or an address without brackets
  std::optional<policy::Address> address;  ///< where the host is one
  std::uint16_t port = 0;
  std::string target;  ///< path and query
  friend bool operator==(const HttpUrl&, const HttpUrl&) = default;
};

/// http: and https: only; nothing where it is no such URL, names a user, or holds what may not stand in a request.
std::optional<HttpUrl> parse_http_url(std::string_view text);

/// The whole request. `accept`: media type.
std::string http_request(const HttpUrl& url, std::string_view accept);

/// Of a Content-Type field: without parameters, lower case.
std::string media_type(std::string_view content_type);

inline constexpr std::size_t largest_http_head = 16384;  ///< bytes of status line and fields

class HttpReader {
 public:
  enum class State : std::uint8_t { reading, done, failed };
  /// Reads so much of the body, and no further; 0: only what is before it.
  explicit HttpReader(std::size_t most_body) : most_body_(most_body) {}

  State read(std::string_view bytes);  ///< as they come, in any pieces
  State end();                         ///< the server has closed the connection

  int status() const { return status_; }                                  ///< 0: none yet
  const std::optional<std::uint64_t>& length() const { return length_; }  ///< that the server has announced
  const std::string& content_type() const { return content_type_; }       ///< media_type() of it
  const std::string& body() const { return body_; }

 private:
  enum class Part : std::uint8_t { head, body, chunk_size, chunk, chunk_end, done, failed };
  void head_line(std::string_view line);
  void field(std::string_view name, std::string_view value);
  void after_head();
  void take_body(std::string_view& bytes, std::uint64_t& left, Part then);
  void chunk_line(std::string_view line);
  State state() const;

  std::size_t most_body_;
  Part part_ = Part::head;
  std::string line_;
  std::size_t head_size_ = 0;
  int status_ = 0;
  bool chunked_ = false;
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;
  std::string content_type_, body_;
};

}  // namespace vpn::agent
