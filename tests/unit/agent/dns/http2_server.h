// The other side of HTTP/2: a real server session of nghttp2, and frames by hand for what no real one sends.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/dns/message.h"

namespace vpn::agent::dns::test {

class Http2Server {
 public:
  struct Request {
    std::int32_t stream = 0;
    std::map<std::string, std::string> fields;
    Bytes body;
  };
  /// `streams`: that a client may have open.
  explicit Http2Server(std::uint32_t streams = 100);
  ~Http2Server();
  Http2Server(const Http2Server&) = delete;
  Http2Server& operator=(const Http2Server&) = delete;

  bool take(View bytes);
  Bytes output();
  std::vector<Request> requests;                   ///< whole ones, as they came
  std::vector<std::int32_t> reset;                 ///< streams that the client has reset
  bool goodbye = false;                            ///< the client has said so
  std::map<std::int32_t, std::uint32_t> settings;  ///< of the client

  void answer(std::int32_t stream, const Bytes& body, std::string_view status = "200",
              std::string_view type = "application/dns-message");
  nghttp2_session* session() { return session_; }

 private:
  struct Callbacks;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Request> open_;
  std::map<std::int32_t, Bytes> bodies_;
};

/// RFC 9113, 4.1.
Bytes frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream, const Bytes& payload);
/// A field that is not compressed (RFC 7541, 6.2.2).
Bytes literal_field(std::string_view name, std::string_view value);

}  // namespace vpn::agent::dns::test
