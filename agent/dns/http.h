// DNS over HTTPS (RFC 8484) by HTTP/1.1: the request, and an answer that arrives in pieces. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/dns/message.h"
#include "agent/network/http.h"

namespace vpn::agent::dns {

/// A POST of one question; the connection ends with the answer. `host` as it stands in the URL.
std::string http_request(std::string_view host, std::uint16_t port, std::string_view path, View query);

/// Takes an answer in, piece by piece, in bounded room.
class HttpAnswer {
 public:
  enum class State : std::uint8_t { more, whole, bad };
  /// `ended`: nothing comes after this piece.
  State take(std::string_view piece, bool ended);
  /// The body, when it is whole.
  Bytes message() const { return {reader_.body().begin(), reader_.body().end()}; }

 private:
  HttpReader reader_{largest_message + 1};  // one more than it may be: longer ones are seen
};

}  // namespace vpn::agent::dns
