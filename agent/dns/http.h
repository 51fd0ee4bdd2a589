// DNS over HTTPS (RFC 8484): what HTTP/1.1 and HTTP/2 (http2.h) share, and the request and the answer of HTTP/1.1.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/dns/choice.h"
#include "agent/dns/message.h"
#include "agent/network/http.h"

namespace vpn::agent::dns {

inline constexpr std::string_view dns_media_type = "application/dns-message";

/// Where questions go: by POST, for the URL of a GET would tell the question to every log.
struct HttpPlace {
  std::string authority;  ///< host as it stands in the URL, and the port unless it is HTTPS's
  std::string path;
};
HttpPlace http_place(const Resolver& resolver, const policy::Address& server);

/// Whether an answer whose head says this is one: 200 and nothing else, for a redirection would lead to a place that no
/// verdict was asked for; and a DNS message.
bool is_dns_answer(int status, std::string_view media_type);

/// A POST of one question by HTTP/1.1; the connection ends with the answer.
std::string http_request(const HttpPlace& place, View query);

/// Takes an answer by HTTP/1.1 in, piece by piece, in bounded room.
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
